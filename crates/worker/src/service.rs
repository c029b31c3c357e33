//! The running worker.

use std::{
    collections::BTreeMap, fs::File, io, net::SocketAddr, path::Path, sync::Arc, time::Duration,
};

use alloy::providers::Provider;
use alloy_primitives::{Address, U256};
use canut_hub::{Caller, ConnectError, Follower, Hub, Sender, connect};
use canut_protocol::{Nrlc, Tag, TaskId};
use canut_sandbox::{Kind, alone_in};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, warn};

use crate::{
    activity::Look,
    agent::{Agent, Choice, Hands, Manners, Memory, RangeHands, Tick, Weaving, Wires},
    config::Config,
    disk::Disk,
    fetch::{FetchError, Fetcher},
    link::Link,
    logs::Logs,
    machine::Machine,
    page::{Server, Watch},
    presence::{Lookout, Pause},
    ranges::record::RangeJournal,
    record::{Journal, Record},
    run::Runner,
    step::next,
};

/// Questions about what it does that may wait for the agent.
const LOOKS: usize = 8;
/// Messages that may wait for the pool.
const QUEUE: usize = 1_024;

/// Why a worker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The node.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] canut_hub::Error),
    /// The vault's address.
    #[error(transparent)]
    Vault(#[from] canut_vault::RemoteError),
    /// A relay's address.
    #[error(transparent)]
    Relay(#[from] canut_relay::RemoteError),
    /// Fetching files.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The folder.
    #[error("the worker's folder {folder}: {error}")]
    Folder {
        /// Which.
        folder: String,
        /// What the system says.
        error: io::Error,
    },
    /// The port of the page.
    #[error(
        "the page cannot be served at {listen} ({error}): choose another address for --page, or stop what has it"
    )]
    Page {
        /// Where it was to be.
        listen: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Somebody else works there.
    #[error("another worker uses {0}: stop it, or give this one a folder of its own")]
    Locked(String),
}

/// A running worker. Dropped, it stops at once; its tasks are taken up again at the next start.
#[derive(Debug)]
pub struct Handle {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
    leave: CancellationToken,
    holding: watch::Receiver<Vec<TaskId>>,
    pause: watch::Receiver<Option<Pause>>,
    page: Option<SocketAddr>,
    /// Kept open, and with it the lock.
    lock: File,
}

impl Handle {
    /// The tasks it holds, as they change: taken, and not over.
    pub fn holding(&self) -> watch::Receiver<Vec<TaskId>> {
        self.holding.clone()
    }

    /// Why it takes no new tasks, as that changes.
    pub fn pause(&self) -> watch::Receiver<Option<Pause>> {
        self.pause.clone()
    }

    /// Where the page about it is.
    pub const fn page(&self) -> Option<SocketAddr> {
        self.page
    }

    /// Has it take no more tasks, and end by itself once everything is paid that it took. Until then it goes on as ever.
    pub fn leave(&self) {
        self.leave.cancel();
    }

    /// Waits until it ended.
    pub async fn over(&mut self) {
        if !self.task.is_finished()
            && let Err(failed) = (&mut self.task).await
        {
            error!(%failed, "the worker broke off");
        }
    }

    /// Whether it ended by itself.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// A token that stops it, for whoever starts it on conditions.
    #[cfg(feature = "misbehaviour")]
    pub(crate) fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops it: runs are broken off, and begin again at the next start.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.over().await;
        drop(self.lock);
    }
}

/// Starts a worker. The pool need not be there yet.
pub async fn start(config: Config) -> Result<Handle, StartError> {
    start_with(config, Conduct::default()).await
}

/// How a worker behaves: honestly, but for tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// Chooses its steps.
    pub(crate) choose: Choice,
    /// Whether it votes what others voted.
    #[cfg(feature = "misbehaviour")]
    pub(crate) copies: bool,
    /// What it does with its votes on ranges.
    pub(crate) manners: Manners,
    /// Whether its votes on ranges are for nothing at all.
    #[cfg(feature = "misbehaviour")]
    pub(crate) forges: bool,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            choose: next,
            #[cfg(feature = "misbehaviour")]
            copies: false,
            manners: Manners::default(),
            #[cfg(feature = "misbehaviour")]
            forges: false,
        }
    }
}

