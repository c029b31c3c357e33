//! Where workers come in: one task per session.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256};
use axum::extract::ws::{Message, WebSocket};
use canut_hub::{Bond, Hub};
use canut_protocol::{
    Domain, Score, TaskId,
    benchmark::{Benchmark, SignedBenchmark},
};
use rand::{TryRng, rngs::SysRng};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tracing::debug;

use super::{
    logbook::{Log, Logbook},
    status::Question,
};
use crate::{
    config::SessionLimits,
    ranges::{Capacity, Said},
    schedule::{Ability, SessionEvent},
    session::{MAX_FRAME, MAX_HOLDING, ToPool, ToWorker, VERSION, is_short, is_signed},
};

/// How long a worker may take to say hello, and a message to leave.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most ranges that one worker may vote on at once.
const MAX_OPEN: u32 = 1_024;
/// Most slots that one worker may claim.
const MAX_SLOTS: u32 = 1_024;

/// What comes from the sessions. `session` tells those of one worker apart.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A worker proved who it is.
    Joined {
        worker: Address,
        session: u64,
        score: Score,
        bond: Bond,
        event: SessionEvent,
        capacity: Capacity,
        machine: Option<Box<Benchmark>>,
        outbox: mpsc::Sender<ToWorker>,
    },
    /// It says something.
    Said {
        worker: Address,
        session: u64,
        words: Words,
    },
    /// It is gone.
    Left { worker: Address, session: u64 },
    /// Somebody wants to know something. Nobody waits for an answer that is not taken.
    Asked(Question, oneshot::Sender<Option<Value>>),
}

/// Of which way it is.
#[derive(Debug)]
pub(super) enum Words {
    /// How many slots it has.
    Slots(u32),
    /// Of a task, in the open way.
    Task(SessionEvent),
    /// Of a range, in the certificate way.
    Range(Said),
}

/// What sessions share.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) hub: Hub,
    pub(super) workerpool: Address,
    /// Workers that are let in; everybody, if nobody is named.
    pub(super) admitted: Option<Arc<BTreeSet<Address>>>,
    /// Least speed of one core of a worker's machine.
    pub(super) min_speed: Option<u64>,
    pub(super) limits: SessionLimits,
    pub(super) inbox: mpsc::Sender<Arrival>,
    pub(super) logbook: Logbook,
    pub(super) places: Arc<Semaphore>,
    pub(super) numbers: Arc<AtomicU64>,
}

/// Why a session ended, in words for the worker.
type Reason = &'static str;

impl Door {
    /// Serves one session to its end.
    pub(super) async fn serve(self, mut socket: WebSocket) {
        let reason = match self.receive(&mut socket).await {
            Ok((worker, session, mut orders)) => {
                let reason = self
                    .converse(&mut socket, worker, session, &mut orders)
                    .await;
                // The pool is going down when nobody listens.
                let _ = self.inbox.send(Arrival::Left { worker, session }).await;
                debug!(%worker, reason, "session ended");
                reason
            }
            Err(reason) => reason,
        };
        let farewell = ToWorker::Farewell {
            reason: reason.to_owned(),
        };
        let _ = timeout(PATIENCE, send(&mut socket, &farewell)).await;
    }

    /// Finds out who is there, and lets the worker in.
    async fn receive(
        &self,
        socket: &mut WebSocket,
    ) -> Result<(Address, u64, mpsc::Receiver<ToWorker>), Reason> {
        let mut nonce = B256::ZERO;
        SysRng
            .try_fill_bytes(&mut nonce.0)
            .map_err(|_| "the pool has no random numbers")?;
        let domain = self.hub.domain();
        let challenge = ToWorker::Challenge {
            version: VERSION,
            chain_id: domain.chain_id,
            hub: domain.hub,
            workerpool: self.workerpool,
            nonce,
        };
        send(socket, &challenge).await?;
        let hello = timeout(PATIENCE, hear(socket))
            .await
            .map_err(|_| "no hello came")??;
        let ToPool::Hello {
            version,
            worker,
            signature,
            slots,
            tag,
            holding,
            open,
            benchmark,
        } = hello
        else {
            return Err("the first message must be hello");
        };
        if version != VERSION {
            return Err("the pool speaks another version: update the older of the two");
        }
        if !is_signed(&domain, self.workerpool, worker, nonce, &signature) {
            return Err("the signature is not the worker's over this challenge");
        }
        if self
            .admitted
            .as_ref()
            .is_some_and(|admitted| !admitted.contains(&worker))
        {
            return Err("the pool lets in only workers that its owner named: ask the owner");
        }
        if slots > MAX_SLOTS || holding.len() > MAX_HOLDING {
            return Err("more slots or tasks than one worker may have");
        }
        let machine = self.measured(&domain, worker, benchmark)?;
        let (score, bond) = self
            .backing(worker)
            .await
            .map_err(|_| "the chain is out of reach")?;
        let session = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (outbox, orders) = mpsc::channel(self.limits.queue);
        let event = SessionEvent::Joined(Ability { slots, tag }, holding);
        let heartbeat = self.limits.heartbeat;
        send(socket, &ToWorker::Welcome { heartbeat }).await?;
        let joined = Arrival::Joined {
            worker,
            session,
            score,
            bond,
            event,
            capacity: Capacity {
                slots: slots as usize,
                tag,
                open: open.min(MAX_OPEN) as usize,
            },
            machine,
            outbox,
        };
        self.inbox
            .send(joined)
            .await
            .map_err(|_| "the pool is stopping")?;
        Ok((worker, session, orders))
    }

