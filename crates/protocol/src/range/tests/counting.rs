use alloy_primitives::{U256, U512};
use proptest::prelude::*;

use super::super::{
    money::{Payout, Slash, Stall},
    *,
};
use crate::{Deal, Nrlc, Resource, Tally, Trust, Weight};

fn weight(weight: u64) -> Weight {
    Weight::new(weight).unwrap()
}

fn sides(winners: &[u64], losers: &[u64], absents: &[u64]) -> Sides {
    let sides = winners
        .iter()
        .fold(Sides::new(), |sides, one| sides.with_winner(weight(*one)));
    let sides = losers
        .iter()
        .fold(sides, |sides, one| sides.with_loser(weight(*one)));
    absents
        .iter()
        .fold(sides, |sides, one| sides.with_absent(weight(*one)))
}

#[test]
fn how_many_must_agree_is_as_the_table_says() {
    // Trust 2, 10, 100, 1 000, 10⁶.
    let trusts = [2, 10, 100, 1_000, 1_000_000].map(Trust::new);
    for (one, table) in [
        (2, [1, 4, 7, 10, 20]),
        (5, [1, 2, 3, 5, 9]),
        (10, [1, 1, 2, 3, 6]),
    ] {
        for (trust, members) in trusts.into_iter().zip(table) {
            assert_eq!(
                weight(one).unanimous_members(trust),
                Some(members),
                "{one} at {trust}"
            );
            assert_eq!(
                Sides::new().missing(weight(one), trust),
                Some(members as usize)
            );
        }
    }
    assert_eq!(weight(1).unanimous_members(Trust::new(2)), None);
}

#[test]
fn in_a_dispute_reputation_does_not_vote() {
    // Equal votes needed against dissenters at trust 100 and 1 000 (economy, R4).
    for (trust, table) in [
        (10, [5, 6, 7, 8]),
        (100, [9, 9, 10, 11]),
        (1_000, [12, 13, 14, 15]),
    ] {
        for (dissenters, votes) in (1..).zip(table) {
            let losers = vec![10; dissenters];
            let one = sides(&[10], &losers, &[]);
            assert_eq!(
                one.missing(weight(2), Trust::new(trust)),
                Some(votes - 1),
                "{dissenters} at {trust}"
            );
        }
    }
    assert_eq!(
        sides(&[10; 4], &[2], &[]).required(Trust::ONE),
        Trust::new(10)
    );
    assert!(!sides(&[10; 4], &[2], &[]).certify(Trust::ONE));
    assert!(sides(&[2; 5], &[10], &[]).certify(Trust::ONE));
}

#[test]
fn an_absence_counts_with_its_weight() {
    let four = sides(&[10; 4], &[], &[10]);
    assert!(four.certify(Trust::new(100)));
    assert!(!sides(&[10; 3], &[], &[10]).certify(Trust::new(100)));
    assert!(!sides(&[], &[], &[]).certify(Trust::ONE));
    assert!(!sides(&[], &[], &[10]).certify(Trust::ONE));
}

#[test]
fn nobody_is_alone_above_trust_10() {
    for score in 0..=MAX_SCORE {
        let alone = Sides::new().with_winner(Standing::new(score, 0).weight());
        assert!(!alone.certify(Trust::new(11)), "score {score}");
    }
}

#[test]
fn a_score_grows_once_a_day_and_is_lost_at_once() {
    let day = |day: u64| day * 86_400;
    let mut standing = Standing::default();
    assert_eq!(standing.weight(), Weight::FRESH);
    for today in 1..=40 {
        standing = standing.rewarded(day(today), 2, true);
        assert_eq!(standing.rewarded(day(today) + 86_399, 3, true), standing);
        assert_eq!(u64::from(standing.score()), today.min(32));
        assert_eq!(standing.weight().get(), 2 + today.min(32) / 4);
    }
    assert_eq!(standing.weight().get(), 10);
    let slashed = standing.slashed();
    assert_eq!((slashed.score(), slashed.last_gain()), (0, 32));
    assert_eq!(slashed.rewarded(day(41), 1, true), slashed);
    assert_eq!(slashed.rewarded(day(41), 2, false), slashed);
    assert_eq!(Standing::new(200, 0).score(), 32);
}

#[test]
fn deadlines_are_whole_time_references() {
    let clock = Clock::of(1_000, 300).unwrap();
    assert_eq!((clock.countersign, clock.contribution), (2_800, 3_100));
    assert_eq!(
        (clock.posting, clock.opening, clock.end),
        (3_400, 3_700, 4_000)
    );
    assert_eq!(clock.evidence_end(2_000), 2_000 + EVIDENCE_SECONDS);
    assert_eq!(clock.evidence_end(u64::MAX), 4_000 + EVIDENCE_SECONDS);
    assert!(Clock::of(u64::MAX, 1).is_err());
    // A bond asked for right after a vote is signed stays longer than the vote can matter.
    let longest = Clock::of(0, MAX_TIME_REF).unwrap();
    assert!(longest.equivocation_end() < UNBONDING_SECONDS);
}

