//! Authorising somebody else as well where a worker is late: slower than nine of ten, or away for a while.
//!
//! Nobody can be taken his authorisation. If both vote before the task is certified, both votes count, and both are paid from
//! the same price: what a second worker costs is one vote more than trust asks for, with its gas.

use std::time::Duration;

use alloy_primitives::Address;
use canut_protocol::TaskId;

use super::{
    Scheduler,
    event::Command,
    job::{Phase, Stage},
};

impl Scheduler {
    /// When [`handle`](Self::handle) has something to do though nothing happens, by the clock of `uptime`. It comes beside
    /// [`wake`](Self::wake).
    pub fn wake_late(&self) -> Option<Duration> {
        let able = self.settings.hedge && self.stragglers.has_credit();
        (able && !self.roster.nobody_is_free())
            .then(|| self.stragglers.next_late(self.uptime))
            .flatten()
    }

    /// A worker left that was computing the task.
    pub(super) fn note_stray(&mut self, now: u64, task: TaskId, worker: Address) {
        if self.settings.hedge {
            let at = now.saturating_add(self.settings.absence);
            self.strays.insert((at, task, worker));
        }
    }

    /// When somebody will have been away for too long next, after `now`.
    pub(super) fn next_stray(&self, now: u64) -> Option<u64> {
        let mut times = self.strays.iter().map(|(at, ..)| *at);
        times.find(|at| *at > now)
    }

    /// Authorises somebody else for what others are late with, once there is nothing else to do.
    pub(super) fn hedge(&mut self, now: u64, commands: &mut Vec<Command>) {
        let opening = self.deals.values().any(|open| !open.opening.is_empty());
        if !self.settings.hedge || opening || self.roster.nobody_is_free() {
            return;
        }
        let strays = self.strays.iter().take_while(|(at, ..)| *at <= now);
        let absence = self.settings.absence;
        for (at, task, worker) in strays.copied().collect::<Vec<_>>() {
            let is_away =
                |stage| matches!(stage, Stage::Away(since) if since.saturating_add(absence) <= now);
            if !self.waits_for(now, task, worker, is_away) || self.add(now, task, worker, commands)
            {
                self.strays.remove(&(at, task, worker));
            }
        }
        for ((task, worker), _) in self.stragglers.late(self.uptime) {
            if !self.stragglers.has_credit() {
                break;
            }
            let is_at_it = |stage| matches!(stage, Stage::Computing | Stage::Away(_));
            if !self.waits_for(now, task, worker, is_at_it) {
                self.stragglers.forget((task, worker));
            } else if self.add(now, task, worker, commands) {
                self.stragglers.spend();
            }
        }
    }

    /// Whether the vote of the worker is waited for, nobody else's in its stead, and one more may be asked for.
    fn waits_for(
        &self,
        now: u64,
        task: TaskId,
        worker: Address,
        is_late: impl Fn(Stage) -> bool,
    ) -> bool {
        let Some(job) = self.jobs.get(&task) else {
            return false;
        };
        let in_time = self
            .deals
            .get(&job.deal)
            .is_some_and(|open| now < open.deadlines.contribution);
        in_time
            && job.phase == Phase::Active
            && job.hopeless(self.settings.give_up).is_none()
            && job
                .replicas
                .get(&worker)
                .is_some_and(|replica| !replica.late && is_late(replica.stage))
    }

    /// Authorises another worker in the stead of this one, if there is one.
    fn add(
        &mut self,
        now: u64,
        task: TaskId,
        worker: Address,
        commands: &mut Vec<Command>,
    ) -> bool {
        if !self.assign(now, task, commands) {
            return false;
        }
        if let Some(job) = self.jobs.get_mut(&task)
            && let Some(replica) = job.replicas.get_mut(&worker)
        {
            replica.late = true;
        }
        self.hedges += 1;
        self.decide(now, task, commands);
        true
    }
}