/// Starts a worker that behaves as told.
pub(crate) async fn start_with(config: Config, conduct: Conduct) -> Result<Handle, StartError> {
    let broken = broken(&config.folder);
    let lock = enter(&config.folder).await?;
    let journal = Journal::open(config.folder.join("tasks")).map_err(&broken)?;
    let records = journal.read().map_err(&broken)?;

    let provider = connect(&config.rpc).await?;
    let hub = Hub::at(provider.clone(), config.hub).await?;
    let sender = Sender::new(provider, config.key.clone(), config.sender).await?;
    let caller = Caller::new(hub.clone(), sender);
    let fetcher = Fetcher::new(&config)?;
    let vault = config.vault.as_deref();
    let runner = Runner {
        hub: hub.clone(),
        fetcher,
        vault: vault.map(canut_vault::Remote::new).transpose()?,
        logs: Logs::default(),
        runtime: config.runtime.clone(),
        disk: Disk::open(config.folder.clone(), config.work).map_err(&broken)?,
    };
    let workerpool = config.workerpool;
    if let Err(error) = pledge(&caller, workerpool, config.bond).await {
        warn!(%error, "no bond was put into the pool: until somebody bonds for this worker, it is asked for tasks of the open way only");
    }
    let weaving = weaving(&config, conduct, &caller, &runner).await?;
    let hands = Hands {
        caller,
        runner,
        journal,
        workerpool,
        terms: config.terms.clone(),
        #[cfg(feature = "misbehaviour")]
        copies: conduct.copies,
    };

    let (show, holding) = watch::channel(records.keys().copied().collect());
    let (lookout, pause) = config.presence.clone().begin();
    let (looks, looked) = mpsc::channel(LOOKS);
    let page = page(&config, &hub, pause.clone(), looks).await?;
    let address = page.as_ref().map(Server::address);
    let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
    let work = Work {
        config,
        hub,
        hands,
        records,
        weaving,
        choose: conduct.choose,
        holding: holding.clone(),
        pause: pause.clone(),
        page,
        looked,
    };
    let task = tokio::spawn(work.run(show, lookout, stop.clone(), leave.clone()));
    let task = AbortOnDropHandle::new(task);
    Ok(Handle {
        stop,
        task,
        leave,
        holding,
        pause,
        page: address,
        lock,
    })
}

/// What the worker votes on ranges with, and those it voted on before.
async fn weaving(
    config: &Config,
    conduct: Conduct,
    caller: &Caller,
    runner: &Runner,
) -> Result<Weaving, StartError> {
    let broken = broken(&config.folder);
    let journal = RangeJournal::open(config.folder.join("ranges")).map_err(&broken)?;
    let now = caller.hub().now().await?;
    let relays = config
        .relays
        .iter()
        .map(|url| canut_relay::Remote::new(url));
    Ok(Weaving {
        records: journal.read(now).map_err(&broken)?,
        open: config.open,
        manners: conduct.manners,
        hands: RangeHands {
            caller: caller.clone(),
            key: config.key.clone(),
            runner: runner.clone(),
            journal,
            workerpool: config.workerpool,
            terms: config.terms.clone(),
            memory: Arc::new(Memory::default()),
            relays: relays.collect::<Result<_, _>>()?,
            #[cfg(feature = "misbehaviour")]
            forges: conduct.forges,
        },
    })
}

/// Makes the folder of a worker, and is alone in it.
async fn enter(folder: &Path) -> Result<File, StartError> {
    std::fs::create_dir_all(folder).map_err(broken(folder))?;
    let lock = alone_in(folder).await;
    lock.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => StartError::Locked(folder.display().to_string()),
        _ => broken(folder)(error),
    })
}

fn broken(folder: &Path) -> impl Fn(io::Error) -> StartError + use<> {
    let folder = folder.display().to_string();
    move |error| StartError::Folder {
        folder: folder.clone(),
        error,
    }
}

struct Work {
    config: Config,
    hub: Hub,
    hands: Hands,
    records: BTreeMap<TaskId, Record>,
    weaving: Weaving,
    choose: Choice,
    holding: watch::Receiver<Vec<TaskId>>,
    pause: watch::Receiver<Option<Pause>>,
    page: Option<Server>,
    looked: mpsc::Receiver<Look>,
}