    /// What the worker's machine was measured to do, if that is enough.
    fn measured(
        &self,
        domain: &Domain,
        worker: Address,
        signed: Option<Box<SignedBenchmark>>,
    ) -> Result<Option<Box<Benchmark>>, Reason> {
        if signed
            .as_ref()
            .is_some_and(|signed| !signed.is_of(domain, worker))
        {
            return Err(
                "the benchmark of the machine is not signed by the worker, or is of another version",
            );
        }
        let machine = signed.map(|signed| Box::new(signed.benchmark));
        let Some(least) = self.min_speed else {
            return Ok(machine);
        };
        match &machine {
            Some(one) if one.single >= least => Ok(machine),
            Some(_) => Err(
                "the machine is slower than the pool asks for (its /status says minSpeed): `canut worker benchmark` measures it again",
            ),
            None => Err(
                "the pool takes machines only that were measured: start the worker without `--benchmark false`, or update it",
            ),
        }
    }

    /// What the chain knows of the worker.
    async fn backing(&self, worker: Address) -> Result<(Score, Bond), canut_hub::Error> {
        let score = self.hub.score(worker).await?;
        Ok((score, self.hub.bond(self.workerpool, worker).await?))
    }

    /// Losing logs costs nobody anything.
    async fn keep(&self, task: TaskId, log: Log) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map(|since| since.as_secs()).unwrap_or_default();
        if let Err(error) = self.logbook.keep(task, &log, now).await {
            debug!(%task, %error, "logs are lost");
        }
    }

    async fn converse(
        &self,
        socket: &mut WebSocket,
        worker: Address,
        session: u64,
        orders: &mut mpsc::Receiver<ToWorker>,
    ) -> Reason {
        let heartbeat = Duration::from_secs(self.limits.heartbeat.max(1));
        let mut pulse = interval(heartbeat);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let domain = self.hub.domain();
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some(order) = order else {
                        return "too slow, replaced by a newer session, or the pool is stopping";
                    };
                    if let Err(reason) = send(socket, &order).await {
                        return reason;
                    }
                }
                frame = socket.recv() => {
                    heard = Instant::now();
                    let event = match frame.map(|frame| frame.map(read)) {
                        Some(Ok(Ok(Some(message)))) => message,
                        Some(Ok(Ok(None))) => continue,
                        Some(Ok(Err(reason))) => return reason,
                        Some(Err(_)) | None => return "the connection broke",
                    };
                    if let ToPool::Logs { task, stdout, stderr } = event {
                        if !is_short(&stdout, &stderr) {
                            return "logs are longer than they may be";
                        }
                        self.keep(task, Log { worker, stdout, stderr }).await;
                        continue;
                    }
                    let words = match words_of(event, worker, &domain) {
                        Ok(words) => words,
                        Err(reason) => return reason,
                    };
                    if self.inbox.send(Arrival::Said { worker, session, words }).await.is_err() {
                        return "the pool is stopping";
                    }
                    // The time that the pool took to listen is not the worker's.
                    heard = Instant::now();
                }
                _ = pulse.tick() => {
                    if heard.elapsed() > heartbeat * 3 {
                        return "nothing was heard of the worker";
                    }
                    let ping = socket.send(Message::Ping(Vec::new().into()));
                    if !matches!(timeout(PATIENCE, ping).await, Ok(Ok(()))) {
                        return "the worker is too slow";
                    }
                }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: &ToWorker) -> Result<(), Reason> {
    let json = serde_json::to_string(message).map_err(|_| "a message cannot be written")?;
    let sent = timeout(PATIENCE, socket.send(Message::Text(json.into()))).await;
    sent.map_err(|_| "the worker is too slow")?
        .map_err(|_| "the connection broke")
}

async fn hear(socket: &mut WebSocket) -> Result<ToPool, Reason> {
    while let Some(frame) = socket.recv().await {
        let frame = frame.map_err(|_| "the connection broke")?;
        if let Some(message) = read(frame)? {
            return Ok(message);
        }
    }
    Err("the connection broke")
}

/// The message in a frame; none in frames that only show that somebody is there.
fn read(frame: Message) -> Result<Option<ToPool>, Reason> {
    match frame {
        Message::Text(text) if text.len() > MAX_FRAME => Err("a message is too large"),
        Message::Text(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| "a message cannot be read: the versions may differ"),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
        Message::Binary(_) => Err("messages are text"),
        Message::Close(_) => Err("the worker closed the session"),
    }
}

/// What the worker means. A vote that it did not sign ends the session.
fn words_of(message: ToPool, worker: Address, domain: &Domain) -> Result<Words, Reason> {
    Ok(match message {
        ToPool::Hello { .. } => return Err("hello is said once"),
        ToPool::Logs { .. } => return Err("logs are no event"),
        ToPool::Slots { slots } if slots > MAX_SLOTS => {
            return Err("more slots than one worker may have");
        }
        ToPool::Slots { slots } => Words::Slots(slots),
        ToPool::Computed { task } => Words::Task(SessionEvent::Computed(task)),
        ToPool::Failed { task, failure } => Words::Task(SessionEvent::Failed(task, failure)),
        ToPool::Uploaded { task, cid } => Words::Task(SessionEvent::Uploaded(task, cid)),
        ToPool::Ready { range, sealed } => Words::Range(Said::Ready { range, sealed }),
        ToPool::Commitment { vote } => {
            if vote.worker != worker || !vote.is_signed(domain) {
                return Err("a vote is not signed by the worker");
            }
            Words::Range(Said::Committed(vote))
        }
        ToPool::Opening {
            range,
            value,
            leaves,
            delivery,
        } => Words::Range(Said::Opened {
            range,
            value,
            leaves: leaves.0,
            delivery,
        }),
        ToPool::Delivered { range, delivery } => Words::Range(Said::Uploaded(range, delivery)),
        ToPool::RangeFailed { range, failure } => Words::Range(Said::Failed(range, failure)),
    })
}
