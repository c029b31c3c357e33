use alloy_primitives::{Address, keccak256};
use alloy_sol_types::SolValue;
use proptest::prelude::*;

use super::super::{
    audit::{Chain, Promise, Rates, epoch},
    *,
};
use crate::test_support::{any_address, any_word};

fn promise(secret: B256, stride: u16) -> Promise {
    Promise {
        secret,
        rates: Rates::default(),
        stride,
    }
}

#[test]
fn hashes_are_those_of_the_packed_fields() {
    let (secret, pool, worker) = (
        keccak256("secret"),
        Address::repeat_byte(8),
        Address::repeat_byte(9),
    );
    let promise = promise(secret, 500);
    let fields = (secret, 200_000u32, 50_000u32, 500u16, pool, 20_000u32).abi_encode_packed();
    assert_eq!(promise.hash(pool, 20_000), keccak256(fields));
    let (range, sealed) = (super::range(0, 500).id(), keccak256("sealed"));
    let chain = Chain::START.then(sealed);
    assert_eq!(chain.0, keccak256((B256::ZERO, sealed).abi_encode_packed()));
    let fields = (secret, range.0, chain.0, worker).abi_encode_packed();
    assert_eq!(promise.draw(range).rank(chain, worker), keccak256(fields));
    let fields = (secret, range.0, chain.0).abi_encode_packed();
    let drawn = U256::from_be_bytes(keccak256([fields, b"audit".to_vec()].concat()).0)
        % U256::from(1_000_000);
    let at = |joined| Rates { alone: 0, joined };
    assert!(
        promise
            .draw(range)
            .is_audited(chain, 2, at(drawn.to::<u32>() + 1))
    );
    assert!(!promise.draw(range).is_audited(chain, 2, at(drawn.to())));
    assert!(!promise.draw(range).is_audited(chain, 1, at(1_000_000)));
    assert_eq!(epoch(86_399), Some(0));
    assert_eq!(epoch(u64::MAX), None);
}

#[test]
fn about_a_fifth_of_lone_votes_and_a_twentieth_of_others_are_audited() {
    let promise = promise(keccak256("secret"), 1);
    let audited = |votes| {
        let drawn = |index: &u64| {
            let draw = promise.draw(super::range(*index, 1).id());
            draw.is_audited(Chain::START, votes, promise.rates)
        };
        (0..10_000).filter(drawn).count()
    };
    assert!((1_800..2_200).contains(&audited(1)), "{}", audited(1));
    assert!((400..600).contains(&audited(2)), "{}", audited(2));
}

#[test]
fn a_pool_cannot_choose_its_ranges() {
    let deal = Deal {
        bot_first: 7,
        bot_size: 25,
        ..Deal::default()
    };
    let promise = promise(B256::ZERO, 10);
    let ranges: Vec<_> = promise.ranges(super::deal(), &deal).collect();
    assert_eq!(
        ranges,
        [
            super::range(7, 10),
            super::range(17, 10),
            super::range(27, 5)
        ]
    );
    for range in &ranges {
        assert_eq!(promise.origin(range, &deal), Some(*range));
    }
    assert_eq!(promise.origin(&super::range(19, 3), &deal), Some(ranges[1]));
    assert_eq!(
        promise.origin(&super::range(16, 2), &deal),
        None,
        "across two"
    );
    assert_eq!(
        promise.origin(&super::range(31, 2), &deal),
        None,
        "beyond the deal"
    );
    assert_eq!(
        self::promise(B256::ZERO, 0)
            .ranges(super::deal(), &deal)
            .count(),
        0
    );
    assert_eq!(
        self::promise(B256::ZERO, 5000)
            .ranges(super::deal(), &deal)
            .count(),
        0
    );
}

proptest! {
    #[test]
    fn the_order_of_the_draws_is_found_again(
        secret in any_word(), pool in prop::collection::btree_map(any_address(), any_word(), 3..12), members in 1..3usize,
    ) {
        let range = super::range(0, 5).id();
        let draw = promise(secret, 5).draw(range);
        let (mut chain, mut drawn) = (Chain::START, Vec::new());
        let mut left = pool.clone();
        for _ in 0..members {
            let next = draw.next(chain, left.keys().copied()).unwrap();
            chain = chain.then(left.remove(&next).unwrap());
            drawn.push((next, chain));
        }
        let listed = pool.into_iter().filter(|(worker, _)| !left.contains_key(worker)).collect();
        prop_assert_eq!(draw.order(listed), drawn);
    }
}
