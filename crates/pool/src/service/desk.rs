//! The pool's one place of decision: takes in what happens, writes it down, and has orders carried out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_primitives::Address;
use canut_hub::events::{Checkpoint, FollowError};
use canut_protocol::{Deal, TaskId, benchmark::Benchmark};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{
    delivered::Wanted,
    door::{Arrival, Words},
    errands::Errands,
    metrics::Metrics,
    pace::Pace,
    range_errands::RangeErrands,
    route::{Heard, Route},
    watch::Tidings,
};
use crate::{
    clock::Clock,
    ledger::{Ledger, LedgerError},
    ranges::{RangeChain, RangeCommand, RangeEvent, Ranges, Said},
    schedule::{ChainEvent, Command, Event, Scheduler, SessionEvent},
    session::ToWorker,
};

/// Shortest wait for the next thing that is due, so that a clock which stands still is not asked all the time.
const BLINK: Duration = Duration::from_millis(50);
/// Most things that are decided together.
const TOGETHER: usize = 256;
/// Longest wait.
const DOZE: Duration = Duration::from_secs(3_600);

/// Why the desk stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("the pool was told to stop")]
    Asked,
    #[error(transparent)]
    Chain(#[from] FollowError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What the chain says, or that it says nothing more.
pub(super) type News = Result<Tidings, FollowError>;

/// See the [module](self).
pub(super) struct Desk {
    pub(super) scheduler: Scheduler,
    pub(super) ranges: Ranges,
    pub(super) route: Route,
    pub(super) ledger: Ledger,
    pub(super) errands: Errands,
    pub(super) range_errands: RangeErrands,
    pub(super) metrics: Metrics,
    pub(super) pace: Pace,
    pub(super) clock: Clock,
    pub(super) workerpool: Address,
    /// Least speed of a worker's machine.
    pub(super) min_speed: Option<u64>,
    /// What the machines of workers with a session were measured to do.
    pub(super) machines: BTreeMap<Address, Benchmark>,
    /// Sessions, by worker: the number of the session, and where its orders go.
    pub(super) sessions: BTreeMap<Address, (u64, mpsc::Sender<ToWorker>)>,
    pub(super) under_way: JoinSet<Heard>,
    /// Since when it decides.
    pub(super) since: Instant,
}

impl Desk {
    /// Runs until told to stop, or until the chain or the database fails.
    pub(super) async fn run(
        &mut self,
        news: &mut mpsc::Receiver<News>,
        arrivals: &mut mpsc::Receiver<Arrival>,
        stop: &CancellationToken,
    ) -> Stopped {
        let mut due = Instant::now();
        loop {
            let taken = tokio::select! {
                () = stop.cancelled() => return Stopped::Asked,
                told = news.recv() => match told {
                    Some(Ok(tidings)) => self.on_tidings(tidings).await,
                    Some(Err(end)) => return end.into(),
                    None => return Stopped::Asked,
                },
                Some(arrival) = arrivals.recv() => {
                    let heard = self.on_arrival(arrival);
                    self.take_in_with_all(heard, arrivals).await
                }
                Some(done) = self.under_way.join_next() => {
                    self.take_in_with_all(ended(done), arrivals).await
                }
                () = sleep_until(due) => self.take_in(Heard::default(), None).await,
            };
            if let Err(failed) = taken {
                return failed.into();
            }
            let now = self.clock.now();
            let wakes = [self.scheduler.wake(now), self.ranges.wake(now)];
            let wait = wakes
                .into_iter()
                .flatten()
                .min()
                .map_or(DOZE, |at| Duration::from_secs(at.saturating_sub(now)));
            let late = [self.scheduler.wake_late(), self.ranges.wake_late(now)];
            let late = late.into_iter().flatten().min().unwrap_or(Duration::MAX);
            let wait = wait.min(late.saturating_sub(self.since.elapsed()));
            due = Instant::now() + wait.clamp(BLINK, DOZE);
        }
    }

    async fn on_tidings(&mut self, tidings: Tidings) -> Result<(), LedgerError> {
        self.clock.observe(tidings.time);
        for (_, event) in &tidings.tasks {
            self.metrics.count(event);
        }
        for event in &tidings.ranges {
            self.metrics.count_range(event);
        }
        let heard = self
            .route
            .tidings(&self.ledger, tidings.tasks, tidings.ranges)
            .await?;
        self.take_in(heard, Some(tidings.checkpoint)).await
    }

    fn on_arrival(&mut self, arrival: Arrival) -> Heard {
        let known = |desk: &Self, worker, session| {
            desk.sessions
                .get(&worker)
                .is_some_and(|(number, _)| *number == session)
        };
        match arrival {
            Arrival::Joined {
                worker,
                session,
                score,
                bond,
                event,
                capacity,
                machine,
                outbox,
            } => {
                match machine {
                    Some(machine) => self.machines.insert(worker, *machine),
                    None => self.machines.remove(&worker),
                };
                self.sessions.insert(worker, (session, outbox));
                let score = ChainEvent::Scored { worker, score };
                let bonded = RangeChain::Bonded(worker, bond.amount, bond.standing());
                let joined = RangeEvent::Session(worker, Said::Joined(capacity));
                Heard {
                    tasks: vec![Event::Chain(score), Event::Session(worker, event)],
                    ranges: vec![RangeEvent::Chain(bonded), joined],
                }
            }
            Arrival::Said {
                worker,
                session,
                words,
            } if known(self, worker, session) => match words {
                Words::Slots(slots) => Heard {
                    tasks: vec![Event::Session(worker, SessionEvent::Slots(slots))],
                    ranges: vec![RangeEvent::Session(worker, Said::Slots(slots as usize))],
                },
                Words::Task(event) => {
                    if let SessionEvent::Failed(task, failure) = &event {
                        debug!(%worker, %task, %failure, "failed");
                        self.metrics.failed(*failure);
                    }
                    Event::Session(worker, event).into()
                }
                Words::Range(said) => {
                    if let Said::Failed(range, failure) = &said {
                        debug!(%worker, %range, %failure, "failed");
                        self.metrics.failed(*failure);
                    }
                    RangeEvent::Session(worker, said).into()
                }
            },
            Arrival::Left { worker, session } if known(self, worker, session) => {
                self.sessions.remove(&worker);
                self.machines.remove(&worker);
                Heard {
                    tasks: vec![Event::Session(worker, SessionEvent::Left)],
                    ranges: vec![RangeEvent::Session(worker, Said::Left)],
                }
            }
            Arrival::Asked(question, answer) => {
                // Who does not wait for the answer does not need it.
                let _ = answer.send(self.answer(question));
                Heard::default()
            }
            // Of a session that was replaced.
            Arrival::Said { .. } | Arrival::Left { .. } => Heard::default(),
        }
    }

    /// Writing down takes longer than deciding: what waits is decided together.
    async fn take_in_with_all(
        &mut self,
        mut heard: Heard,
        arrivals: &mut mpsc::Receiver<Arrival>,
    ) -> Result<(), LedgerError> {
        while heard.len() < TOGETHER
            && let Ok(arrival) = arrivals.try_recv()
        {
            heard.extend(self.on_arrival(arrival));
        }
        while heard.len() < TOGETHER
            && let Some(done) = self.under_way.try_join_next()
        {
            heard.extend(ended(done));
        }
        self.take_in(heard, None).await
    }

    /// Decides, writes down, then acts.
    async fn take_in(
        &mut self,
        heard: Heard,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let uptime = self.since.elapsed();
        let commands = self.scheduler.handle(now, uptime, heard.tasks);
        let orders = self.ranges.handle(now, uptime, heard.ranges);
        let (tasks, ranges) = (self.scheduler.take_changes(), self.ranges.take_changes());
        self.ledger.save(&tasks, &ranges, checkpoint).await?;
        self.metrics.show(&self.scheduler, &self.ranges);
        self.pace.note(&orders, &ranges);
        self.metrics.hedged(tasks.hedges, ranges.hedges);
        let mut slow = Vec::new();
        for command in commands {
            slow.extend(self.order(command));
        }
        for order in orders {
            slow.extend(self.order_range(order));
        }
        // Whoever cannot keep up loses the session; the scheduler hears of it when the session ends.
        for worker in slow {
            warn!(%worker, "too slow, its session ends");
            if let Some((session, _)) = self.sessions.get_mut(&worker) {
                let number = *session;
                let (closed, _) = mpsc::channel(1);
                self.sessions.insert(worker, (number, closed));
            }
        }
        Ok(())
    }

    /// Has an order carried out. Names a worker that cannot keep up.
    fn order(&mut self, command: Command) -> Option<Address> {
        debug!(?command);
        match command {
            Command::Authorise { task, worker, sole } => {
                self.metrics.assigned();
                let job = self.scheduler.job(task)?;
                let message = self
                    .errands
                    .assignment(task, job.deal, job.index, worker, sole)?;
                self.tell(worker, message)
            }
            Command::Reveal { task, worker } => self.tell(worker, ToWorker::Reveal { task }),
            Command::Upload { task, worker } => self.tell(worker, ToWorker::Upload { task }),
            Command::Abort { task, worker } => self.tell(worker, ToWorker::Abort { task }),
            Command::Check {
                task,
                cid,
                consensus,
            } => {
                let deal = self.deal(task)?.clone();
                let errand = self.errands.clone().check(task, cid, consensus, deal);
                self.under_way.spawn(async { errand.await.into() });
                None
            }
            transaction => {
                let errand = self.errands.clone().transact(transaction);
                self.under_way.spawn(async { errand.await.into() });
                None
            }
        }
    }

    /// Has an order about a range carried out. Names a worker that cannot keep up.
    fn order_range(&mut self, order: RangeCommand) -> Option<Address> {
        debug!(?order);
        let errands = &self.range_errands;
        match order {
            RangeCommand::Offer {
                range,
                worker,
                budget,
                by,
            } => {
                self.metrics.assigned();
                self.tell(worker, ToWorker::Offer { range, budget, by })
            }
            RangeCommand::Countersign {
                range,
                worker,
                sealed,
            } => {
                let signature = errands.countersign(range, worker, sealed)?;
                let message = ToWorker::Assignment {
                    range,
                    sealed,
                    signature,
                };
                self.tell(worker, message)
            }
            RangeCommand::Roster {
                range,
                worker,
                open,
            } => {
                let members = errands.roster(self.ranges.voting(&range)?);
                let message = ToWorker::Roster {
                    range,
                    members,
                    open,
                };
                self.tell(worker, message)
            }
            RangeCommand::Plan {
                range,
                worker,
                parts,
            } => self.tell(worker, ToWorker::Plan { range, parts }),
            RangeCommand::Upload { range, worker } => {
                self.tell(worker, ToWorker::Deliver { range })
            }
            RangeCommand::Drop { range, worker } => self.tell(worker, ToWorker::Drop { range }),
            RangeCommand::Settled { range, worker } => {
                self.tell(worker, ToWorker::Settled { range })
            }
            RangeCommand::Check {
                range,
                value,
                leaves,
                delivery,
            } => {
                self.metrics.checked();
                let deal = self.ranges.contract(range.deal())?.deal.clone();
                let wanted = Wanted {
                    value,
                    leaves,
                    delivery,
                    deal: Arc::new(deal),
                };
                let errand = errands.clone().check(range, wanted);
                self.under_way.spawn(async { errand.await.into() });
                None
            }
            RangeCommand::Look { workers } => {
                self.under_way.spawn(errands.clone().look(workers));
                None
            }
            transaction => {
                let voting = errands.range_of(&transaction);
                let voting = voting.and_then(|range| self.ranges.voting(&range)).cloned();
                let errand = errands.clone().transact(transaction, voting);
                self.under_way.spawn(errand);
                None
            }
        }
    }

    fn deal(&self, task: TaskId) -> Option<&Deal> {
        let job = self.scheduler.job(task)?;
        Some(&self.scheduler.contract(job.deal)?.deal)
    }

    fn tell(&self, worker: Address, message: ToWorker) -> Option<Address> {
        let (_, outbox) = self.sessions.get(&worker)?;
        match outbox.try_send(message) {
            Err(mpsc::error::TrySendError::Full(_)) => Some(worker),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }
}

/// What an errand tells when it is over.
fn ended(done: Result<Heard, tokio::task::JoinError>) -> Heard {
    done.unwrap_or_else(|failed| {
        error!(%failed, "an errand broke off");
        Heard::default()
    })
}
