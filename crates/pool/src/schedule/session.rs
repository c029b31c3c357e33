//! Taking in what workers say.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use canut_protocol::{Failure, TaskId};

use super::{
    Scheduler,
    event::{Ability, Command, SessionEvent},
    job::{Errand, Phase, Replica, Stage},
};

impl Scheduler {
    pub(super) fn on_session(
        &mut self,
        now: u64,
        worker: Address,
        event: SessionEvent,
        commands: &mut Vec<Command>,
    ) {
        match event {
            SessionEvent::Joined(ability, holding) => {
                self.on_joined(now, worker, ability, holding, commands);
            }
            SessionEvent::Slots(slots) => self.roster.resize(worker, slots),
            SessionEvent::Left => self.on_left(now, worker),
            SessionEvent::Computed(task) => {
                self.roster.release(worker, task);
                self.stragglers.end(self.uptime, (task, worker));
                if let Some(job) = self.jobs.get_mut(&task)
                    && let Some(replica) = job.replicas.get_mut(&worker)
                    && replica.stage == Stage::Computing
                {
                    replica.stage = Stage::Computed;
                    self.mark(task);
                }
            }
            SessionEvent::Failed(task, failure) => self.on_failed(now, worker, task, failure),
            SessionEvent::Uploaded(task, cid) => self.on_uploaded(worker, task, cid, commands),
        }
    }

    /// A worker is here, and says which tasks it holds: it may come back after a break of the session, after a restart of its
    /// own, or after the pool lost its memory.
    fn on_joined(
        &mut self,
        now: u64,
        worker: Address,
        ability: Ability,
        holding: Vec<TaskId>,
        commands: &mut Vec<Command>,
    ) {
        let holding: BTreeSet<_> = holding.into_iter().collect();
        self.roster.join(worker, ability, BTreeSet::new());
        for task in &holding {
            self.adopt(now, worker, *task, commands);
        }
        for task in self.roster.tasks(worker) {
            let Some(job) = self.jobs.get_mut(&task) else {
                continue;
            };
            job.courier.told.remove(&worker);
            job.courier.failed.remove(&worker);
            self.touched.insert(task);
            let Some(replica) = job.replicas.get_mut(&worker) else {
                continue;
            };
            let given_up = Stage::Out(Failure::WorkerLost) == replica.stage
                || Stage::Out(Failure::WorkerSlow) == replica.stage;
            if given_up && !holding.contains(&task) {
                // It came back without the task, so it will not vote unless it is drawn again.
                job.replicas.remove(&worker);
                self.roster.detach(worker, task);
                self.dirty.insert(task);
                continue;
            }
            if !replica.stage.is_pending() || job.phase != Phase::Active {
                continue;
            }
            replica.stage = Stage::Computing;
            self.roster.occupy(worker, task);
            self.clock_in(task, worker);
            self.dirty.insert(task);
            if !holding.contains(&task) {
                let sole = self.is_sole(task);
                commands.push(Command::Authorise { task, worker, sole });
            }
        }
    }

    /// Counts on a worker again that holds the task, or tells it to drop it.
    fn adopt(&mut self, now: u64, worker: Address, task: TaskId, commands: &mut Vec<Command>) {
        let Some(job) = self.jobs.get_mut(&task) else {
            commands.push(Command::Abort { task, worker });
            return;
        };
        match (job.phase, job.replicas.get_mut(&worker)) {
            (Phase::Active, None) => {
                let replica = Replica {
                    since: now,
                    stage: Stage::Computing,
                    late: false,
                };
                job.replicas.insert(worker, replica);
                self.roster.attach(worker, task);
            }
            (Phase::Active, Some(replica)) if replica.stage == Stage::Out(Failure::WorkerLost) => {
                *replica = Replica {
                    since: now,
                    stage: Stage::Computing,
                    late: false,
                };
            }
            (_, Some(replica)) if matches!(replica.stage, Stage::Voted(_)) => {}
            (Phase::Active, Some(_)) => {}
            (_, _) => commands.push(Command::Abort { task, worker }),
        }
    }

    fn on_left(&mut self, now: u64, worker: Address) {
        self.roster.leave(worker);
        for task in self.roster.tasks(worker) {
            if let Some(job) = self.jobs.get_mut(&task)
                && let Some(replica) = job.replicas.get_mut(&worker)
            {
                let was = replica.stage;
                if matches!(was, Stage::Computing | Stage::Computed) {
                    replica.stage = Stage::Away(now);
                }
                if was == Stage::Computing {
                    self.note_stray(now, task, worker);
                }
                self.mark(task);
            }
        }
    }

    fn on_failed(&mut self, now: u64, worker: Address, task: TaskId, failure: Failure) {
        self.roster.release(worker, task);
        self.stragglers.forget((task, worker));
        if is_passing(failure) {
            self.roster
                .bench(worker, now.saturating_add(self.settings.bench));
        }
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        if let Some((asked, _)) = job.courier.asked
            && asked == worker
        {
            job.courier.asked = None;
            job.courier.failed.insert(worker);
        }
        if job
            .replicas
            .get(&worker)
            .is_some_and(|replica| replica.stage.is_pending())
        {
            if is_passing(failure) {
                // It never began, so it may be drawn again.
                job.replicas.remove(&worker);
                self.roster.detach(worker, task);
            } else if let Some(replica) = job.replicas.get_mut(&worker) {
                replica.stage = Stage::Out(failure);
            }
        }
        self.mark(task);
    }

    fn on_uploaded(
        &mut self,
        worker: Address,
        task: TaskId,
        cid: String,
        commands: &mut Vec<Command>,
    ) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        let Phase::Revealing { consensus, .. } = job.phase else {
            return;
        };
        let asked = job.courier.asked.is_some_and(|(asked, _)| asked == worker);
        if asked && job.delivery.is_none() && job.errand.is_none() {
            job.errand = Some(Errand::Check);
            commands.push(Command::Check {
                task,
                cid,
                consensus,
            });
            self.mark(task);
        }
    }
}

/// Whether the worker is only short of something for now.
pub(crate) const fn is_passing(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::SlotsFull
            | Failure::StakeTooLow
            | Failure::GasTooLow
            | Failure::DiskFull
            | Failure::WorkerStopped
    )
}
