//! A node: the chain, its ordering and its server, as one thing that starts and stops.

use crate::{
    engine::{Core, EngineError},
    genesis::{DEV_CHAIN_ID, DEV_MNEMONIC, Genesis, mnemonic_keys},
    mempool::{Pool, PoolLimits},
    metrics::Metrics,
    rpc::{Api, Developer, Filters, Limits, Server, serve},
    shape::Shape,
    solo::{Parts, Settings, Solo},
    stages::Stages,
    store::{Store, StoreConfig, StoreError},
};
use alloy::signers::local::{LocalSignerError, PrivateKeySigner};
use alloy_primitives::{Address, B256, U256};
use parking_lot::Mutex;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, broadcast, oneshot},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a node runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the chain is kept; `None` keeps it in memory, and forgets it.
    pub dir: Option<PathBuf>,
    /// Where the server listens; port 0 takes a free one.
    pub http: SocketAddr,
    /// What a new chain starts from. An existing one must have been started from the same.
    pub genesis: Genesis,
    /// Keys that the node holds, and the methods of development chains; `None` leaves them out.
    pub dev: Option<Vec<PrivateKeySigner>>,
    /// Blocks are made at least so often, empty ones too; `None`: only when a transaction waits.
    pub block_time: Option<Duration>,
    /// Who is paid the priority fees.
    pub beneficiary: Address,
    /// What browsers are told of who may ask (CORS); `None`: nobody.
    pub cors: Option<String>,
    /// What a client may ask at once.
    pub limits: Limits,
    /// What may wait.
    pub pool: PoolLimits,
    /// Past blocks whose state can be read, and that can be taken back.
    pub history: usize,
    /// Page cache of the database, bytes.
    pub cache: usize,
}

impl Config {
    /// A chain of its own in memory, with nobody rich.
    pub fn new(genesis: Genesis) -> Self {
        Self {
            dir: None,
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            genesis,
            dev: None,
            block_time: None,
            beneficiary: Address::ZERO,
            cors: None,
            limits: Limits::default(),
            pool: PoolLimits::default(),
            history: 256,
            cache: 128 << 20,
        }
    }

    /// A development chain in memory: ten accounts of the public mnemonic with 10,000 ether each,
    /// and every method.
    pub fn dev() -> Result<Self, NodeError> {
        let keys = mnemonic_keys(DEV_MNEMONIC, 10)?;
        let balance = U256::from(10_000u64) * U256::from(10u64).pow(U256::from(18));
        let genesis = Genesis::funding(
            DEV_CHAIN_ID,
            keys.iter().map(PrivateKeySigner::address),
            balance,
        );
        Ok(Self {
            dev: Some(keys),
            cors: Some("*".into()),
            ..Self::new(genesis)
        })
    }
}

/// Why a node does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The chain could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Blocks can no longer be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The thread that makes blocks ended, and nobody told it to.
    #[error("the sealing thread ended unexpectedly: start again")]
    Sealing,
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}: choose another address")]
    Listen(SocketAddr, io::Error),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A mnemonic that is none.
    #[error("the mnemonic: {0}")]
    Mnemonic(#[from] LocalSignerError),
    /// Metrics could not be set up.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// Not a value for a header.
    #[error("the origin {0:?} cannot be sent in a header")]
    Origin(String),
}

/// A node that runs. Dropping it stops it as a crash would; [`Node::shutdown`] stops it well.
#[derive(Debug)]
pub struct Node {
    /// Where the server listens.
    address: SocketAddr,
    api: Arc<Api>,
    stop: CancellationToken,
    cut: CancellationToken,
    sessions: TaskTracker,
    server: Mutex<Option<JoinHandle<io::Result<()>>>>,
    fatal: Mutex<Option<oneshot::Receiver<EngineError>>>,
}

/// How long clients may take to finish when the node shuts down.
const FAREWELL: Duration = Duration::from_secs(3);
/// Clients that may wait to be let in.
const BACKLOG: u32 = 1024;
/// Blocks that may wait to be committed.
const MAX_UNFINALIZED: usize = 64;
/// Hashes of pending transactions that a slow listener may be behind.
const PENDING_EVENTS: usize = 4096;
/// Bytes of steps in memory at which a checkpoint is due.
const CHECKPOINT_BYTES: u64 = 32 << 20;
/// Trie nodes kept in memory.
const RESIDENT_NODES: usize = 400_000;

