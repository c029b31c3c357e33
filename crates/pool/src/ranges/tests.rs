//! What a pool does with ranges, whatever its workers do.

mod late;
mod world;

use std::collections::BTreeMap;

use canut_protocol::range::Member;
use proptest::prelude::*;

use crate::Idle as Why;
use world::{Behaviour, ID, REF, STAKE, World};

use Behaviour::{Absent, Copies, Honest, Idle, Keeps, Sloppy, Slow, Unable, Withholds, Wrong};

/// Enough for four ranges of sixteen tasks.
const BOND: u64 = STAKE * 16 * 4;

fn play(trust: u64, size: u64, behaviours: &[Behaviour]) -> World {
    let mut world = World::new(trust, size, BOND, behaviours);
    world.finish();
    world
}

fn of(world: &World, behaviour: Behaviour) -> Vec<alloy_primitives::Address> {
    let sims = world.sims.iter().filter(|sim| sim.behaviour == behaviour);
    sims.map(|sim| sim.address).collect()
}

#[test]
fn honest_workers_settle_a_bag_in_ranges_that_leave_work_for_everyone() {
    let world = play(10, 64, &[Honest; 8]);
    assert_eq!(world.certified(), 64);
    assert_eq!(world.settled.len(), 8, "eight slots, eight tasks each");
    for members in world.settled.values() {
        assert!(
            (4..=5).contains(&members.len()),
            "four new workers make trust 10, and perhaps an audit"
        );
    }
}

#[test]
fn a_single_task_at_trust_one_takes_one_worker_or_an_audit() {
    let world = play(1, 1, &[Honest; 3]);
    let members = world.settled.values().next().unwrap();
    assert!((1..=2).contains(&members.len()));
}

#[test]
fn who_lies_about_everything_is_outvoted_on_whole_ranges() {
    let mut behaviours = [Honest; 9];
    behaviours[4] = Wrong;
    let world = play(10, 32, &behaviours);
    assert_eq!(world.certified(), 32);
    assert_eq!(
        world.losers().into_iter().collect::<Vec<_>>(),
        of(&world, Wrong)
    );
}

#[test]
fn a_few_wrong_tasks_cost_the_others_nothing_and_the_rest_of_the_range_is_paid_at_once() {
    let mut behaviours = [Honest; 9];
    behaviours[4] = Sloppy;
    let mut world = World::new(10, 144, BOND * 3, &behaviours);
    world.finish();
    assert_eq!(world.certified(), 144);
    assert_eq!(
        world.losers().into_iter().collect::<Vec<_>>(),
        of(&world, Sloppy)
    );
    for (range, members) in &world.settled {
        let lost = members
            .iter()
            .any(|member| matches!(member, Member::Loser { .. }));
        assert!(
            !lost || range.count() == 1,
            "only what differed was disputed: {range}"
        );
    }
}

#[test]
fn a_slow_worker_votes_on_what_it_has() {
    let world = play(4, 32, &[Slow; 4]);
    assert_eq!(world.certified(), 32);
    assert!(world.settled.len() > 4, "{:?}", world.settled.keys());
}

#[test]
fn everybody_who_was_countersigned_is_accounted_for_and_counts_against() {
    let mut behaviours = [Honest; 9];
    behaviours[2] = Absent;
    behaviours[3] = Copies;
    behaviours[5] = Withholds;
    behaviours[6] = Idle;
    behaviours[7] = Unable;
    let mut world = World::new(4, 16, BOND * 2, &behaviours);
    world.finish();
    assert!(
        world
            .losers()
            .iter()
            .all(|loser| of(&world, Copies).contains(loser)),
        "{:?}",
        world.losers()
    );
}

#[test]
fn archives_that_one_winner_keeps_another_puts_in_the_store() {
    let mut behaviours = [Honest; 8];
    behaviours[3] = Keeps;
    let mut world = World::new(10, 64, BOND, &behaviours);
    world.finish();
    assert_eq!(world.certified(), 64);
    assert!(
        world.posted.is_empty(),
        "every range was settled by the pool"
    );
}

#[test]
fn what_nobody_computes_is_refunded() {
    let world = play(4, 40, &[Idle, Unable]);
    assert_eq!(world.certified(), 0);
    assert!(world.assignments.is_empty());
}

#[test]
fn what_too_few_workers_voted_on_is_posted_and_then_refunded() {
    let world = play(100, 4, &[Honest; 3]);
    assert_eq!(world.certified(), 0);
    assert!(world.now >= 9 * REF);
}

#[test]
fn an_audit_that_nobody_is_left_for_keeps_no_requester_waiting() {
    // Twenty ranges, one in five of which is drawn for an audit.
    let mut world = World::new(1, 320, BOND * 10, &[Honest]);
    let began = world.now;
    world.finish();
    assert_eq!(world.certified(), 320);
    assert!(world.now - began < REF, "after {} s", world.now - began);
}

#[test]
fn nor_one_for_which_somebody_is_left_who_rests() {
    let mut world = World::new(1, 320, BOND * 10, &[Honest; 2]);
    let began = world.now;
    world.rest(1);
    world.finish();
    assert_eq!(world.certified(), 320);
    assert!(world.now - began < REF, "after {} s", world.now - began);
}

#[test]
fn who_was_lost_is_asked_again_where_nobody_else_is() {
    let mut world = World::new(1, 4, BOND, &[Honest]);
    world.leave(0);
    world.pass(REF / 2);
    world.join(0);
    world.finish();
    assert_eq!(world.certified(), 4);
}

