//! What an agent has done elsewhere, while it goes on deciding.

use std::{future::Future, panic::AssertUnwindSafe};

use alloy_primitives::{Address, Bytes};
use canut_hub::{Alone, Ballot, Caller};
use canut_pool::link;
use canut_protocol::{DealId, Failure, Nrlc, TaskId, Trust, task::Task};
use canut_store::AddOptions;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    record::{Journal, Record},
    run::{Order, Runner},
    screen::{Offer, Terms, screen},
};

/// How something ended.
#[derive(Debug)]
pub(super) enum Done {
    /// An assignment passed the worker's checks; so much can be locked.
    Admitted(Box<Record>, Nrlc),
    /// It did not.
    Declined(TaskId, Failure),
    /// What the chain says of a task; `None` when it does not answer.
    Looked(TaskId, Option<Box<Task>>),
    /// The record as it is on disk now.
    Written(Box<Record>),
    /// A transaction was included.
    Sent(TaskId),
    /// It did not work out.
    Failed(TaskId, Failure),
    /// It was stopped.
    Stopped(TaskId),
}

/// What errands are done with.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    pub(crate) caller: Caller,
    pub(crate) runner: Runner,
    pub(crate) journal: Journal,
    pub(crate) workerpool: Address,
    pub(crate) terms: Terms,
    #[cfg(feature = "misbehaviour")]
    pub(crate) copies: bool,
}

/// What a pool wants of a worker.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) task: TaskId,
    pub(super) deal: DealId,
    pub(super) index: u64,
    pub(super) authorization: Bytes,
    pub(super) sole: bool,
}

/// Runs an errand unless it is stopped. One that panics failed.
pub(super) async fn unless_stopped(
    task: TaskId,
    stop: CancellationToken,
    errand: impl Future<Output = Done>,
) -> Done {
    tokio::select! {
        () = stop.cancelled() => Done::Stopped(task),
        done = AssertUnwindSafe(errand).catch_unwind() => done.unwrap_or_else(|_| {
            warn!(%task, "an errand panicked");
            Done::Failed(task, Failure::WorkerBroken)
        }),
    }
}

impl Hands {
    /// Judges an assignment by what the chain says.
    pub(super) async fn admit(self, assignment: Assignment, now: u64) -> Done {
        let task = assignment.task;
        match self.judge(assignment, now).await {
            Ok((record, free)) => Done::Admitted(Box::new(record), free),
            Err(failure) => Done::Declined(task, failure),
        }
    }

    async fn judge(&self, assignment: Assignment, now: u64) -> Result<(Record, Nrlc), Failure> {
        let Assignment {
            task,
            deal: id,
            index,
            authorization,
            sole,
        } = assignment;
        if TaskId::of(id, index) != task {
            return Err(Failure::DealForeign);
        }
        let hub = self.caller.hub();
        let unreachable = |_| Failure::ChainUnreachable;
        let deal = hub
            .deal(id)
            .await
            .map_err(unreachable)?
            .ok_or(Failure::DealForeign)?;
        let category = hub.category(deal.category).await.map_err(unreachable)?;
        let time_ref = category.ok_or(Failure::DealForeign)?.work_clock_time_ref;
        let worker = self.caller.address();
        let free = hub.account(worker).await.map_err(unreachable)?.stake;
        let offer = Offer {
            task,
            index,
            deal: &deal,
            time_ref,
            authorization: &authorization,
            free,
            now,
        };
        screen(offer, worker, self.workerpool, &self.terms)?;
        let stake = deal.worker_stake;
        // At more trust the chain would refuse it, again and again.
        let sole = sole && deal.trust == Trust::ONE;
        let (found, uploaded) = (None, None);
        let record = Record {
            task,
            deal: id,
            index,
            authorization,
            sole,
            stake,
            found,
            pledged: false,
            uploaded,
        };
        Ok((record, free))
    }

    /// Makes a record again of a task that the worker voted on and lost.
    pub(super) async fn recover(self, task: TaskId) -> Done {
        let hub = self.caller.hub();
        let worker = self.caller.address();
        let Ok(seen) = hub.task(task).await else {
            return Done::Declined(task, Failure::ChainUnreachable);
        };
        if seen.contribution(worker).is_none() {
            return Done::Declined(task, Failure::Aborted);
        }
        Done::Written(Box::new(Record {
            task,
            deal: seen.deal,
            index: seen.index,
            authorization: Bytes::new(),
            sole: false,
            stake: Nrlc::ZERO,
            found: None,
            pledged: true,
            uploaded: None,
        }))
    }

