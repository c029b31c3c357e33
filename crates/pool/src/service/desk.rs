//! The pool's one place of decision: takes in what happens, writes it down, and has orders carried out.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::Address;
use canut_hub::events::{Checkpoint, FollowError};
use canut_protocol::TaskId;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{door::Arrival, errands::Errands, metrics::Metrics, watch::Tidings};
use crate::{
    clock::Clock,
    ledger::{Ledger, LedgerError},
    schedule::{ChainEvent, Command, Event, Scheduler, SessionEvent},
    session::ToWorker,
};

/// Shortest wait for the next thing that is due, so that a clock which stands still is not asked all the time.
const BLINK: Duration = Duration::from_millis(50);
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
    pub(super) ledger: Ledger,
    pub(super) errands: Errands,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    /// Sessions, by worker: the number of the session, and where its orders go.
    pub(super) sessions: BTreeMap<Address, (u64, mpsc::Sender<ToWorker>)>,
    pub(super) under_way: JoinSet<Option<Event>>,
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
                    let events = self.on_arrival(arrival);
                    self.take_in(events, None).await
                }
                Some(done) = self.under_way.join_next() => {
                    let event = done.unwrap_or_else(|failed| {
                        error!(%failed, "an errand broke off");
                        None
                    });
                    self.take_in(event, None).await
                }
                () = sleep_until(due) => self.take_in([], None).await,
            };
            if let Err(failed) = taken {
                return failed.into();
            }
            let now = self.clock.now();
            let wait = self
                .scheduler
                .wake()
                .map_or(DOZE, |at| Duration::from_secs(at.saturating_sub(now)));
            due = Instant::now() + wait.clamp(BLINK, DOZE);
        }
    }

    async fn on_tidings(&mut self, tidings: Tidings) -> Result<(), LedgerError> {
        self.clock.observe(tidings.time);
        let events: Vec<_> = tidings.events.into_iter().map(|(_, event)| event).collect();
        for event in &events {
            self.metrics.count(event);
        }
        self.take_in(
            events.into_iter().map(Event::Chain),
            Some(tidings.checkpoint),
        )
        .await
    }

    fn on_arrival(&mut self, arrival: Arrival) -> Vec<Event> {
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
                event,
                outbox,
            } => {
                self.sessions.insert(worker, (session, outbox));
                let score = ChainEvent::Scored { worker, score };
                vec![Event::Chain(score), Event::Session(worker, event)]
            }
            Arrival::Said {
                worker,
                session,
                event,
            } if known(self, worker, session) => {
                if let SessionEvent::Failed(task, failure) = &event {
                    debug!(%worker, %task, %failure, "failed");
                    self.metrics.failed(*failure);
                }
                vec![Event::Session(worker, event)]
            }
            Arrival::Left { worker, session } if known(self, worker, session) => {
                self.sessions.remove(&worker);
                vec![Event::Session(worker, SessionEvent::Left)]
            }
            // Of a session that was replaced.
            Arrival::Said { .. } | Arrival::Left { .. } => Vec::new(),
        }
    }

    /// Decides, writes down, then acts.
    async fn take_in(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), LedgerError> {
        let commands = self.scheduler.handle(self.clock.now(), events);
        self.ledger
            .save(&self.scheduler.take_changes(), checkpoint)
            .await?;
        self.metrics.show(&self.scheduler);
        let mut slow = Vec::new();
        for command in commands {
            slow.extend(self.order(command));
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
                let callback = self.has_callback(task);
                let errand = self.errands.clone().check(task, cid, consensus, callback);
                self.under_way.spawn(errand);
                None
            }
            transaction => {
                self.under_way
                    .spawn(self.errands.clone().transact(transaction));
                None
            }
        }
    }

    fn has_callback(&self, task: TaskId) -> bool {
        let job = self.scheduler.job(task);
        let contract = job.and_then(|job| self.scheduler.contract(job.deal));
        contract.is_some_and(|contract| contract.deal.callback != Address::ZERO)
    }

    fn tell(&self, worker: Address, message: ToWorker) -> Option<Address> {
        let (_, outbox) = self.sessions.get(&worker)?;
        match outbox.try_send(message) {
            Err(mpsc::error::TrySendError::Full(_)) => Some(worker),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }
}