#[test]
fn workers_without_a_bond_are_not_asked() {
    let world = World::new(1, 4, STAKE * 9, &[Honest; 3]);
    assert!(
        world.mailbox.is_empty(),
        "a single task puts ten stakes at risk"
    );
    let now = world.now;
    assert_eq!(world.ranges.idle(now), BTreeMap::from([(Why::Bond, 3)]));
    let waits = world.ranges.explain(now, ID, 7).unwrap();
    assert_eq!(
        (waits.started, waits.obstacles),
        (None, BTreeMap::from([(Why::Bond, 3)]))
    );
    assert!(world.ranges.explain(now, ID, 11).is_none());
}

#[test]
fn what_everybody_does_is_told() {
    let mut world = World::new(4, 1, BOND, &[Honest; 3]);
    let now = world.now;
    let seen = world.ranges.explain(now, ID, 7).unwrap();
    assert_eq!(seen.next, "waits for those who were asked");
    let [asked] = seen.members.as_slice() else {
        panic!("one is asked after the other: {seen:?}");
    };
    assert_eq!(asked.did, "computes it");
    let view = world.ranges.worker(now, asked.worker);
    assert_eq!((view.idle, view.unpaid, view.slots), (Why::Busy, 1, 1));
    let reach = world.ranges.reach();
    assert_eq!((reach.safe, reach.most), (4, 8), "two or three of weight 2");
    world.finish();
    assert_eq!(
        world.ranges.idle(world.now),
        BTreeMap::from([(Why::NoWork, 3)])
    );
}

/// Plays a bag until so many orders were carried out, lets `blow` fall there, and plays on to the end. Says whether there were
/// so many orders.
fn struck_after(mut world: World, orders: usize, blow: impl Fn(&mut World)) -> bool {
    let size = world.deal.bot_size;
    for _ in 0..orders {
        if world.is_over() || !world.step() {
            return false;
        }
    }
    blow(&mut world);
    world.finish();
    assert_eq!(world.certified(), size, "after {orders} orders");
    assert!(world.losers().is_empty(), "after {orders} orders");
    true
}

/// A blow between any two orders, from the first offer to the last settlement. The world asserts the rest.
fn struck_anywhere(blow: impl Fn(&mut World)) {
    let mut orders = 0;
    let honest = || World::new(10, 12, BOND, &[Honest; 6]);
    while struck_after(honest(), orders, &blow) {
        orders += 1;
    }
    assert!(orders > 30, "the whole flow was struck: {orders}");
}

#[test]
fn the_pool_may_be_killed_between_any_two_steps() {
    struck_anywhere(|world| {
        world.restart();
        world.join_all();
    });
}

#[test]
fn a_pool_may_be_killed_between_any_two_steps_and_again_while_it_comes_back() {
    struck_anywhere(|world| {
        for number in 0..6 {
            world.restart();
            world.join(number);
            world.run(0);
        }
        world.join_all();
    });
}

#[test]
fn any_worker_may_be_killed_between_any_two_steps() {
    for number in [0, 5] {
        struck_anywhere(|world| {
            world.leave(number);
            world.join(number);
        });
    }
}

#[test]
fn all_workers_may_be_killed_between_any_two_steps() {
    struck_anywhere(|world| {
        (0..6).for_each(|number| world.leave(number));
        world.join_all();
    });
}

#[test]
fn what_a_pool_promised_and_forgot_is_never_promised_again_and_the_bag_comes_to_an_end() {
    let mut orders = 0;
    loop {
        let mut world = World::new(10, 12, BOND, &[Honest; 6]);
        if !(0..orders).all(|_| world.run(0)) {
            break;
        }
        let before = world.settled.clone();
        world.forget();
        world.join_all();
        world.finish();
        assert_eq!(
            world.settled, before,
            "nothing was settled after {orders} orders"
        );
        orders += 1;
    }
    assert!(orders > 30, "the whole flow was struck: {orders}");
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        12 => Just(Honest),
        2 => Just(Slow),
        2 => Just(Wrong),
        2 => Just(Sloppy),
        1 => Just(Copies),
        1 => Just(Absent),
        1 => Just(Withholds),
        1 => Just(Keeps),
        1 => Just(Idle),
        1 => Just(Unable),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// The world asserts, at every step: one assignment for a vote and no second one, risks within bonds, nobody left out of
    /// a settlement, nothing settled twice or without the trust asked for.
    #[test]
    fn whatever_happens_the_pool_keeps_its_word(
        behaviours in prop::collection::vec(behaviour(), 5..14),
        size in 1_u64..60,
        trust in prop::sample::select(vec![1_u64, 2, 4, 10, 16]),
        places in 1_u64..8,
        moves in prop::collection::vec((0_u8..20, any::<prop::sample::Index>()), 0..300),
    ) {
        let mut world = World::new(trust, size, STAKE * 16 * places, &behaviours);
        for (what, which) in moves {
            let number = which.index(behaviours.len());
            match what {
                0 => world.leave(number),
                1 | 2 => world.join(number),
                3 => { world.restart(); world.join_all(); }
                4 => world.pass(1 + which.index(40) as u64),
                _ => {
                    let waiting = world.mailbox.len();
                    if waiting > 0 {
                        world.run(which.index(waiting));
                    }
                }
            }
        }
        world.join_all();
        world.finish();
        // Only they voted for anything else than what is right, and they never have the votes to certify it alone.
        let liars = behaviours.iter().filter(|how| matches!(how, Wrong | Sloppy | Copies)).count();
        if liars == 0 {
            prop_assert!(world.losers().is_empty());
        }
    }
}