    pub(super) async fn look(self, task: TaskId) -> Done {
        let seen = self.caller.hub().task(task).await;
        let seen = seen.inspect_err(|error| info!(%task, %error, "the task cannot be seen"));
        Done::Looked(task, seen.ok().map(Box::new))
    }

    /// Writes down that the task is taken, then runs it, then writes down the result.
    pub(super) async fn compute(self, mut record: Record) -> Done {
        let task = record.task;
        match self.find(&mut record).await {
            Ok(()) => Done::Written(Box::new(record)),
            Err(failure) => Done::Failed(task, failure),
        }
    }

    async fn find(&self, record: &mut Record) -> Result<(), Failure> {
        self.write(record.clone()).await?;
        let hub = self.caller.hub();
        let unreachable = |_| Failure::ChainUnreachable;
        let deal = hub.deal(record.deal).await.map_err(unreachable)?;
        let deal = deal.ok_or(Failure::DealForeign)?;
        let category = hub.category(deal.category).await.map_err(unreachable)?;
        let time_ref = category.ok_or(Failure::DealForeign)?.work_clock_time_ref;
        let order = Order {
            task: record.task,
            deal_id: record.deal,
            index: record.index,
            deal,
            time_ref,
            folder: self.journal.folder(record.task),
            archive: self.journal.archive(record.task),
            durable: true,
            lean: false,
        };
        record.found = Some(self.runner.run(&order).await?);
        self.write(record.clone()).await
    }

    /// Writes down that the vote is given, then gives it.
    pub(super) async fn contribute(self, mut record: Record, alone: bool) -> Done {
        let task = record.task;
        let Some(found) = record.found.clone() else {
            return Done::Failed(task, Failure::WorkerBroken);
        };
        record.pledged = true;
        if let Err(failure) = self.write(record.clone()).await {
            return Done::Failed(task, failure);
        }
        let authorization = record.authorization.clone();
        let ballot = Ballot {
            digest: found.digest,
            authorization,
            ..Ballot::default()
        };
        #[cfg(feature = "misbehaviour")]
        if self.copies {
            let copied = crate::misbehaviour::copy(&self.caller, task, ballot.authorization).await;
            return sent_or_not(task, copied);
        }
        let sent = if alone {
            let results = link(record.uploaded.as_deref().unwrap_or_default());
            let alone = Alone {
                results,
                results_callback: found.callback,
            };
            self.caller
                .contribute_and_finalize(task, &ballot, &alone)
                .await
                .map(|_| ())
        } else {
            self.caller.contribute(task, &ballot).await.map(|_| ())
        };
        sent_or_not(task, sent)
    }

    pub(super) async fn reveal(self, record: Record) -> Done {
        let task = record.task;
        let Some(found) = record.found else {
            return Done::Failed(task, Failure::WorkerBroken);
        };
        sent_or_not(
            task,
            self.caller.reveal(task, found.digest).await.map(|_| ()),
        )
    }

    pub(super) async fn upload(self, mut record: Record) -> Done {
        let task = record.task;
        let archive = self.journal.archive(task);
        let added = self
            .runner
            .fetcher
            .store()
            .add_path(&archive, AddOptions::default())
            .await;
        match added {
            Ok(cid) => {
                record.uploaded = Some(cid.to_string());
                match self.write(record.clone()).await {
                    Ok(()) => Done::Written(Box::new(record)),
                    Err(failure) => Done::Failed(task, failure),
                }
            }
            Err(error) => {
                warn!(%task, %error, "the result cannot be uploaded");
                Done::Failed(task, Failure::UploadFailed)
            }
        }
    }

    async fn write(&self, record: Record) -> Result<(), Failure> {
        let journal = self.journal.clone();
        let written = tokio::task::spawn_blocking(move || journal.write(&record)).await;
        let written = written.map_err(|_| Failure::WorkerBroken)?;
        written.map_err(|error| {
            warn!(%error, "the worker cannot write down what it does, so it does nothing");
            Failure::DiskFull
        })
    }
}

fn sent_or_not(task: TaskId, sent: canut_hub::Result<()>) -> Done {
    match sent {
        Ok(()) => Done::Sent(task),
        Err(error) => {
            info!(%task, %error, "a transaction was not carried out");
            Done::Failed(task, Failure::TransactionFailed)
        }
    }
}
