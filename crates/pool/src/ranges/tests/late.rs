//! Where a worker keeps a range waiting, another one is asked as well; there is one answer all the same.

use alloy_primitives::Address;
use canut_protocol::range::Range;

use super::{
    super::{RangeCommand, Stage},
    BOND, Honest, Idle, STAKE, World, struck_after,
};

/// Many ranges, of which a pool learns how long they take.
fn bag(behaviours: &[super::Behaviour]) -> World {
    World::new(4, 640, BOND * 8, behaviours)
}

/// A bag in which one of the honest workers was asked for a range some time ago, and another one as well by now. What the first
/// one was told is not carried out yet.
fn hedged() -> (World, RangeCommand, Range, [Address; 2]) {
    let mut world = bag(&[Honest; 8]);
    for _ in 0..150 {
        world.step();
    }
    let is_offer = |order: &RangeCommand| matches!(order, RangeCommand::Offer { .. });
    while !world.mailbox.iter().any(is_offer) {
        assert!(world.step(), "the bag is not over yet");
    }
    let at = world.mailbox.iter().position(is_offer).unwrap();
    let order = world.mailbox.remove(at);
    let RangeCommand::Offer { range, worker, .. } = order else {
        unreachable!("{order:?}")
    };
    loop {
        let voting = world.ranges.voting(&range).unwrap();
        let second = voting.members.iter().find(|member| member.hedge.is_some());
        if let Some((second, hedge)) =
            second.and_then(|member| Some((member.worker, member.hedge?)))
        {
            assert_eq!(hedge.beside, worker);
            return (world, order, range, [worker, second]);
        }
        assert!(world.step(), "somebody else is asked as well");
    }
}

/// Carries out what a worker was told that is on its way.
fn tell(world: &mut World, to: Address) {
    let offer =
        |order: &RangeCommand| matches!(order, RangeCommand::Offer { worker, .. } if *worker == to);
    let at = world.mailbox.iter().position(offer).unwrap();
    world.run(at);
}

fn stages(world: &World, range: Range, workers: [Address; 2]) -> [Stage; 2] {
    let voting = world.ranges.voting(&range).unwrap();
    workers.map(|worker| voting.member(worker).unwrap().stage.clone())
}

#[test]
fn a_frozen_worker_keeps_nobody_waiting() {
    let mut behaviours = [Honest; 9];
    behaviours[4] = Idle;
    let mut world = bag(&behaviours);
    let began = world.now;
    world.finish();
    assert_eq!(world.certified(), 640);
    assert!(world.hedges.won > 0, "{:?}", world.hedges);
    // Without, the range is given to somebody else after twenty seconds.
    assert!(world.now - began < 10, "after {} s", world.now - began);
}

#[test]
fn of_two_that_were_asked_for_the_same_vote_one_is_counted() {
    for first in [0, 1] {
        let (mut world, order, range, both) = hedged();
        let sealed = world.ranges.voting(&range).unwrap().sealed.len();
        world.mailbox.push(order);
        tell(&mut world, both[first]);
        let [winner, loser] = [both[first], both[1 - first]];
        assert!(matches!(
            stages(&world, range, [winner, loser]),
            [Stage::Countersigned(_), Stage::Outrun]
        ));
        // The other one has a vote a moment later: it is not wanted, whatever it is.
        tell(&mut world, loser);
        assert_eq!(stages(&world, range, both)[1 - first], Stage::Outrun);
        let voting = world.ranges.voting(&range).unwrap();
        assert_eq!(voting.sealed.len(), sealed + 1);
        assert!(!world.assignments.contains_key(&(range, loser)));
        assert_eq!(world.hedges.won, first as u64);
        world.finish();
        assert_eq!(world.certified(), 640);
        assert!(world.losers().is_empty());
    }
}

