//! What one task needs now.

use alloy_primitives::{Address, B256};
use canut_protocol::{Failure, TaskId};
use rand::RngExt;

use super::{
    Scheduler,
    demand::needs_another,
    event::Command,
    job::{Errand, Phase, Stage, Standing},
};

impl Scheduler {
    /// Orders what the task needs at `now`, and notes when to look again.
    pub(super) fn decide(&mut self, now: u64, task: TaskId, commands: &mut Vec<Command>) {
        let Some(job) = self.jobs.get(&task) else {
            return;
        };
        let alarm = match job.phase {
            Phase::Active => self.decide_active(now, task, commands),
            Phase::Revealing {
                consensus,
                deadline,
            } => {
                self.dismiss(task, commands);
                self.feed(task, None);
                self.decide_revealing(now, task, consensus, deadline, commands)
            }
            Phase::Completed | Phase::Failed => {
                self.dismiss(task, commands);
                self.feed(task, None);
                self.forget_workers(task);
                None
            }
        };
        if let Some(old) = self.alarms.remove(&task) {
            self.agenda.remove(&(old, task));
        }
        if let Some(at) = alarm.filter(|at| *at > now) {
            self.agenda.insert((at, task));
            self.alarms.insert(task, at);
        }
    }

    fn decide_active(
        &mut self,
        now: u64,
        task: TaskId,
        commands: &mut Vec<Command>,
    ) -> Option<u64> {
        let mut alarm = self.expire(now, task);
        let job = self.jobs.get_mut(&task)?;
        let open = self.deals.get(&job.deal)?;
        let deadlines = open.deadlines;
        if now >= deadlines.end {
            self.feed(task, None);
            return self.errand(now, task, Errand::Claim, commands);
        }
        alarm = earliest(alarm, deadlines.end);
        let in_time = now < deadlines.contribution;
        let wanted = in_time
            && job.hopeless(self.settings.give_up).is_none()
            && needs_another(
                job.votes()
                    .filter(|(_, vote)| vote.standing != Standing::Rejected)
                    .map(|(_, vote)| (vote.hash, vote.weight())),
                job.expected().map(|worker| self.roster.weight(worker)),
                open.contract.deal.trust,
            );
        let fresh = job.replicas.is_empty();
        self.feed(
            task,
            wanted.then_some((fresh, deadlines.contribution, task)),
        );
        alarm
    }

    /// Gives up on workers that are slow or lost, and says when the next one will be.
    fn expire(&mut self, now: u64, task: TaskId) -> Option<u64> {
        let job = self.jobs.get_mut(&task)?;
        let reference = self.deals.get(&job.deal)?.contract.time_ref;
        let patience = self.settings.slow_after.min(reference);
        let (mut next, mut changed) = (None, false);
        for (worker, replica) in &mut job.replicas {
            let (until, failure) = match replica.stage {
                Stage::Away(since) => (
                    since.saturating_add(self.settings.grace),
                    Failure::WorkerLost,
                ),
                Stage::Computing | Stage::Computed => {
                    (replica.since.saturating_add(patience), Failure::WorkerSlow)
                }
                Stage::Out(_) | Stage::Voted(_) => continue,
            };
            if now < until {
                next = earliest(next, until);
                continue;
            }
            replica.stage = Stage::Out(failure);
            self.stragglers.end(self.uptime, (task, *worker));
            changed = true;
            if failure == Failure::WorkerLost {
                self.roster.release(*worker, task);
            }
        }
        if changed {
            self.dirty.insert(task);
        }
        next
    }

    fn decide_revealing(
        &mut self,
        now: u64,
        task: TaskId,
        consensus: B256,
        deadline: u64,
        commands: &mut Vec<Command>,
    ) -> Option<u64> {
        let job = self.jobs.get_mut(&task)?;
        let end = self.deals.get(&job.deal)?.deadlines.end;
        if now >= end {
            return self.errand(now, task, Errand::Claim, commands);
        }
        let winners: Vec<_> = job.winners(consensus).collect();
        let shown = |standing| standing == Standing::Revealed;
        let revealed = winners
            .iter()
            .filter(|(_, vote)| shown(vote.standing))
            .count();
        let closed = now >= deadline;
        let mut alarm = Some(if closed { end } else { deadline.min(end) });
        if closed && revealed == 0 {
            let retry = self.errand(now, task, Errand::Reopen, commands);
            return retry.or(alarm);
        }
        if !closed {
            for (worker, vote) in &winners {
                let here = self.roster.is_here(*worker);
                if here && !shown(vote.standing) && job.courier.told.insert(*worker) {
                    commands.push(Command::Reveal {
                        task,
                        worker: *worker,
                    });
                }
            }
        }
        if job.delivery.is_none() {
            let next = self.fetch(
                now,
                task,
                &winners
                    .iter()
                    .map(|(worker, _)| *worker)
                    .collect::<Vec<_>>(),
                commands,
            );
            alarm = next.map_or(alarm, |at| earliest(alarm, at));
        } else if revealed == winners.len() || (closed && revealed > 0) {
            let retry = self.errand(now, task, Errand::Finalize, commands);
            alarm = retry.map_or(alarm, |at| earliest(alarm, at));
        }
        alarm
    }

