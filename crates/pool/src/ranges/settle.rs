//! From a certified value to the transaction that pays for it.

use canut_protocol::range::{Member as Counted, Range, Value, member};

use super::{Phase, RangeCommand, Ranges, Voting, earliest, voting::Errand};

impl Voting {
    /// Everyone who must be accounted for when `value` is settled, as the hub wants to see them.
    pub fn account(&self, value: Value) -> Vec<Counted> {
        let id = self.range.id();
        let mut members: Vec<_> = self
            .listed()
            .map(|listed| {
                let worker = listed.worker;
                let Some(vote) = listed.stage.vote() else {
                    return Counted::Absent { worker };
                };
                let signature = vote.signature;
                if vote.commitment.seal == value.seal(worker, id) {
                    return Counted::Winner { worker, signature };
                }
                let (enclave, seal) = (vote.commitment.enclave, vote.commitment.seal);
                Counted::Loser {
                    worker,
                    signature,
                    enclave,
                    seal,
                }
            })
            .collect();
        member::sort(&mut members);
        members
    }
}

impl Ranges {
    /// Sees to it that the results are in the store, then settles.
    pub(super) fn decide_settling(
        &mut self,
        now: u64,
        range: Range,
        value: Value,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let clock = self.deals.get(&range.deal())?.clock;
        let voting = self.votings.get_mut(&range)?;
        if now >= clock.end || (now >= clock.contribution && voting.delivery.is_none()) {
            voting.phase = Phase::Open;
            self.mark(range);
            return None;
        }
        let limit = if voting.delivery.is_some() {
            clock.end
        } else {
            clock.contribution
        };
        if now < voting.retry_at {
            return earliest(Some(limit), voting.retry_at);
        }
        if voting.delivery.is_none() {
            let next = self.deliver(now, range, value, commands);
            return next.map_or(Some(limit), |at| earliest(Some(limit), at));
        }
        if voting.errand.is_none() {
            voting.errand = Some(Errand::Settle);
            commands.push(RangeCommand::Settle { range });
        }
        Some(limit)
    }

    /// Looks for the archives in the store, and has the winners upload them, one after the other, until they are there.
    fn deliver(
        &mut self,
        now: u64,
        range: Range,
        value: Value,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let patience = self.settings.open_patience;
        let retry = now.saturating_add(self.settings.retry);
        let voting = self.votings.get_mut(&range)?;
        if voting.errand.is_some() {
            return None;
        }
        if let Some((worker, since)) = voting.courier.uploader {
            let until = since.saturating_add(patience);
            if now < until && self.crew.is_here(worker) {
                return Some(until);
            }
            voting.courier.uploader = None;
            voting.courier.failed.insert(worker);
        }
        if !voting.courier.wants_upload {
            let opened = voting.opened(value)?;
            commands.push(RangeCommand::Check {
                range,
                value,
                leaves: opened.leaves.clone(),
                delivery: opened.delivery,
            });
            voting.errand = Some(Errand::Check);
            return None;
        }
        let id = range.id();
        let winner = voting
            .votes()
            .filter(|vote| vote.commitment.seal == value.seal(vote.worker, id))
            .map(|vote| vote.worker)
            .find(|worker| self.crew.is_here(*worker) && !voting.courier.failed.contains(worker));
        voting.courier.wants_upload = false;
        let Some(worker) = winner else {
            // Nobody is left: begin again, later.
            voting.courier.failed.clear();
            voting.retry_at = retry;
            return Some(retry);
        };
        voting.courier.uploader = Some((worker, now));
        commands.push(RangeCommand::Upload { range, worker });
        Some(now.saturating_add(patience))
    }
}
