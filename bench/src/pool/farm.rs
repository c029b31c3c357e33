//! Many workers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{primitives::keccak256, signers::local::PrivateKeySigner};
use eyre::{Result, eyre};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    service::Service,
    worker::{Tally, Worker},
    world::World,
};

/// Sessions that are opened at the same time.
const DOOR: usize = 64;

/// How often the pool is asked how many workers it knows.
const POLL: Duration = Duration::from_millis(100);

/// Workers with a session each.
#[derive(Debug)]
pub(super) struct Farm {
    workers: JoinSet<Result<()>>,
    tally: Arc<Tally>,
    stop: CancellationToken,
}

impl Farm {
    /// Opens so many sessions for a deal of so many tasks, and waits until the scheduler knows all workers. They compute a
    /// range in about `each`.
    pub(super) async fn open(
        world: &Arc<World>,
        service: &Service,
        count: u16,
        tasks: u64,
        each: Duration,
    ) -> Result<Self> {
        let tally = Arc::new(Tally::of(tasks));
        let (stop, door) = (CancellationToken::new(), Arc::new(Semaphore::new(DOOR)));
        let mut workers = JoinSet::new();
        for number in 0..count {
            let worker = Worker {
                key: PrivateKeySigner::from_bytes(&keccak256(format!("worker {number}")))?,
                world: Arc::clone(world),
                tally: Arc::clone(&tally),
                each,
            };
            let (door, stop) = (Arc::clone(&door), stop.clone());
            let sessions = service.sessions.clone();
            workers.spawn(async move {
                let place = door.acquire_owned().await?;
                let socket = worker.join(&sessions).await?;
                drop(place);
                tokio::select! {
                    ended = worker.work(socket) => ended,
                    () = stop.cancelled() => Ok(()),
                }
            });
        }
        let mut farm = Self {
            workers,
            tally,
            stop,
        };
        while service.workers().await? < u64::from(count) {
            tokio::select! {
                failed = farm.failed() => return Err(failed),
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(farm)
    }

    /// Waits for the first worker whose session ends.
    async fn failed(&mut self) -> eyre::Report {
        match self.workers.join_next().await {
            Some(Ok(Err(failed))) => failed,
            Some(Err(failed)) => failed.into(),
            Some(Ok(Ok(()))) | None => eyre!("a worker ended"),
        }
    }

    /// Waits until so many tasks are certified.
    pub(super) async fn certified(&mut self, tasks: u64) -> Result<()> {
        let mut certified = self.tally.certified.subscribe();
        tokio::select! {
            failed = self.failed() => Err(failed),
            done = certified.wait_for(|certified| *certified >= tasks) => Ok(done.map(drop)?),
        }
    }

    /// Ends all sessions. Gives when each worker got its first range, and how long each waited for every further one.
    pub(super) async fn close(mut self) -> Result<(Vec<Instant>, Vec<Duration>)> {
        self.stop.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended??;
        }
        Ok(self.tally.take())
    }
}