    /// Has one of the winners upload the result, and says when to look again.
    fn fetch(
        &mut self,
        now: u64,
        task: TaskId,
        winners: &[Address],
        commands: &mut Vec<Command>,
    ) -> Option<u64> {
        let job = self.jobs.get_mut(&task)?;
        if job.errand == Some(Errand::Check) {
            return None;
        }
        if let Some((worker, since)) = job.courier.asked {
            let until = since.saturating_add(self.settings.upload_patience);
            if now < until && self.roster.is_here(worker) {
                return Some(until);
            }
            job.courier.asked = None;
            job.courier.failed.insert(worker);
        }
        if now < job.retry_at {
            return Some(job.retry_at);
        }
        let here = winners
            .iter()
            .filter(|worker| self.roster.is_here(**worker));
        let able: Vec<_> = here
            .filter(|worker| !job.courier.failed.contains(*worker))
            .collect();
        if able.is_empty() {
            // Everybody failed: begin again, later.
            let tried = !job.courier.failed.is_empty();
            job.courier.failed.clear();
            job.retry_at = now.saturating_add(self.settings.retry);
            return tried.then_some(job.retry_at);
        }
        let worker = *able[self.rng.random_range(..able.len())];
        job.courier.asked = Some((worker, now));
        commands.push(Command::Upload { task, worker });
        Some(now.saturating_add(self.settings.upload_patience))
    }

    /// Gives an order about the task unless it is under way or has just failed; then says when to try again.
    fn errand(
        &mut self,
        now: u64,
        task: TaskId,
        errand: Errand,
        commands: &mut Vec<Command>,
    ) -> Option<u64> {
        let job = self.jobs.get_mut(&task)?;
        if now < job.retry_at {
            return Some(job.retry_at);
        }
        if job.errand == Some(errand) || (errand == Errand::Claim && !self.settings.claim) {
            return None;
        }
        let command = match errand {
            Errand::Claim => Command::Claim { task },
            Errand::Reopen => Command::Reopen { task },
            Errand::Finalize => Command::Finalize {
                task,
                delivery: job.delivery.clone()?,
            },
            Errand::Check => return None,
        };
        job.errand = Some(errand);
        commands.push(command);
        None
    }

    /// Tells those still computing that they need not. They never voted, so they may be drawn again.
    fn dismiss(&mut self, task: TaskId, commands: &mut Vec<Command>) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        let pending: Vec<_> = job.pending().collect();
        for worker in &pending {
            job.replicas.remove(worker);
            self.stragglers.forget((task, *worker));
            self.dirty.insert(task);
        }
        let slow = Stage::Out(Failure::WorkerSlow);
        let slow = job
            .replicas
            .iter()
            .filter(|(_, replica)| replica.stage == slow);
        let mut told: Vec<_> = slow.map(|(worker, _)| *worker).collect();
        told.retain(|worker| self.roster.release(*worker, task));
        for worker in pending {
            self.roster.detach(worker, task);
            if self.roster.is_here(worker) {
                told.push(worker);
            }
        }
        commands.extend(
            told.into_iter()
                .map(|worker| Command::Abort { task, worker }),
        );
    }

    fn forget_workers(&mut self, task: TaskId) {
        let Some(job) = self.jobs.get(&task) else {
            return;
        };
        for worker in job.replicas.keys() {
            self.roster.detach(*worker, task);
            // What the task locked is free again.
            self.roster.unbench(*worker);
        }
    }

    /// Lets the task wait for a worker, or no longer.
    pub(super) fn feed(&mut self, task: TaskId, urgency: Option<super::Urgency>) {
        if let Some(old) = self.hungry.remove(&task) {
            self.queue.remove(&old);
        }
        if let Some(urgency) = urgency {
            self.queue.insert(urgency);
            self.hungry.insert(task, urgency);
        }
    }
}

fn earliest(known: Option<u64>, at: u64) -> Option<u64> {
    Some(known.map_or(at, |known| known.min(at)))
}
