//! What could not be settled in time: the votes are posted, opened and decided on the chain, and what nobody voted on is
//! claimed (§8).

use canut_protocol::range::Range;

use super::{RangeCommand, Ranges, earliest, voting::Errand};

/// Most tasks claimed by one transaction.
const MOST_CLAIMED: u64 = 256;

impl Ranges {
    /// A range whose time to be settled is over, and of which no vote was posted yet.
    pub(super) fn give_up(
        &mut self,
        now: u64,
        range: Range,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let clock = self.deals.get(&range.deal())?.clock;
        let voting = self.votings.get(&range)?;
        let has_votes = voting.votes().next().is_some();
        if now >= clock.end {
            return self.errand(
                now,
                range,
                Errand::Claim,
                RangeCommand::Claim { range },
                commands,
            );
        }
        if has_votes && now < clock.posting {
            let command = RangeCommand::Post { range };
            let retry = self.errand(now, range, Errand::Post, command, commands);
            return earliest(retry, clock.posting);
        }
        Some(clock.end)
    }

    /// A range that the chain decides.
    pub(super) fn decide_posted(
        &mut self,
        now: u64,
        range: Range,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        self.feed(range, false);
        let clock = self.deals.get(&range.deal())?.clock;
        let voting = self.votings.get(&range)?;
        if now < clock.posting {
            return Some(clock.posting);
        }
        if now < clock.opening {
            let hidden = voting
                .opened
                .iter()
                .map(|opened| opened.value)
                .find(|value| !voting.courier.shown.contains(value));
            let Some(value) = hidden else {
                return Some(clock.opening);
            };
            if voting.errand.is_none() && now >= voting.retry_at {
                let voting = self.votings.get_mut(&range)?;
                voting.courier.shown.insert(value);
                voting.errand = Some(Errand::Open);
                commands.push(RangeCommand::Open { range, value });
            }
            return Some(
                clock
                    .opening
                    .min(self.votings.get(&range)?.retry_at.max(now + 1)),
            );
        }
        let found = self.found(range);
        let command = RangeCommand::Resolve { range, found };
        self.errand(now, range, Errand::Resolve, command, commands)
    }

    /// For a deal with a callback: what was found, and its bytes, as far as the pool has them.
    fn found(
        &self,
        range: Range,
    ) -> Option<(canut_protocol::range::Leaf, alloy_primitives::Bytes)> {
        let voting = self.votings.get(&range)?;
        let delivery = voting.delivery.as_ref()?;
        let opened = voting.opened(delivery.value)?;
        Some((*opened.leaves.first()?, delivery.callback.clone()?))
    }

    /// Gives an order about the range unless it is under way or has just failed; then says when to try again.
    fn errand(
        &mut self,
        now: u64,
        range: Range,
        errand: Errand,
        command: RangeCommand,
        commands: &mut Vec<RangeCommand>,
    ) -> Option<u64> {
        let fallback = self.settings.fallback;
        let voting = self.votings.get_mut(&range)?;
        if now < voting.retry_at {
            return Some(voting.retry_at);
        }
        if fallback && voting.errand != Some(errand) {
            voting.errand = Some(errand);
            commands.push(command);
        }
        None
    }

    /// After the final deadline, has the payer refunded for tasks that were in no vote.
    pub(super) fn claim_uncut(&mut self, now: u64, commands: &mut Vec<RangeCommand>) {
        if !self.settings.fallback {
            return;
        }
        for (id, open) in &mut self.deals {
            if now < open.clock.end.max(open.retry_at) || !open.claiming.is_empty() {
                continue;
            }
            let count = open.free_end().saturating_sub(open.next).min(MOST_CLAIMED);
            if let Ok(range) = Range::new(*id, open.next, count) {
                open.claiming.insert(range);
                commands.push(RangeCommand::Claim { range });
            }
        }
    }
}
