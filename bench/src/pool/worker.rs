//! A worker whose computing is waiting.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use canut_pool::session::{ToPool, ToWorker, VERSION, digest};
use canut_protocol::{
    Failure, Tag, TaskId,
    range::{Commitment, Leaf, Leaves, Range, Value, Vote, tree},
    signature::{self, CompactSignature},
};
use canut_store::directory;
use eyre::{OptionExt, Result, bail, eyre};
use futures::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{Instant as Moment, sleep_until},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::world::World;

/// Ranges that a worker votes on before the first is settled.
const OPEN: u32 = 64;

/// Buffer of a session, bytes: messages are short.
const BUFFER: usize = 4_096;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What all workers saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Tasks certified.
    pub(super) certified: watch::Sender<u64>,
    /// Tasks of the deal.
    pub(super) tasks: u64,
    /// Whether its last task was offered: what workers wait for after that is not the pool.
    all_offered: AtomicBool,
    offers: Mutex<Offers>,
}

/// When each worker got its first range, and how long each waited for every further one after it had done the one before,
/// while there was something to offer.
type Offers = (Vec<Instant>, Vec<Duration>);

impl Tally {
    pub(super) fn of(tasks: u64) -> Self {
        Self {
            tasks,
            ..Self::default()
        }
    }

    fn offered(&self, range: Range, free: Option<Instant>) {
        let now = Instant::now();
        let over = self.all_offered.load(Ordering::Relaxed);
        if range.indices().end >= self.tasks {
            self.all_offered.store(true, Ordering::Relaxed);
        }
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        match free {
            None => offers.0.push(now),
            Some(free) if !over => offers.1.push(now - free),
            Some(_) => {}
        }
    }

    pub(super) fn take(&self) -> Offers {
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *offers)
    }
}

/// Who it is.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) key: PrivateKeySigner,
    pub(super) world: Arc<World>,
    pub(super) tally: Arc<Tally>,
    /// How long it takes for a range, on average.
    pub(super) each: Duration,
}

/// What it found.
#[derive(Clone, Copy, Debug)]
struct Found {
    value: Value,
    vote: Vote,
}

/// What it is at.
#[derive(Debug, Default)]
struct Bench {
    computing: Option<(Moment, Range)>,
    /// Since when it has nothing to compute, after it had.
    free: Option<Instant>,
    found: HashMap<Range, Found>,
    shown: HashSet<Range>,
    uploads: JoinSet<Result<ToPool>>,
}

impl Worker {
    /// Opens a session.
    pub(super) async fn join(&self, sessions: &str) -> Result<Socket> {
        let buffers = WebSocketConfig::default().read_buffer_size(BUFFER);
        let (mut socket, _) = connect_async_with_config(sessions, Some(buffers), true).await?;
        let ToWorker::Challenge { nonce, .. } = hear(&mut socket).await? else {
            bail!("no challenge");
        };
        let worker = self.key.address();
        let domain = self.world.hub.domain();
        let digest = digest(&domain, self.world.workerpool, worker, nonce);
        let hello = ToPool::Hello {
            benchmark: None,
            version: VERSION,
            worker,
            signature: signature::to_bytes(&self.key.sign_hash_sync(&digest)?),
            slots: 1,
            tag: Tag(B256::repeat_byte(0xff)),
            holding: Vec::new(),
            open: OPEN,
        };
        say(&mut socket, &hello).await?;
        match hear(&mut socket).await? {
            ToWorker::Welcome { .. } => Ok(socket),
            other => bail!("not welcome: {other:?}"),
        }
    }

    /// Does what the pool asks, until the session breaks.
    pub(super) async fn work(&self, mut socket: Socket) -> Result<()> {
        let mut bench = Bench::default();
        loop {
            let due = bench.computing.map(|(due, _)| due);
            tokio::select! {
                message = hear(&mut socket) => {
                    if let Some(answer) = self.answer(&mut bench, message?) {
                        say(&mut socket, &answer).await?;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Moment::now)), if due.is_some() => {
                    if let Some((_, range)) = bench.computing.take() {
                        let found = self.find(range)?;
                        bench.found.insert(range, found);
                        let sealed = found.vote.sealed();
                        bench.free = Some(Instant::now());
                        say(&mut socket, &ToPool::Ready { range, sealed }).await?;
                    }
                }
                Some(uploaded) = bench.uploads.join_next() => say(&mut socket, &uploaded??).await?,
            }
        }
    }

