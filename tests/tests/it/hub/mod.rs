//! The contracts: what they do, and that they do what PoCo's do.
//!
//! Most tests are plays: they run on Canut's contracts and on those of PoCo's npm package, must hold on both, and every
//! call of a play must have the same consequences on both: return values, reverts, events in order, everybody's money
//! and scores. Where the two differ on purpose, `differences` says so.

mod admin;
mod bad_input;
mod callbacks;
mod consensus;
mod differences;
mod enclaves;
mod erc20;
mod escrow;
mod interface;
mod invariants;
mod matching;
mod model;
mod orders;
mod play;
mod random;
mod registries;
mod restrictions;
mod rules;
mod settlement;
mod signatures;
mod tasks;
mod views;

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, U256};
use canut_tests::actor::Actor;
use canut_tests::journal::first_difference;
use canut_tests::market::{Coin, Market, Side};

/// A market of PoCo's contracts, staged.
fn poco() -> Market {
    static POCO: LazyLock<Market> =
        LazyLock::new(|| Market::deploy(Side::Poco, Coin::Faucet).unwrap());
    POCO.clone()
}

/// A market of Canut's contracts, staged, with the token of PoCo's tests.
fn canut() -> Market {
    static CANUT: LazyLock<Market> =
        LazyLock::new(|| Market::deploy(Side::Canut, Coin::Faucet).unwrap());
    CANUT.clone()
}

/// A market of Canut's contracts with Canut's own token.
fn ours() -> Market {
    static OURS: LazyLock<Market> =
        LazyLock::new(|| Market::deploy(Side::Canut, Coin::Canut).unwrap());
    OURS.clone()
}

/// Plays on both sides, which must not part.
#[track_caller]
fn on_both(play: impl Fn(&mut Market)) {
    let play = |mut market: Market| {
        println!("on {:?}", market.side);
        market.start_journal();
        play(&mut market);
        market
    };
    let (ours, theirs) = (play(canut()), play(poco()));
    assert!(
        !ours.journal().is_empty(),
        "a play without a call shows nothing"
    );
    if let Some(difference) = first_difference(&ours, &theirs) {
        panic!("{difference}");
    }
}

/// The first `count` workers.
fn workers(count: usize) -> Vec<Actor> {
    (0..count).map(Actor::Worker).collect()
}

/// The trust that this many fresh workers reach exactly.
fn trust_of(workers: usize) -> u64 {
    [1, 1, 3, 7, 15, 31][workers]
}

/// A number.
fn n(number: u64) -> U256 {
    U256::from(number)
}

/// A tag with only this bit.
fn bit(bit: usize) -> B256 {
    B256::from(U256::ONE << bit)
}

/// An address where nobody is.
fn nobody() -> Address {
    Address::repeat_byte(0xee)
}
