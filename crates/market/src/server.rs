//! The market as a server.

use std::{fmt, io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use canut_gate::{Connections, Limits, accept};
use canut_protocol::Domain;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    api,
    chain::{BlockRef, ChainView},
    engine::{Bounds, Market},
    metrics::Metrics,
    storage::{StorageError, Store},
};

/// How long open requests may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How the market runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen at; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The database: `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub storage: String,
    /// The hub whose orders are traded.
    pub domain: Domain,
    /// Open orders of one kind that a wallet may have.
    pub max_open_orders: usize,
    /// Orders of one kind that a wallet had, that are filled, canceled or dead, and are still shown: the newest.
    pub max_closed_orders: usize,
    /// Bytes of all orders of all wallets, as JSON: memory and disk take a few times as much.
    pub max_bytes: u64,
    /// Requests per minute from one address; this machine is exempt.
    pub requests_per_minute: NonZeroU32,
    /// How long a request may take, its body included, and how long a client may take none of its answer.
    pub patience: Duration,
}

impl Config {
    /// The market of `domain` as iExec's runs: 50 open orders, 100 requests a minute. It listens at a free port of this
    /// machine.
    pub fn new(domain: Domain, storage: impl Into<String>) -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::new(100).unwrap();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            storage: storage.into(),
            domain,
            max_open_orders: 50,
            max_closed_orders: 1_000,
            max_bytes: 2 << 30,
            requests_per_minute: PER_MINUTE,
            patience: Duration::from_secs(30),
        }
    }
}

/// Why the market does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its counters clash.
    #[error("the counters for Prometheus cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Its database does not work.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Its address cannot be listened at.
    #[error("cannot listen at {address} ({cause}): choose another address or port")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
}

/// A running market. Dropping it without [`stop`](Self::stop) cuts it off; nothing durable is lost.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
    market: Market,
}

impl Server {
    /// Starts the market over `chain`. It serves at once, and catches up with the chain meanwhile.
    pub async fn start(config: Config, chain: Arc<dyn ChainView>) -> Result<Self, StartError> {
        let store = Store::open(&config.storage, config.domain).await?;
        let failed = |cause| StartError::Listen {
            address: config.listen,
            cause,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let bounds = Bounds {
            open: config.max_open_orders,
            closed: config.max_closed_orders,
            bytes: config.max_bytes,
        };
        let market = Market::start(
            config.domain,
            bounds,
            chain,
            store,
            Metrics::new()?,
            &tasks,
            &stop,
        )
        .await?;
        let limits = Limits::new(config.requests_per_minute, config.patience);
        let router = api::router(market.clone(), limits, stop.clone());
        let connections = Connections {
            patience: config.patience,
            ..Connections::default()
        };
        let (served, end) = (tasks.clone(), stop.clone());
        tasks.spawn(accept(listener, router, connections, served, end));
        tasks.close();
        info!(%address, "the market is open");
        Ok(Self {
            address,
            stop,
            tasks,
            market,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the market has taken that block in. Queries answered after that know what happened up to it.
    pub async fn reached(&self, block: BlockRef) {
        self.market.reached(block).await;
    }

    /// Stops: requests under way are answered, up to ten seconds, and the database is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("some requests did not end in time and were cut off");
        }
        self.market.store.close().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
