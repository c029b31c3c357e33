//! Ranges settled by the pool, or posted, opened, resolved and claimed by anyone.

use super::*;

impl Play {
    pub(super) fn value(&mut self) -> Value {
        match self.dice.roll(6) {
            0 => wrong(),
            1 => Value::named("third"),
            _ => right(),
        }
    }

    pub(super) fn voters(&mut self) -> Vec<usize> {
        let most = 1 + self.dice.roll(10);
        let mut all: Vec<usize> = (0..PLAYERS).collect();
        let take = |dice: &mut Dice| usize::try_from(dice.roll(1 << 32)).unwrap();
        (0..most)
            .map(|_| {
                let at = take(&mut self.dice) % all.len();
                all.swap_remove(at)
            })
            .collect()
    }

    pub(super) fn settle(&mut self) {
        let Some(range) = self.range() else { return };
        let value = self.value();
        let mut members = Vec::new();
        for voter in self.voters() {
            let vote = self.vote(voter);
            members.push(match self.dice.roll(12) {
                0 => Member::Absent(Voter(voter)),
                _ if vote == value => Member::Winner(Voter(voter)),
                _ => Member::Loser(Voter(voter), vote),
            });
        }
        let now = self.now();
        let expected = self.model.settles(range, &members, now);
        let done = self.m.settle(range, value, &members);
        self.foreseen("settle", &done, expected);
        if !expected {
            return;
        }
        self.model.settle(range, value, &members, now);
        let listed = sorted(&members).into_iter();
        let listed = listed.map(|m| (m.voter(), matches!(m, Member::Absent(_))));
        self.done.push(Done {
            range,
            value,
            told: self.m.settled(&done),
            time: now,
            listed: listed.collect(),
        });
    }

    pub(super) fn post(&mut self) {
        let posted: Vec<_> = self.model.posts.iter().map(|post| post.range).collect();
        let again = self.dice.roll(3) == 0;
        let found = if again {
            self.dice.pick(&posted)
        } else {
            self.range()
        };
        let Some(range) = found else { return };
        let mut votes = Vec::new();
        for voter in self.voters() {
            votes.push((Voter(voter), self.vote(voter)));
        }
        let poster = if self.dice.roll(3) == 0 {
            Actor::Scheduler
        } else {
            RELAY
        };
        let expected = self.model.posts(range, &votes, self.now());
        let done = self.m.post(poster, range, &votes);
        self.foreseen("post", &done, expected);
        if expected {
            self.model.post(poster, range, &votes);
        }
    }

    /// One of the last posted ranges.
    pub(super) fn posting(&mut self) -> Option<usize> {
        let (all, last) = (self.model.posts.len(), 5);
        let places: Vec<usize> = (all.saturating_sub(last)..all).collect();
        self.dice.pick(&places)
    }

    pub(super) fn open(&mut self) {
        let Some(at) = self.posting() else { return };
        let (value, now) = (self.value(), self.now());
        let post = &self.model.posts[at];
        let bag = &self.model.bags[self.model.bag(post.range.deal)];
        let in_time = bag.deadline(8) <= now && now < bag.deadline(9);
        let some = post.votes.iter().any(|vote| vote.1 == value && !vote.3);
        let range = post.range;
        let done = self.m.open(RELAY, range, value);
        self.foreseen("open", &done, in_time && some);
        if in_time && some {
            let post = &mut self.model.posts[at];
            for vote in post.votes.iter_mut().filter(|vote| vote.1 == value) {
                vote.3 = true;
            }
            post.values.push(value);
        }
    }

    pub(super) fn resolve(&mut self) {
        let Some(at) = self.posting() else { return };
        let now = self.now();
        let expected = self.model.resolves(at, now);
        let range = self.model.posts[at].range;
        let done = self.m.resolve(RELAY, range);
        self.foreseen("resolve", &done, expected);
        if !expected {
            return;
        }
        let certified = self.model.resolve(at, now);
        let found = done.events::<Hub::RangeSettled>(self.m.hub).len();
        assert_eq!(found, usize::from(certified.is_some()));
        if let Some(value) = certified {
            let votes = &self.model.posts[at].votes;
            let listed = votes.iter().map(|vote| (vote.0, false)).collect();
            self.done.push(Done {
                range,
                value,
                told: self.m.settled(&done),
                time: now,
                listed,
            });
        }
    }

    pub(super) fn claim_range(&mut self) {
        let Some(range) = self.range() else { return };
        let at = self.model.bag(range.deal);
        let bag = &self.model.bags[at];
        let expected = self.now() >= bag.deadline(10) && bag.is_free(range);
        let done = self.m.claim_range(range);
        self.foreseen("claimRange", &done, expected);
        if expected {
            self.model.bags[at].turn(range, Fate::Ended);
        }
    }
}