impl Work {
    async fn run(
        self,
        show: watch::Sender<Vec<TaskId>>,
        lookout: Lookout,
        stop: CancellationToken,
        leave: CancellationToken,
    ) {
        let (to_pool, said) = mpsc::channel(QUEUE);
        self.hands.runner.logs.go_to(to_pool.clone());
        let (hear, heard) = mpsc::channel(QUEUE);
        let (teller, ticks) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(lookout.run(leave));
        tasks.spawn(follow(self.hub.clone(), self.config.follow, teller));
        if let Some(page) = self.page {
            tasks.spawn(page.run());
        }
        let slots = self.config.slots.get();
        let link = Link {
            url: self.config.pool.clone(),
            domain: self.hub.domain(),
            workerpool: self.config.workerpool,
            key: self.config.key.clone(),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            open: u32::try_from(self.weaving.open).unwrap_or(u32::MAX),
            tag: if self.config.runtime.runs(Kind::Oci) {
                Tag::CONTAINER
            } else {
                Tag::NONE
            },
            benchmark: self.config.benchmark.clone(),
            pause: self.pause.clone(),
            holding: self.holding,
        };
        tasks.spawn(link.run(hear, said));
        let agent = Agent::new(
            self.hands,
            slots,
            self.records,
            Wires {
                pool: to_pool,
                holding: show,
                pause: self.pause,
            },
            self.choose,
            self.weaving,
        );
        agent.run(ticks, heard, self.looked, stop).await;
        tasks.shutdown().await;
    }
}

/// Takes the port of the page, if there is to be one.
async fn page(
    config: &Config,
    hub: &Hub,
    pause: watch::Receiver<Option<Pause>>,
    looks: mpsc::Sender<Look>,
) -> Result<Option<Server>, StartError> {
    let Some(page) = config.page else {
        return Ok(None);
    };
    let watch = Watch {
        page,
        hub: hub.clone(),
        follow: config.follow,
        worker: config.key.address(),
        workerpool: config.workerpool,
        pool: config.pool.clone(),
        slots: config.slots.get(),
        containers: config.runtime.runs(Kind::Oci),
        folder: config.folder.clone(),
        machine: Machine::here(),
        benchmark: config.benchmark.clone().map(|signed| signed.benchmark),
        pause,
        looks,
        wanted: Arc::default(),
    };
    let listen = page.listen;
    let bound = Server::bind(watch).await;
    bound
        .map(Some)
        .map_err(|error| StartError::Page { listen, error })
}

/// Brings the worker's bond in the pool up to `bond`, or to half of what it has on the hub, from what is free of its account on the hub.
async fn pledge(caller: &Caller, workerpool: Address, bond: Option<Nrlc>) -> canut_hub::Result<()> {
    let hub = caller.hub();
    let has = hub.bond(workerpool, caller.address()).await?.amount;
    let free = hub.account(caller.address()).await?.stake;
    let half = || Nrlc::sum([has, free]).map_or(free, |all| Nrlc(all.0 / U256::from(2)));
    let wanted = bond.unwrap_or_else(half);
    let missing = wanted.minus(has).unwrap_or(Nrlc::ZERO).min(free);
    if missing.is_zero() {
        return Ok(());
    }
    caller.bond(workerpool, missing).await.map(|_| ())
}

/// Tells what happens on the hub from now on. Nothing of the past is needed: every task held is looked at afresh.
async fn follow(hub: Hub, config: canut_hub::events::FollowConfig, teller: mpsc::Sender<Tick>) {
    loop {
        let head = match hub.provider().get_block_number().await {
            Ok(head) => head,
            Err(error) => {
                warn!(%error, "the chain is out of reach");
                sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let from = head.saturating_sub(config.depth);
        let deployment = *hub.deployment();
        let mut follower = Follower::from_block(hub.provider().clone(), deployment, config, from);
        // It ends when the chain took back what it told: every task held is looked at again.
        while let Ok(batch) = follower.next().await {
            let last = batch.events.last().and_then(|happening| happening.time);
            let now = match hub.now().await {
                Ok(now) => now,
                Err(_) => last.unwrap_or_default(),
            };
            if teller.send(Tick { batch, now }).await.is_err() {
                return;
            }
        }
    }
}
