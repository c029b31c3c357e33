//! Taking in what happened on the chain.

use canut_protocol::{DealId, Failure, TaskId, task::Deadlines};

use super::{
    Contract, Scheduler,
    event::{ChainEvent, Report},
    job::{Courier, Errand, Job, Milestone, Phase, Replica, Stage, Standing, Vote},
};

impl Scheduler {
    pub(super) fn on_chain(&mut self, now: u64, event: ChainEvent) {
        match event {
            ChainEvent::Matched { id, deal, time_ref } => {
                self.open_deal(
                    id,
                    Contract {
                        deal: *deal,
                        time_ref,
                    },
                );
                self.new_deals.insert(id);
            }
            ChainEvent::Initialized { deal, index } => self.on_initialized(now, deal, index),
            ChainEvent::Contributed { task, worker, hash } => {
                let weight = self.roster.weight(worker).get();
                let Some(job) = self.jobs.get_mut(&task) else {
                    return;
                };
                if job.votes().any(|(voter, _)| voter == worker) {
                    return;
                }
                let since = job
                    .replicas
                    .get(&worker)
                    .map_or(now, |replica| replica.since);
                let vote = Vote {
                    hash,
                    weight,
                    standing: Standing::Cast,
                };
                job.replicas.insert(
                    worker,
                    Replica {
                        since,
                        stage: Stage::Voted(vote),
                        late: false,
                    },
                );
                self.roster.attach(worker, task);
                self.roster.release(worker, task);
                self.stragglers.end(self.uptime, (task, worker));
                self.mark(task);
            }
            ChainEvent::Certified { task, hash, at } => self.on_certified(now, task, hash, at),
            ChainEvent::Revealed { task, worker } => {
                let Some(job) = self.jobs.get_mut(&task) else {
                    return;
                };
                if let Some(replica) = job.replicas.get_mut(&worker)
                    && let Stage::Voted(vote) = &mut replica.stage
                {
                    vote.standing = Standing::Revealed;
                    job.note(now, Milestone::Revealed);
                    self.mark(task);
                }
            }
            ChainEvent::Reopened { task } => self.on_reopened(now, task),
            ChainEvent::Finalized { task } => self.close(now, task, Phase::Completed),
            ChainEvent::Claimed { task } => self.close(now, task, Phase::Failed),
            ChainEvent::Scored { worker, score } => self.roster.score(worker, score),
        }
    }

    fn on_initialized(&mut self, now: u64, deal: DealId, index: u64) {
        let Some(open) = self.deals.get_mut(&deal) else {
            return;
        };
        open.opening.remove(&index);
        open.again.remove(&index);
        let task = TaskId::of(deal, index);
        if self.jobs.contains_key(&task) {
            return;
        }
        let mut job = Job::new(deal, index);
        job.note(now, Milestone::Initialized);
        self.jobs.insert(task, job);
        self.mark(task);
    }

    fn on_certified(&mut self, now: u64, task: TaskId, consensus: alloy_primitives::B256, at: u64) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        let reference = self
            .deals
            .get(&job.deal)
            .map_or(0, |open| open.contract.time_ref);
        let deadline = Deadlines::reveal(at, reference).unwrap_or(u64::MAX);
        job.phase = Phase::Revealing {
            consensus,
            deadline,
        };
        job.errand = None;
        job.retry_at = 0;
        job.courier = Courier::default();
        job.note(now, Milestone::Certified);
        self.mark(task);
    }

    fn on_reopened(&mut self, now: u64, task: TaskId) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        let Phase::Revealing { consensus, .. } = job.phase else {
            return;
        };
        for replica in job.replicas.values_mut() {
            if let Stage::Voted(vote) = &mut replica.stage
                && vote.hash == consensus
            {
                vote.standing = Standing::Rejected;
            }
        }
        job.phase = Phase::Active;
        job.errand = None;
        job.retry_at = 0;
        job.courier = Courier::default();
        job.delivery = None;
        job.note(now, Milestone::Reopened);
        self.mark(task);
    }

    fn close(&mut self, now: u64, task: TaskId, phase: Phase) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        if job.phase.is_over() {
            return;
        }
        job.phase = phase;
        job.errand = None;
        let end = if phase == Phase::Completed {
            Milestone::Completed
        } else {
            Milestone::Failed
        };
        job.note(now, end);
        let deal = job.deal;
        self.count_out(deal);
        self.mark(task);
    }

    /// An order of the scheduler came to an end.
    pub(super) fn on_errand(&mut self, now: u64, task: TaskId, report: Report) {
        let Some(job) = self.jobs.get_mut(&task) else {
            return;
        };
        let again = now.saturating_add(self.settings.retry);
        match report {
            Report::Checked(delivery) if matches!(job.phase, Phase::Revealing { .. }) => {
                job.errand = None;
                job.delivery = Some(delivery);
                job.note(now, Milestone::Uploaded);
            }
            Report::Unchecked(failure) if job.errand == Some(Errand::Check) => {
                job.errand = None;
                // Whoever uploaded something else is not asked again; a store that is down is no one's fault.
                if let Some((worker, _)) = job.courier.asked.take()
                    && failure != Failure::StoreUnreachable
                {
                    job.courier.failed.insert(worker);
                } else {
                    job.retry_at = again;
                }
            }
            Report::Thwarted => {
                job.errand = None;
                job.retry_at = again;
            }
            Report::Checked(_) | Report::Unchecked(_) => return,
        }
        self.mark(task);
    }

    /// Some tasks were not initialised after all.
    pub(super) fn on_unopened(&mut self, now: u64, deal: DealId, indices: Vec<u64>) {
        let Some(open) = self.deals.get_mut(&deal) else {
            return;
        };
        for index in indices {
            if open.opening.remove(&index) {
                open.again.insert(index);
            }
        }
        open.retry_at = now.saturating_add(self.settings.retry);
        self.unopened.insert(deal);
    }
}
