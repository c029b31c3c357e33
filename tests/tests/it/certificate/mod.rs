//! The certificate way: ranges of tasks settled by signed votes.

mod attacks;
mod bonds;
mod both_ways;
mod evidence;
mod fallback;
mod model;
mod random;
mod settling;
mod vectors;
mod views;

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, U256};
use canut_tests::actor::Actor;
use canut_tests::market::certificate::{Range, VOTERS, Value};
use canut_tests::market::{Coin, Market, RLC, Side};

/// A market where every voter has a bond of [`bond`] in the pool of the stage.
fn market() -> Market {
    static MARKET: LazyLock<Market> = LazyLock::new(|| {
        let mut market = Market::deploy(Side::Canut, Coin::Canut).unwrap();
        market.bond(0..VOTERS, bond());
        market
    });
    MARKET.clone()
}

fn bond() -> U256 {
    n(1_000) * RLC
}

/// A deal of a marked request for this many tasks at this trust.
fn marked(m: &mut Market, tasks: u64, trust: u64) -> B256 {
    let orders = m.orders().volume(tasks).trust(trust).marked();
    m.deal(orders)
}

/// The same, not marked.
fn unmarked(m: &mut Market, tasks: u64, trust: u64) -> B256 {
    let orders = m.orders().volume(tasks).trust(trust);
    m.deal(orders)
}

const fn range(deal: B256, first: u64, count: u64) -> Range {
    Range { deal, first, count }
}

fn right() -> Value {
    Value::named("right")
}

fn wrong() -> Value {
    Value::named("wrong")
}

/// What a vote on `count` tasks of the stage's deals puts at risk, in nRLC: 30 % of the workerpool's price each, for ten at
/// least.
fn risk(count: u64) -> U256 {
    RLC * n(30) / n(100) * n(count.max(10))
}

/// The sum of what everybody has free and locked; all of it must be accounted for.
#[track_caller]
fn check_books(m: &Market) {
    let people = Actor::all().map(Actor::address);
    let voters = (0..VOTERS).map(|v| canut_tests::market::certificate::Voter(v).address());
    let others = [canut_tests::market::KITTY, SINK];
    let everybody: Vec<Address> = people.chain(voters).chain(others).collect();
    let (mut free, mut locked) = (U256::ZERO, U256::ZERO);
    for account in everybody {
        let account = m.account(account);
        free += account.stake;
        locked += account.locked;
    }
    let own = m.account(m.hub);
    assert_eq!(own.stake, locked, "the hub holds what is locked");
    let supply = m.view(canut_tests::abi::Hub::totalSupplyCall {});
    assert_eq!(free + own.stake, supply, "all is somebody's");
}

/// Where forfeited stakes end that nobody may have.
const SINK: Address = alloy::primitives::address!("000000000000000000000000000000000000dEaD");

/// A number.
fn n(number: u64) -> U256 {
    U256::from(number)
}
