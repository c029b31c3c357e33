//! Whole bags, with everything going wrong that can.

use canut_protocol::Trust;
use proptest::prelude::*;

use super::world::{Behaviour, REF, World};

/// One thing that happens, chosen by chance.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Order(usize),
    Work(usize),
    Leave(usize),
    Join(usize),
    Time(u64),
    Restart { keep: bool },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        40 => any::<usize>().prop_map(Happening::Order),
        40 => any::<usize>().prop_map(Happening::Work),
        6 => any::<usize>().prop_map(Happening::Leave),
        12 => any::<usize>().prop_map(Happening::Join),
        6 => (1..10u64).prop_map(Happening::Time),
        1 => any::<bool>().prop_map(|keep| Happening::Restart { keep }),
    ]
}

fn behaviours() -> impl Strategy<Value = Vec<Behaviour>> {
    let bad = prop_oneof![
        Just(Behaviour::Wrong),
        Just(Behaviour::Mute),
        Just(Behaviour::Idle),
    ];
    prop::collection::vec(bad, 0..=4).prop_map(|mut bad| {
        bad.extend([Behaviour::Honest; 10]);
        bad
    })
}

fn play(world: &mut World, happening: Happening) {
    let workers = world.sims.len();
    match happening {
        Happening::Order(which) if !world.mailbox.is_empty() => {
            let command = world.mailbox.swap_remove(which % world.mailbox.len());
            world.carry_out(command);
        }
        Happening::Order(_) => {}
        Happening::Work(which) => _ = world.work(which % workers),
        Happening::Leave(which) => {
            let worker = alloy_primitives::Address::repeat_byte((which % workers) as u8 + 1);
            world.leave(worker);
        }
        Happening::Join(which) => world.join(which % workers),
        Happening::Time(seconds) => world.pass(seconds),
        Happening::Restart { keep } => world.restart(keep),
    }
    world.agrees();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_task_is_certified_whoever_lies_leaves_or_restarts(
        behaviours in behaviours(),
        level in prop_oneof![Just(1u64), 2..60u64],
        size in 1..12u64,
        happenings in prop::collection::vec(happening(), 0..300),
    ) {
        let mut world = World::new(Trust::new(level), size, &behaviours);
        for happening in happenings {
            if world.now > 1_000 + REF {
                break;
            }
            play(&mut world, happening);
        }
        world.join_all();
        world.settle();
        world.agrees();
        prop_assert_eq!(world.completed(), size as usize);
    }
}