fn priced(app: u64, dataset: u64, workerpool: u64, stake: u64, ratio: u8) -> Terms {
    let price = |price| Resource {
        price: Nrlc::new(price),
        ..Resource::default()
    };
    let deal = Deal {
        app: price(app),
        dataset: price(dataset),
        workerpool: price(workerpool),
        worker_stake: Nrlc::new(stake),
        scheduler_reward_ratio: ratio,
        ..Deal::default()
    };
    Terms::of(&deal, 300).unwrap()
}

#[test]
fn a_single_task_risks_as_much_as_ten() {
    let terms = priced(0, 0, 100, 30, 1);
    assert_eq!(terms.risk(1).unwrap(), Nrlc::new(300));
    assert_eq!(terms.risk(10).unwrap(), Nrlc::new(300));
    assert_eq!(terms.risk(4096).unwrap(), Nrlc::new(122_880));
}

#[test]
fn deals_that_a_certificate_cannot_count_are_refused() {
    let deal = Deal::default();
    assert_eq!(Terms::of(&deal, 36_001), Err(TermsRefusal::TooLong(36_001)));
    let dear = Nrlc(U256::ONE << 72);
    let with = |change: fn(&mut Deal)| {
        let mut deal = Deal::default();
        change(&mut deal);
        Terms::of(&deal, 300)
    };
    assert_eq!(
        with(|deal| deal.worker_stake = Nrlc(U256::ONE << 72)),
        Err(TermsRefusal::TooDear(dear))
    );
    assert_eq!(
        with(|deal| deal.app.price = Nrlc(U256::ONE << 72)),
        Err(TermsRefusal::TooDear(dear))
    );
    assert!(with(|deal| deal.trust = Trust(U256::ONE << 64)).is_ok());
    assert!(with(|deal| deal.trust = Trust((U256::ONE << 64) + U256::ONE)).is_err());
    assert_eq!(
        with(|deal| deal.scheduler_reward_ratio = 101),
        Err(TermsRefusal::TooGreedy(101))
    );
}

#[test]
fn three_winners_and_a_loser_share_a_range() {
    let terms = priced(5, 3, 100, 30, 10);
    let payout = Payout::settle(&terms, 10, &[1, 2, 3], terms.risk(10).unwrap()).unwrap();
    let rewards: Vec<_> = payout
        .winners
        .iter()
        .map(|reward| (reward.pay.0.to(), reward.bonus.0.to()))
        .collect();
    assert_eq!(rewards, [(150u64, 50u64), (300, 100), (450, 150)]);
    assert_eq!(
        (payout.payer, payout.app, payout.dataset),
        (1_080.into(), 50.into(), 30.into())
    );
    assert_eq!((payout.scheduler, payout.sink), (100.into(), 0.into()));

    let robbery = Payout::settle(&terms, 10, &[1, 1], Nrlc::new(1_000_000)).unwrap();
    assert!(
        robbery
            .winners
            .iter()
            .all(|reward| reward.bonus == reward.pay)
    );
    assert_eq!(robbery.sink, Nrlc::new(1_000_000 - 900));
}

prop_compose! {
    fn any_terms()(app: u32, dataset: u32, workerpool: u32, stake: u32, ratio in 0..=100u8) -> Terms {
        priced(app.into(), dataset.into(), workerpool.into(), stake.into(), ratio)
    }
}

fn any_weights(most: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(2..=10u64, 0..=most)
}

