//! Stories of single tasks; [`chaos`] plays whole bags at random.

mod chaos;
mod world;

use canut_protocol::{Failure, Trust};

use super::*;
use world::{Behaviour, World};

fn authorised(commands: &[Command]) -> usize {
    commands
        .iter()
        .filter(|command| matches!(command, Command::Authorise { .. }))
        .count()
}

#[test]
fn a_task_takes_the_four_workers_that_trust_ten_needs() {
    let mut world = World::new(Trust::new(10), 1, &[Behaviour::Honest; 9]);
    world.join_all();
    world.run(|command| matches!(command, Command::Initialize { .. }));
    assert_eq!(authorised(&world.mailbox), 4);
    world.settle();
    assert_eq!(world.completed(), 1);
    assert_eq!(world.votes(), 4);
}

#[test]
fn one_worker_is_enough_at_trust_one_and_needs_nobody_to_finalize() {
    let mut world = World::new(Trust::ONE, 3, &[Behaviour::Honest; 5]);
    world.join_all();
    world.settle();
    assert_eq!((world.completed(), world.votes()), (3, 3));
    assert!(world.log_is_free_of(|event| matches!(event, ChainEvent::Reopened { .. })));
}

#[test]
fn a_lie_brings_more_workers() {
    let mut behaviours = vec![Behaviour::Honest; 8];
    behaviours[0] = Behaviour::Wrong;
    let mut world = World::new(Trust::new(10), 8, &behaviours);
    world.join_all();
    world.settle();
    assert_eq!(world.completed(), 8);
    assert!(world.votes() > 8 * 4);
}

#[test]
fn a_worker_that_goes_away_is_replaced_after_a_while() {
    let mut world = World::new(Trust::new(4), 1, &[Behaviour::Honest; 3]);
    world.join_all();
    world.run(|command| matches!(command, Command::Initialize { .. }));
    let Some(Command::Authorise { worker, task, .. }) = world.mailbox.first().cloned() else {
        panic!()
    };
    world.leave(worker);
    assert_eq!(authorised(&world.mailbox), 2, "it may come back");
    world.pass(3);
    assert_eq!(authorised(&world.mailbox), 3);
    let replica = world.scheduler.job(task).unwrap().replicas[&worker];
    assert!(
        replica.late && replica.stage.is_pending(),
        "its vote counts, should it come: {replica:?}"
    );
    world.pass(20);
    assert_eq!(authorised(&world.mailbox), 3);
    let replica = world.scheduler.job(task).unwrap().replicas[&worker];
    assert_eq!(replica.stage, Stage::Out(Failure::WorkerLost));
}

#[test]
fn a_frozen_worker_keeps_no_task_waiting() {
    let mut behaviours = vec![Behaviour::Honest; 9];
    behaviours[3] = Behaviour::Idle;
    let mut world = World::new(Trust::new(4), 40, &behaviours);
    world.join_all();
    let began = world.now;
    world.settle();
    assert_eq!(world.completed(), 40);
    assert!(world.hedges > 0);
    // Without, a worker is given a minute.
    assert!(world.now - began < 20, "after {} s", world.now - began);
}

#[test]
fn a_result_nobody_reveals_is_thrown_out() {
    let mut behaviours = vec![Behaviour::Mute; 4];
    behaviours.extend([Behaviour::Honest; 4]);
    let mut world = World::new(Trust::new(10), 1, &behaviours);
    for number in 0..4 {
        world.join(number);
    }
    world.settle_until(|world| world.votes() == 4);
    for number in 4..8 {
        world.join(number);
    }
    world.settle();
    assert!(!world.log_is_free_of(|event| matches!(event, ChainEvent::Reopened { .. })));
    assert_eq!((world.completed(), world.votes()), (1, 8));
}

#[test]
fn what_nobody_can_compute_is_claimed_and_no_more_workers_are_wasted() {
    let mut world = World::new(Trust::new(10), 1, &[Behaviour::Unable; 9]);
    world.join_all();
    world.settle();
    assert_eq!(
        (world.completed(), world.failed(), world.votes()),
        (0, 1, 0)
    );
    let job = world.saved_jobs().remove(0);
    assert_eq!(job.hopeless(3), Some(Failure::InputRefused));
    assert!(job.replicas.len() < 9);
}

#[test]
fn tasks_that_nobody_opened_are_claimed_at_the_end() {
    let mut world = World::new(Trust::new(10), 40, &[]);
    world.settle();
    assert_eq!(world.failed(), 40);
}