impl Node {
    /// Opens the chain and serves it. It answers when this returns.
    pub async fn start(config: Config) -> Result<Self, NodeError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let listener =
            listen(config.http).map_err(|error| NodeError::Listen(config.http, error))?;
        let address = listener.local_addr()?;
        let origin = config
            .cors
            .map(|origin| origin.parse().map_err(|_| NodeError::Origin(origin)))
            .transpose()?;
        let store = StoreConfig {
            dir: config.dir,
            cache: config.cache,
            history: config.history,
            checkpoint_bytes: CHECKPOINT_BYTES,
            resident_nodes: RESIDENT_NODES,
            stages: Arc::new(Stages::new()?),
        };
        let metrics = Arc::new(Metrics::new(&store.stages)?);
        let (rules, block) = (config.genesis.rules(), config.genesis.block(now));
        let gas_limit = config.genesis.gas_limit;
        let opened = tokio::task::spawn_blocking(move || Store::open(store, block)).await;
        let store = opened.map_err(io::Error::other)??;
        let core = Arc::new(Core::new(rules, store, MAX_UNFINALIZED));
        let settings = Settings {
            automine: true,
            block_time: config.block_time,
        };
        let (fatal, failed) = oneshot::channel();
        let parts = Parts {
            core,
            pool: Arc::new(Pool::new(config.pool)),
            clock: Arc::default(),
            shape: Arc::new(Shape::new(config.beneficiary, gas_limit)),
            metrics,
        };
        let solo = Solo::start(parts.clone(), settings, fatal)?;
        let api = Arc::new(Api {
            core: parts.core,
            pool: parts.pool,
            clock: parts.clock,
            shape: parts.shape,
            metrics: parts.metrics,
            solo,
            filters: Filters::new(config.limits.filters, config.limits.filter_life),
            pending: broadcast::channel(PENDING_EVENTS).0,
            heavy: Arc::new(Semaphore::new(config.limits.heavy)),
            developer: config.dev.map(Developer::new),
            limits: config.limits,
        });
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let sessions = TaskTracker::new();
        let server = Server {
            api: Arc::clone(&api),
            stop: stop.clone(),
            cut: cut.clone(),
            sessions: sessions.clone(),
            origin,
        };
        let server = tokio::spawn(serve(listener, server));
        Ok(Self {
            address,
            api,
            stop,
            cut,
            sessions,
            server: Mutex::new(Some(server)),
            fatal: Mutex::new(Some(failed)),
        })
    }

    /// Where the server listens.
    pub fn http_addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://…`
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `ws://…`
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Height and hash of the newest durable block.
    pub fn head(&self) -> (u64, B256) {
        let head = self.api.head();
        (head.head.number(), head.head.hash)
    }

    /// Waits until the node can make no more blocks, and says why.
    pub async fn failed(&self) -> NodeError {
        let receiver = self.fatal.lock().take();
        match receiver {
            Some(receiver) => match receiver.await {
                Ok(error) => error.into(),
                Err(_) if self.stop.is_cancelled() => std::future::pending().await,
                Err(_) => NodeError::Sealing,
            },
            None => std::future::pending().await,
        }
    }

    /// Stops at once, as a crash would: nothing more is written, the next start replays the
    /// journal.
    pub async fn abandon(self) {
        self.stop.cancel();
        self.cut.cancel();
        self.sessions.close();
        let server = self.server.lock().take();
        if let Some(server) = server {
            server.abort();
            // It was told to end in the middle.
            let _ = server.await;
        }
        self.sessions.wait().await;
    }

    /// Answers what was asked, closes connections, and writes everything to the database. A client
    /// that does not finish its request is given a few seconds.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.sessions.close();
        let server = self.server.lock().take();
        if let Some(mut server) = server {
            // It ends by itself, unless a client is in the middle of a request and stays there.
            if tokio::time::timeout(FAREWELL, &mut server).await.is_err() {
                self.cut.cancel();
                if tokio::time::timeout(FAREWELL, &mut server).await.is_err() {
                    server.abort();
                }
            }
        }
        self.sessions.wait().await;
        let api = Arc::clone(&self.api);
        let closed = tokio::task::spawn_blocking(move || {
            api.solo.stop();
            api.core.store.close();
        });
        let _ = closed.await;
    }
}

/// Listens, with room for a burst of clients.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
        self.cut.cancel();
        if let Some(server) = self.server.lock().take() {
            server.abort();
        }
    }
}