proptest! {
    #[test]
    fn credibility_is_the_formula_and_never_overflows(p: [u64; 2], q: [u64; 2], shift in 0..128usize, trust: u64, one: bool) {
        let [p, q] = [p, q].map(|limbs| U256::from_limbs([limbs[0], limbs[1], 0, 0]) >> shift);
        let trust = if one { U256::ONE << 64 } else { U256::from(trust.max(1)) };
        let wide = |value: U256| U512::from(value);
        let against = if q > U256::ONE { wide(q) } else { U512::ZERO };
        let expected = wide(p) * wide(trust) > (U512::ONE + wide(p) + against) * wide(trust - U256::ONE);
        prop_assert_eq!(credible(p, q, Trust(trust)), expected);
    }

    #[test]
    fn against_at_most_one_it_is_the_rule_of_poco(winners in any_weights(8), dissenter in 1..=10u64, trust in 1..100_000u64) {
        // Weight 1: nobody.
        let mut tally = Tally::new();
        for one in &winners {
            tally.vote(B256::repeat_byte(1), weight(*one)).unwrap();
        }
        if dissenter > 1 {
            tally.vote(B256::repeat_byte(2), weight(dissenter)).unwrap();
        }
        let p = winners.iter().map(|one| U256::from(*one)).product();
        prop_assume!(!winners.is_empty());
        let ours = credible(p, U256::from(dissenter), Trust::new(trust));
        prop_assert_eq!(ours, tally.certified(B256::repeat_byte(1), Trust::new(trust)).unwrap());
    }

    #[test]
    fn several_dissenters_are_never_taken_more_lightly_than_in_poco(
        winners in any_weights(6), groups in prop::collection::vec(2..=10u64, 1..4), trust in 1..10_000u64,
    ) {
        let mut tally = Tally::new();
        for one in &winners {
            tally.vote(B256::repeat_byte(0xff), weight(*one)).unwrap();
        }
        for (group, one) in groups.iter().enumerate() {
            tally.vote(B256::repeat_byte(group as u8), weight(*one)).unwrap();
        }
        let product = |weights: &[u64]| weights.iter().map(|one| U256::from(*one)).product();
        if !winners.is_empty() && credible(product(&winners), product(&groups), Trust::new(trust)) {
            prop_assert!(tally.certified(B256::repeat_byte(0xff), Trust::new(trust)).unwrap());
        }
    }

    #[test]
    fn more_for_it_never_hurts_and_more_against_it_never_helps(
        winners in any_weights(12), losers in any_weights(4), absents in any_weights(4), trust in 1..5_000u64, one in 2..=10u64,
    ) {
        let trust = Trust::new(trust);
        let now = sides(&winners, &losers, &absents);
        let certified = now.certify(trust);
        prop_assert!(!certified || now.with_winner(weight(one)).certify(trust));
        prop_assert!(certified || !now.with_absent(weight(one)).certify(trust));
        prop_assert!(certified || !now.with_loser(weight(one)).certify(trust));
        prop_assert!(!now.certify(Trust(trust.0 + U256::ONE)) || certified);
        let reached = now.reached();
        prop_assert_eq!(certified, !winners.is_empty() && now.required(trust) <= reached);
        if !losers.is_empty() {
            let flat = |list: &[u64]| vec![2; list.len()];
            prop_assert_eq!(sides(&flat(&winners), &flat(&losers), &flat(&absents)).certify(trust), certified);
        }
    }

    #[test]
    fn two_values_are_never_both_certified(a in any_weights(16), b in any_weights(16), trust in 1..1_000u64) {
        let both = sides(&a, &b, &[]).certify(Trust::new(trust)) && sides(&b, &a, &[]).certify(Trust::new(trust));
        prop_assert!(!both || a.is_empty() || b.is_empty());
    }

    #[test]
    fn no_token_is_made_or_lost(
        terms in any_terms(), count in 1..=4096u16, winners in prop::collection::vec(1..=3u32, 1..=32), forfeited: u64, stalled: bool,
    ) {
        let pay = if stalled { Payout::resolve } else { Payout::settle };
        let payout = pay(&terms, count, &winners, Nrlc::new(forfeited)).unwrap();
        let sum = |amounts: &[Nrlc]| Nrlc::sum(amounts.iter().copied()).unwrap();
        let (paid, bonuses): (Vec<_>, Vec<_>) = payout.winners.iter().map(|reward| (reward.pay, reward.bonus)).unzip();
        prop_assert_eq!(payout.payer, sum(&[payout.app, payout.dataset, payout.scheduler, sum(&paid)]));
        prop_assert_eq!(sum(&[sum(&bonuses), payout.sink]), Nrlc::new(forfeited));
        prop_assert!(payout.winners.iter().all(|reward| reward.bonus <= reward.pay));
        prop_assert_eq!(payout.payer, terms.price(count).unwrap());
        if stalled {
            prop_assert!(payout.scheduler.is_zero());
        }
    }

    #[test]
    fn stakes_of_the_guilty_are_shared_to_the_last_unit(stake: u64) {
        let stake = Nrlc::new(stake);
        let stall = Stall::of(stake).unwrap();
        prop_assert_eq!(Nrlc::sum([stall.poster, stall.resolver, stall.payer]).unwrap(), stake);
        let slashes = [Slash::loser(stake), Slash::equivocation(stake).unwrap(), Slash::omission(stake).unwrap()];
        for slash in slashes {
            prop_assert_eq!(Nrlc::sum([slash.caller, slash.payer, slash.sink]).unwrap(), stake);
        }
        prop_assert_eq!(slashes[0].sink, stake);
    }
}
