//! What must hold after every call, and in the end.

use super::*;

impl Play {
    pub(super) fn check(&self) {
        let (m, model) = (&self.m, &self.model);
        for (who, state) in model.voters.iter().enumerate() {
            let (account, bond) = (m.account(Voter(who).address()), m.bond_of(Voter(who)));
            assert_eq!(account.stake, state.free, "free of voter {who}");
            let locked = state.amount + state.pending + state.posted;
            assert_eq!(account.locked, locked, "locked of voter {who}");
            assert_eq!((bond.bond, bond.pending), (state.amount, state.pending));
            assert_eq!(bond.score, n(state.standing.score().into()));
        }
        assert_eq!(m.account(SINK).stake, model.sink);
        assert_eq!(m.account(KITTY).locked, self.kitty);
        let unfinished = |bag: &Bag| bag.fates.iter().filter(|f| **f != Fate::Ended).count();
        let unfinished: usize = model.bags.iter().map(unfinished).sum();
        let unfinished = n(unfinished as u64);
        let price = APP_PRICE + DATASET_PRICE + POOL_PRICE;
        assert_eq!(m.account(Actor::Requester).locked, price * unfinished);
        let stake = POOL_PRICE * n(30) / n(100);
        let held = model.held.current + model.held.previous;
        let scheduler = m.account(Actor::Scheduler).locked;
        assert_eq!(scheduler, stake * unfinished + held);
        for worker in (0..4).map(Actor::Worker) {
            let votes = self.open.values().flatten();
            let votes = votes.filter(|voter| **voter == worker).count();
            assert_eq!(m.account(worker).locked, stake * n(votes as u64));
        }
        self.check_sum();
    }

    /// What everybody has is all there is.
    pub(super) fn check_sum(&self) {
        let people = Actor::all().map(Actor::address);
        let voters = (0..PLAYERS).map(|voter| Voter(voter).address());
        let everybody: Vec<Address> = people.chain(voters).chain([KITTY, SINK]).collect();
        let accounts = self.m.views(
            everybody
                .iter()
                .map(|account| Hub::viewAccountCall { account: *account }),
        );
        let free: U256 = accounts.iter().map(|account| account.stake).sum();
        let locked: U256 = accounts.iter().map(|account| account.locked).sum();
        assert_eq!(self.m.account(self.m.hub).stake, locked);
        let people = n(Actor::all().count() as u64 - 1);
        assert_eq!(free + locked, DEPOSIT * people, "nothing is made or lost");
    }

    /// In the end every task ended in one way, and nothing stays locked but bonds and stakes that can be contested.
    pub(super) fn finish(&mut self) {
        let last = self.now() + 10 * canut_tests::market::TIME_REF;
        self.m.world.set_time(last);
        for at in 0..self.model.posts.len() {
            if self.model.posts[at].over {
                continue;
            }
            let range = self.model.posts[at].range;
            self.m.resolve(RELAY, range).succeeds();
            self.model.resolve(at, last);
        }
        for at in 0..self.model.bags.len() {
            for index in 0..self.model.bags[at].fates.len() {
                let (id, fate) = (self.model.bags[at].id, self.model.bags[at].fates[index]);
                let one = range(id, index as u64, 1);
                let outcome = match fate {
                    Fate::Free => self.m.claim_range(one),
                    Fate::Open => self.m.claim(task_id(id, index as u64)),
                    _ => continue,
                };
                self.open.remove(&task_id(id, index as u64));
                self.foreseen("the end", &outcome, true);
                self.model.bags[at].turn(one, Fate::Ended);
            }
        }
        self.check();
        assert_eq!(self.m.account(Actor::Requester).locked, U256::ZERO);
    }
}