    fn answer(&self, bench: &mut Bench, message: ToWorker) -> Option<ToPool> {
        match message {
            ToWorker::Offer { range, .. } => {
                self.tally.offered(range, bench.free.take());
                let time = self.each.mul_f64(0.5 + fastrand::f64());
                bench.computing = Some((Moment::now() + time, range));
                None
            }
            ToWorker::Assignment { range, .. } => {
                let vote = bench.found.get(&range)?.vote;
                Some(ToPool::Commitment { vote })
            }
            ToWorker::Roster { range, open, .. } if open => {
                let value = bench.found.get(&range)?.value;
                let leaves = Leaves(self.leaves(range));
                bench.shown.insert(range);
                self.upload(
                    bench,
                    range,
                    ToPool::Opening {
                        range,
                        value,
                        leaves,
                        delivery: None,
                    },
                );
                None
            }
            ToWorker::Deliver { range } => {
                self.upload(
                    bench,
                    range,
                    ToPool::Delivered {
                        range,
                        delivery: None,
                    },
                );
                None
            }
            ToWorker::Drop { range } => {
                bench.found.remove(&range);
                let dropped = bench.computing.take_if(|(_, computed)| *computed == range);
                let failure = Failure::Aborted;
                dropped.map(|_| ToPool::RangeFailed { range, failure })
            }
            ToWorker::Settled { range } => {
                bench.found.remove(&range);
                if bench.shown.remove(&range) {
                    let count = u64::from(range.count());
                    self.tally.certified.send_modify(|tasks| *tasks += count);
                }
                None
            }
            _ => None,
        }
    }

    /// Puts the folder of a range in the store, then says so. The archive in it is there.
    fn upload(&self, bench: &mut Bench, range: Range, then: ToPool) {
        let (leaf, store) = (self.world.leaf, self.world.remote.clone());
        bench.uploads.spawn(async move {
            let contents = vec![leaf.content; usize::from(range.count())];
            for node in directory::nodes(range.first(), &contents) {
                store.add_folder_block(node.block).await?;
            }
            Ok(then)
        });
    }

    fn leaves(&self, range: Range) -> Vec<Leaf> {
        vec![self.world.leaf; usize::from(range.count())]
    }

    fn find(&self, range: Range) -> Result<Found> {
        let leaves = self.leaves(range);
        let contents: Vec<_> = leaves.iter().map(|leaf| leaf.content).collect();
        let hashes: Vec<_> = range
            .indices()
            .zip(&leaves)
            .map(|(index, leaf)| leaf.hash(TaskId::of(range.deal(), index)))
            .collect();
        let value = Value {
            root: tree::root(&hashes).ok_or_eyre("an empty range")?,
            link: directory::link(range.first(), &contents).ok_or_eyre("an empty range")?,
        };
        let worker = self.key.address();
        let commitment = Commitment {
            range,
            enclave: Address::ZERO,
            seal: value.seal(worker, range.id()),
        };
        let digest = commitment.digest(&self.world.hub.domain());
        let signature = CompactSignature::from(&self.key.sign_hash_sync(&digest)?);
        let vote = Vote {
            worker,
            commitment,
            signature,
        };
        Ok(Found { value, vote })
    }
}

async fn say(socket: &mut Socket, message: &ToPool) -> Result<()> {
    let json = serde_json::to_string(message)?;
    Ok(socket.send(Message::Text(json.into())).await?)
}

/// The next message. May be dropped while it waits.
async fn hear(socket: &mut Socket) -> Result<ToWorker> {
    loop {
        match socket.next().await.ok_or_eyre("the pool hung up")?? {
            Message::Text(text) => {
                return match serde_json::from_str(&text)? {
                    ToWorker::Farewell { reason } => Err(eyre!("the pool says farewell: {reason}")),
                    message => Ok(message),
                };
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("the pool says {other:?}"),
        }
    }
}
