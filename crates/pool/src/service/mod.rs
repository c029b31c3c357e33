//! The running pool.

mod compass;
mod delivered;
mod desk;
mod door;
mod errands;
mod http;
mod logbook;
mod memory;
mod metrics;
mod pace;
mod promises;
mod proofs;
mod range_errands;
mod range_view;
mod route;
mod status;
mod view;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use alloy::providers::Provider;
use alloy_primitives::Address;
use canut_gate::{Challenges, Connections, Gate, Limits, accept};
use canut_hub::{Caller, ConnectError, Follower, Hub, Sender, connect, events::FollowError};
use canut_store::Remote;
use rand::{TryRng, rngs::SysRng};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::{error, info, warn};

pub(crate) use errands::link;

use crate::{
    clock::Clock,
    config::{Config, Way},
    ledger::{Ledger, LedgerError},
    ranges::Ranges,
    schedule::Scheduler,
};
use desk::{Desk, News, Stopped};
use door::{Arrival, Door};
use errands::Errands;
use logbook::Logbook;
use metrics::Metrics;
use promises::Promises;
use range_errands::{ALL_FETCHES, RangeErrands};
use route::Route;
use watch::Watch;

/// Batches of events, and arrivals, that may wait for the desk.
const QUEUE: usize = 64;

/// How long a request may take, and how long a client may take none of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections beside the sessions: of those who ask for logs, figures, or where the pool is.
const VISITORS: usize = 1_024;

/// Why a pool does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The node.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] canut_hub::Error),
    /// The database.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] canut_store::Error),
    /// The port, or the folder.
    #[error("{what}: {error}")]
    System {
        /// What it was about.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no such workerpool.
    #[error("{0} is no workerpool of this hub: create it first, or correct the address")]
    NoWorkerpool(Address),
    /// The key is not the owner's.
    #[error(
        "the workerpool belongs to {owner}, not to {key}: run the pool with the key of its owner"
    )]
    NotTheOwner {
        /// Whose it is.
        owner: Address,
        /// Whose key was given.
        key: Address,
    },
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// The chain was reorganised while it was read for the first time.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

/// A running pool. Dropped, it stops at once; nothing is lost that matters.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    caller: Caller,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Handle {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends its transactions. Whoever sends others with its key uses this.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// URL of its sessions.
    pub fn sessions(&self) -> String {
        format!("ws://{}{}", self.address, crate::session::PATH)
    }

    /// Whether it ended by itself, which only a failing database makes it do.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it: sessions are closed, transactions under way are left to the chain.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(failed) = self.task.await {
            error!(%failed, "the pool broke off");
        }
    }
}

