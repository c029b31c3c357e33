//! What is shown to the hub of a range that is over: who voted wrongly, or twice, or was left out, and its result.

use super::*;

impl Play {
    pub(super) fn recent(&mut self) -> Option<Done> {
        let recent = self.done.len().saturating_sub(6);
        self.dice.pick(&self.done[recent..])
    }

    pub(super) fn slash_loser(&mut self) {
        let Some(done) = self.recent() else { return };
        let who = usize::try_from(self.dice.roll(PLAYERS as u64)).unwrap();
        let (voter, vote) = (Voter(who), self.vote(who));
        let bag = &self.model.bags[self.model.bag(done.range.deal)];
        let in_time = self.now() <= done.time.min(bag.deadline(10)) + 2 * DAY;
        let fault = (done.range.id(), voter.address());
        let expected = in_time
            && vote != done.value
            && done.listed.get(&voter).copied().unwrap_or(true)
            && !self.model.faults.contains(&fault);
        let (s, v) = (done.told.clone(), self.m.evidence(done.range, voter, vote));
        let outcome = self.m.send(RELAY, Hub::slashLoserCall { s, v });
        self.foreseen("slashLoser", &outcome, expected);
        if expected {
            self.model.faults.insert(fault);
            let risk = self.model.risk(done.range);
            let taken = self.model.slash(voter, risk);
            self.model.sink += taken;
        }
    }

    /// Only liars vote twice.
    pub(super) fn slash_equivocation(&mut self) {
        let posted: Vec<_> = self.model.posts.iter().map(|post| post.range).collect();
        let settled: Vec<_> = self.done.iter().map(|done| done.range).collect();
        let any: Vec<_> = self.range().into_iter().collect();
        let from = [&posted, &settled, &any][usize::try_from(self.dice.roll(3)).unwrap()];
        let Some(range) = self.dice.pick(&from[from.len().saturating_sub(4)..]) else {
            return;
        };
        let liars = (PLAYERS - HONEST) as u64;
        let voter = Voter(HONEST + usize::try_from(self.dice.roll(liars)).unwrap());
        let bag = &self.model.bags[self.model.bag(range.deal)];
        let fault = (range.id(), voter.address());
        let in_time = self.now() <= bag.deadline(10) + 2 * DAY;
        let expected = in_time && !self.model.faults.contains(&fault);
        let [a, b] = [right(), wrong()].map(|value| self.m.evidence(range, voter, value));
        let before = self.m.account(RELAY).stake;
        let call = Hub::slashEquivocationCall { a, b };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("slashEquivocation", &outcome, expected);
        if !expected {
            return;
        }
        self.model.faults.insert(fault);
        let open = self.model.posts.iter_mut();
        let open = open.filter(|post| post.range == range && !post.over);
        for vote in open.flat_map(|post| &mut post.votes) {
            if vote.0 == voter {
                let state = &mut self.model.voters[voter.0];
                state.posted -= vote.2;
                state.amount += std::mem::take(&mut vote.2);
            }
        }
        let risk = self.model.risk(range);
        let taken = self.model.slash(voter, risk);
        self.model.sink += taken - taken / n(5);
        assert_eq!(self.m.account(RELAY).stake - before, taken / n(5));
    }

    pub(super) fn slash_omission(&mut self) {
        let Some(done) = self.recent() else { return };
        let who = usize::try_from(self.dice.roll(PLAYERS as u64)).unwrap();
        let worker = Voter(who).address();
        let now = self.now();
        let fault = (done.range.id(), Address::ZERO);
        let expected = done.told.way == 1
            && now <= done.time + 2 * DAY
            && !done.listed.contains_key(&Voter(who))
            && !self.model.faults.contains(&fault);
        let sealed = B256::ZERO;
        let word = self.m.assignment(done.range, worker, sealed);
        let call = Hub::slashOmissionCall {
            s: done.told,
            first: n(done.range.first),
            count: n(done.range.count),
            worker,
            sealed,
            sign: compact(&Actor::Scheduler.sign(word)),
        };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("slashOmission", &outcome, expected);
        if expected {
            self.model.faults.insert(fault);
            self.model.held.touch(now);
            let stake = POOL_PRICE * n(30) / n(100) * n(done.range.count);
            self.model.held.take(done.time, stake);
        }
    }

    pub(super) fn release(&mut self) {
        let (workerpool, scheduler) = (self.m.pool, Actor::Scheduler.address());
        let call = Hub::releaseHeldCall {
            workerpool,
            scheduler,
        };
        let outcome = self.m.send(RELAY, call);
        self.foreseen("releaseHeld", &outcome, true);
        let now = self.now();
        self.model.held.touch(now);
    }

    pub(super) fn materialise(&mut self) {
        let Some(done) = self.recent() else { return };
        let index = done.range.first + self.dice.roll(done.range.count);
        let task = task_id(done.range.deal, index);
        let bag = &self.model.bags[self.model.bag(done.range.deal)];
        let known = !bag.marked || self.m.task(task).resultDigest != B256::ZERO;
        // A neighbour may have brought the link, and the task been initialized by somebody: then it can still be done.
        let call = Hub::materialiseCall {
            dealid: done.range.deal,
            idx: n(index),
            s: done.told,
        };
        let outcome = self.m.send(RELAY, call);
        let ok = outcome.result.is_ok();
        assert!(ok || known, "{:?}", outcome.result);
        assert!(bag.marked || !ok, "an unmarked task needs none");
        self.foreseen("materialise", &outcome, ok);
        let (by_id, by_place) = (self.m.task(task), self.m.task_at(done.range.deal, index));
        assert_eq!(by_id, by_place);
        assert_eq!(by_id.resultDigest, done.value.link);
    }
}