#[test]
fn why_somebody_else_was_asked_is_told() {
    let (mut world, _, range, [slow, second]) = hedged();
    let told = |world: &World| {
        let seen = world.ranges.explain(world.now, range.deal(), range.first());
        let seen = seen.unwrap();
        let did = |worker| {
            let mut members = seen.members.iter();
            members
                .find(|member| member.worker == worker)
                .unwrap()
                .did
                .clone()
        };
        (seen.next.clone(), did(slow), did(second))
    };
    let (next, of_slow, of_second) = told(&world);
    assert!(next.contains("hedged"), "{next}");
    assert!(
        of_slow.contains("slower than nine of ten (1.0 s, usually 0.0 s)"),
        "{of_slow}"
    );
    assert!(of_second.contains(&slow.to_string()), "{of_second}");
    tell(&mut world, second);
    let (_, of_slow, _) = told(&world);
    assert!(of_slow.contains("did nothing wrong"), "{of_slow}");
}

#[test]
fn a_pool_that_is_killed_remembers_whom_it_asked_as_well() {
    let (mut world, _, range, both) = hedged();
    world.restart();
    assert_eq!(stages(&world, range, both), [Stage::Away, Stage::Away]);
    world.join_all();
    assert_eq!(
        stages(&world, range, both),
        [Stage::Offered, Stage::Offered]
    );
    tell(&mut world, both[1]);
    tell(&mut world, both[0]);
    assert_eq!(stages(&world, range, both)[0], Stage::Outrun);
    world.finish();
    assert_eq!(world.certified(), 640);
    assert!(world.losers().is_empty());
}

#[test]
fn who_is_away_for_some_seconds_is_replaced_and_may_come_back() {
    let mut world = World::new(4, 1, STAKE * 40, &[Honest; 4]);
    let RangeCommand::Offer { range, worker, .. } = world.mailbox.remove(0) else {
        panic!()
    };
    let number = world
        .sims
        .iter()
        .position(|sim| sim.address == worker)
        .unwrap();
    world.leave(number);
    world.pass(2);
    assert_eq!(world.ranges.voting(&range).unwrap().members.len(), 1);
    world.pass(1);
    let voting = world.ranges.voting(&range).unwrap();
    let [_, second] = voting.members.as_slice() else {
        panic!("{voting:?}")
    };
    let second = second.worker;
    world.join(number);
    let stages = |world: &World| stages(world, range, [worker, second]);
    assert_eq!(stages(&world), [Stage::Offered, Stage::Offered]);
    tell(&mut world, worker);
    assert!(matches!(
        stages(&world),
        [Stage::Countersigned(_), Stage::Outrun]
    ));
    world.finish();
    assert_eq!((world.certified(), world.hedges.won), (1, 0));
}

#[test]
fn nobody_is_asked_twice_by_a_pool_that_does_not_want_to() {
    let mut world = World::with(
        4,
        640,
        BOND * 8,
        &[Honest, Honest, Honest, Idle],
        |settings| {
            settings.hedge = false;
        },
    );
    let began = world.now;
    world.finish();
    assert_eq!((world.hedges.begun, world.certified()), (0, 640));
    assert!(world.now - began >= 20, "after {} s", world.now - began);
}

/// A blow between any two orders of a bag with a frozen worker.
fn struck_while_late(blow: impl Fn(&mut World)) {
    let mut behaviours = [Honest; 8];
    behaviours[2] = Idle;
    let bag = || World::new(4, 240, BOND * 4, &behaviours);
    let mut whole = bag();
    whole.finish();
    assert!(whole.hedges.won > 0, "{:?}", whole.hedges);
    let mut orders = 0;
    while struck_after(bag(), orders, &blow) {
        orders += 1;
    }
    assert!(orders > 100, "the whole flow was struck: {orders}");
}

#[test]
fn the_pool_may_be_killed_at_any_moment_while_workers_are_late() {
    struck_while_late(|world| {
        world.restart();
        world.join_all();
    });
}

#[test]
fn any_worker_may_be_killed_at_any_moment_while_others_are_late() {
    for number in [1, 6] {
        struck_while_late(|world| {
            world.leave(number);
            world.join(number);
        });
    }
}

#[test]
fn all_workers_may_be_lost_at_any_moment_for_a_while() {
    struck_while_late(|world| {
        (0..8).for_each(|number| world.leave(number));
        world.pass(4);
        world.join_all();
    });
}