/// Starts a pool: reads what it missed of the chain, then lets workers in.
pub async fn start(config: Config) -> Result<Handle, StartError> {
    let provider = connect(&config.rpc).await?;
    let hub = Hub::at(provider.clone(), config.hub).await?;
    let key = config.key.address();
    let found = hub.workerpool(config.workerpool).await?;
    let (owner, _) = found.ok_or(StartError::NoWorkerpool(config.workerpool))?;
    if owner != key {
        return Err(StartError::NotTheOwner { owner, key });
    }
    let system = |what: String| move |error| StartError::System { what, error };
    std::fs::create_dir_all(&config.folder).map_err(system(config.folder.display().to_string()))?;
    let domain = hub.domain();
    let whose = format!(
        "workerpool {} of hub {} on chain {}",
        config.workerpool, domain.hub, domain.chain_id
    );
    let ledger = Ledger::open(&config.folder.join("pool.sqlite"), &whose).await?;
    let memory = memory::begins(&ledger, &hub, config.workerpool).await?;
    let logbook = Logbook::open(&config.folder.join("logs.sqlite")).await?;
    let sender = Sender::new(provider, config.key.clone(), config.sender).await?;
    let store_limits = canut_store::Limits {
        upload: config.results.bytes,
        ..Default::default()
    };
    let errands = Errands {
        caller: Caller::new(hub.clone(), sender),
        key: config.key.clone(),
        store: Remote::with_limits(&config.store, store_limits)?,
        limits: config.results,
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(system(config.listen.to_string()))?;
    let address = listener.local_addr().map_err(system("the port".into()))?;
    let stop = CancellationToken::new();
    let caller = errands.caller.clone();
    let pool = Pool {
        config,
        hub,
        ledger,
        logbook,
        errands,
        metrics: Metrics::new()?,
        memory,
    };
    let task = tokio::spawn(pool.run(listener, stop.clone()));
    Ok(Handle {
        address,
        caller,
        stop,
        task: AbortOnDropHandle::new(task),
    })
}

struct Pool {
    config: Config,
    hub: Hub,
    ledger: Ledger,
    logbook: Logbook,
    errands: Errands,
    metrics: Metrics,
    /// Of deals made until then not everything is known, in seconds since the epoch.
    memory: u64,
}

impl Pool {
    async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let (inbox, mut arrivals) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        let mut listener = Some(listener);
        loop {
            let served = tokio::select! {
                () = stop.cancelled() => Ok(Stopped::Asked),
                served = self.serve(&mut tasks, &mut listener, &inbox, &mut arrivals, &stop) => served,
            };
            match served {
                Ok(Stopped::Asked) => break,
                Ok(Stopped::Chain(end)) | Err(StartError::Follow(end)) => {
                    warn!(%end, "the chain is read anew");
                    if let Err(failed) = self.ledger.clear().await {
                        error!(%failed, "the pool ends");
                        break;
                    }
                }
                Ok(Stopped::Ledger(failed)) => {
                    error!(%failed, "the pool ends");
                    break;
                }
                Err(failed) => {
                    error!(%failed, "the pool ends");
                    break;
                }
            }
        }
        stop.cancel();
        drop(arrivals);
        tasks.shutdown().await;
        self.ledger.close().await;
        self.logbook.close().await;
    }

    /// Catches up with the chain, then serves until something ends it.
    async fn serve(
        &self,
        tasks: &mut JoinSet<()>,
        listener: &mut Option<TcpListener>,
        inbox: &mpsc::Sender<Arrival>,
        arrivals: &mut mpsc::Receiver<Arrival>,
        stop: &CancellationToken,
    ) -> Result<Stopped, StartError> {
        let (mut watch, clock) = self.catch_up().await?;
        let mut desk = self.desk(clock).await?;
        if let Some(listener) = listener.take() {
            if self.config.way == Way::Certificate {
                // Seen on the chain before any vote is countersigned: a pool without its folder knows by it that there were some.
                self.promises().begin().await;
            }
            tasks.spawn(self.listen(listener, inbox.clone(), stop.clone()));
            if self.config.way == Way::Certificate {
                tasks.spawn(self.promises().run());
            }
        }
        let (teller, mut news) = mpsc::channel::<News>(QUEUE);
        let telling = tokio::spawn(async move {
            loop {
                let told = watch.next().await;
                let over = told.is_err();
                if teller.send(told).await.is_err() || over {
                    return;
                }
            }
        });
        let telling = AbortOnDropHandle::new(telling);
        let stopped = desk.run(&mut news, arrivals, stop).await;
        drop(telling);
        Ok(stopped)
    }

    /// Reads the chain up to its present head and writes down what is of this pool. Nothing is acted upon.
    async fn catch_up(&self) -> Result<(Watch, Clock), StartError> {
        let head = self
            .hub
            .provider()
            .get_block_number()
            .await
            .map_err(canut_hub::Error::from)?;
        let target = head.saturating_sub(self.config.follow.depth);
        let checkpoint = self.ledger.checkpoint().await?;
        let mut scheduler = self.scheduler();
        let mut ranges = Ranges::new(self.config.ranges);
        let ours = self.restore(&mut scheduler, &mut ranges, 0).await?;
        let (provider, follow) = (self.hub.provider().clone(), self.config.follow);
        let deployment = *self.hub.deployment();
        let from = self.config.start_block;
        let mut read = checkpoint.map(|checkpoint| checkpoint.block);
        let follower = match checkpoint {
            Some(checkpoint) => Follower::resume(provider, deployment, follow, checkpoint),
            None => Follower::from_block(provider, deployment, follow, from),
        };
        let mut watch = Watch::new(self.hub.clone(), self.config.workerpool, follower, ours);
        let mut clock = Clock::default();
        clock.observe(self.hub.now().await?);
        while read.is_none_or(|block| block < target) && from <= target {
            let tidings = watch.next().await?;
            let route = self.route();
            for (at, event) in tidings.tasks {
                let heard = route.tidings(&self.ledger, [(at, event)], []).await?;
                scheduler.handle(at, Duration::ZERO, heard.tasks);
                ranges.handle(at, Duration::ZERO, heard.ranges);
            }
            let heard = route.tidings(&self.ledger, [], tidings.ranges).await?;
            ranges.handle(tidings.time, Duration::ZERO, heard.ranges);
            read = Some(tidings.checkpoint.block);
            let (tasks, ranges) = (scheduler.take_changes(), ranges.take_changes());
            self.ledger
                .save(&tasks, &ranges, Some(tidings.checkpoint))
                .await?;
        }
        info!(block = ?read, "caught up with the chain");
        Ok((watch, clock))
    }

    async fn desk(&self, clock: Clock) -> Result<Desk, StartError> {
        let mut scheduler = self.scheduler();
        let mut ranges = Ranges::new(self.config.ranges);
        self.restore(&mut scheduler, &mut ranges, clock.now())
            .await?;
        Ok(Desk {
            scheduler,
            ranges,
            route: self.route(),
            range_errands: RangeErrands {
                caller: self.errands.caller.clone(),
                key: self.errands.key.clone(),
                store: self.errands.store.clone(),
                limits: self.errands.limits,
                workerpool: self.config.workerpool,
                fetches: Arc::new(Semaphore::new(ALL_FETCHES)),
            },
            clock,
            workerpool: self.config.workerpool,
            min_speed: self.config.min_speed,
            machines: BTreeMap::new(),
            ledger: self.ledger.clone(),
            errands: self.errands.clone(),
            metrics: self.metrics.clone(),
            pace: self.metrics.pace(),
            sessions: BTreeMap::new(),
            under_way: JoinSet::new(),
            since: Instant::now(),
        })
    }

    fn scheduler(&self) -> Scheduler {
        let mut seed = [0; 32];
        if SysRng.try_fill_bytes(&mut seed).is_err() {
            warn!("the system has no random numbers: who is drawn can be guessed");
        }
        Scheduler::new(self.config.settings.clone(), seed)
    }

    fn promises(&self) -> Promises {
        Promises {
            caller: self.errands.caller.clone(),
            ledger: self.ledger.clone(),
            route: self.route(),
            workerpool: self.config.workerpool,
        }
    }

    fn route(&self) -> Route {
        Route {
            way: self.config.way,
            rates: self.config.rates,
            stride: self.config.stride,
            memory: self.memory,
        }
    }

    /// Puts what was written down into the schedulers, and names the tasks that are not over.
    async fn restore(
        &self,
        scheduler: &mut Scheduler,
        ranges: &mut Ranges,
        now: u64,
    ) -> Result<BTreeSet<canut_protocol::TaskId>, LedgerError> {
        let deals = self.ledger.open_deals().await?;
        let mut jobs = Vec::new();
        for (id, _) in &deals {
            jobs.extend(self.ledger.jobs(*id).await?);
        }
        let open = jobs
            .iter()
            .filter(|job| !job.phase.is_over())
            .map(|job| job.id())
            .collect();
        scheduler.restore(now, deals, jobs);
        let deals = self.ledger.open_range_deals().await?;
        let mut votings = Vec::new();
        for (id, _) in &deals {
            votings.extend(self.ledger.votings(*id).await?);
        }
        ranges.restore(now, deals, votings);
        Ok(open)
    }

    fn listen(
        &self,
        listener: TcpListener,
        inbox: mpsc::Sender<Arrival>,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let door = Door {
            hub: self.hub.clone(),
            workerpool: self.config.workerpool,
            admitted: self.config.admitted.clone().map(Arc::new),
            min_speed: self.config.min_speed,
            limits: self.config.sessions,
            inbox,
            logbook: self.logbook.clone(),
            places: Arc::new(Semaphore::new(self.config.sessions.count)),
            numbers: Arc::new(AtomicU64::new(1)),
        };
        let chain = self.hub.domain().chain_id;
        let limits = Limits::new(self.config.requests_per_minute, PATIENCE);
        let gate = Gate::new(limits, self.metrics.answers());
        let state = http::Desks {
            door,
            logbook: self.logbook.clone(),
            challenges: Arc::new(Challenges::new("iExec Core", chain)),
            url: self.config.url.clone(),
            ledger: self.ledger.clone(),
            metrics: self.metrics.clone(),
        };
        let sessions = self.config.sessions;
        let connections = Connections {
            most: sessions.count.saturating_add(VISITORS),
            per_address: sessions.per_address,
            patience: PATIENCE,
        };
        async move {
            let served = TaskTracker::new();
            let router = gate.around(http::router(state));
            accept(listener, router, connections, served.clone(), stop).await;
            served.close();
            served.wait().await;
        }
    }
}
