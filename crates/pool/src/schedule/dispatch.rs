//! Opening tasks, and giving them to workers.

use alloy_primitives::Address;
use canut_protocol::{DealId, TaskId, Trust};

use super::{
    Scheduler,
    event::Command,
    job::{Milestone, Phase, Replica, Stage},
};
use crate::stragglers::Kind;

impl Scheduler {
    /// Has as many tasks initialised as there are free slots for, and those claimed that nobody ever opened.
    pub(super) fn open_tasks(&mut self, now: u64, commands: &mut Vec<Command>) {
        for id in self.unopened.clone() {
            let Some(open) = self.deals.get(&id) else {
                continue;
            };
            if now < open.retry_at {
                continue;
            }
            let late = now >= open.deadlines.contribution;
            let expired = now >= open.deadlines.end;
            let under_way: usize = self.deals.values().map(|open| open.opening.len()).sum();
            let wanted = if expired && self.settings.claim {
                self.settings.batch
            } else if late {
                0
            } else {
                let slots = self.roster.free_slots(open.contract.deal.tag);
                slots
                    .saturating_sub(self.queue.len() + under_way)
                    .min(self.settings.batch)
            };
            let indices = self.take_unopened(id, wanted);
            let Some(open) = self.deals.get_mut(&id) else {
                continue;
            };
            open.opening.extend(&indices);
            if !open.has_unopened() {
                self.unopened.remove(&id);
            }
            if !indices.is_empty() {
                commands.push(if expired {
                    Command::ClaimUnopened { deal: id, indices }
                } else {
                    Command::Initialize { deal: id, indices }
                });
            }
        }
    }

    fn take_unopened(&mut self, id: DealId, most: usize) -> Vec<u64> {
        let mut indices = Vec::new();
        let Some(open) = self.deals.get_mut(&id) else {
            return indices;
        };
        while indices.len() < most {
            let index = if let Some(index) = open.again.pop_first() {
                index
            } else if open.next < open.end() {
                open.next += 1;
                open.next - 1
            } else {
                break;
            };
            if !self.jobs.contains_key(&TaskId::of(id, index)) {
                indices.push(index);
            }
        }
        indices
    }

    /// Gives tasks that wait to free workers, the most urgent first, each task one worker at a time until it has enough.
    pub(super) fn dispatch(&mut self, now: u64, commands: &mut Vec<Command>) {
        let waiting: Vec<_> = self.queue.iter().map(|(_, _, task)| *task).collect();
        for task in waiting {
            while self.hungry.contains_key(&task) {
                if self.roster.nobody_is_free() {
                    return;
                }
                if !self.assign(now, task, commands) {
                    break;
                }
                self.decide(now, task, commands);
            }
        }
    }

    pub(super) fn assign(&mut self, now: u64, task: TaskId, commands: &mut Vec<Command>) -> bool {
        let sole = self.is_sole(task);
        let Some(job) = self.jobs.get_mut(&task) else {
            return false;
        };
        let Some(open) = self.deals.get(&job.deal) else {
            return false;
        };
        let unknown = |worker| !job.replicas.contains_key(&worker);
        let Some(worker) = self
            .roster
            .draw(&mut self.rng, open.contract.deal.tag, unknown)
        else {
            return false;
        };
        if job.replicas.is_empty() {
            job.note(now, Milestone::Running);
        }
        job.replicas.insert(
            worker,
            Replica {
                since: now,
                stage: Stage::Computing,
                late: false,
            },
        );
        self.roster.attach(worker, task);
        self.roster.occupy(worker, task);
        self.clock_in(task, worker);
        self.dirty.insert(task);
        commands.push(Command::Authorise { task, worker, sole });
        true
    }

    /// The worker computes the task from now on.
    pub(super) fn clock_in(&mut self, task: TaskId, worker: Address) {
        let deal = self
            .jobs
            .get(&task)
            .and_then(|job| self.deals.get(&job.deal));
        if let Some(open) = deal {
            let kind = Kind::of(&open.contract.deal);
            self.stragglers
                .begin(self.uptime, (task, worker), kind, 1, None);
        }
    }

    /// Whether a worker may contribute and finalize the task at once.
    pub(super) fn is_sole(&self, task: TaskId) -> bool {
        let job = self.jobs.get(&task);
        job.is_some_and(|job| {
            let open = self.deals.get(&job.deal);
            let trust = open.map(|open| open.contract.deal.trust);
            self.settings.sole
                && job.phase == Phase::Active
                && trust == Some(Trust::ONE)
                && job.votes().next().is_none()
        })
    }
}
