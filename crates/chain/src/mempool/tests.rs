use super::*;
use crate::engine::TxSource;
use alloy::{
    consensus::{SignableTransaction, TxEip1559},
    primitives::Signature,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn tx(sender: u8, nonce: u64, tip: u128) -> PooledTx {
    let body = TxEip1559 {
        nonce,
        max_fee_per_gas: 100 + tip,
        max_priority_fee_per_gas: tip,
        gas_limit: 21_000,
        ..TxEip1559::default()
    };
    let sender = Address::repeat_byte(sender);
    // Not a real signature: unique to the sender, as hashes must be.
    let signature = Signature::new(U256::from(sender.0[0]), U256::ONE, false);
    Arc::new(Recovered::new_unchecked(
        body.into_signed(signature).into(),
        sender,
    ))
}

fn pool(count: usize) -> Pool {
    Pool::new(PoolLimits {
        count,
        bytes: 1 << 20,
        per_sender: 16,
    })
}

fn add(pool: &Pool, tx: &PooledTx) -> Result<bool, Rejection> {
    pool.add(Arc::clone(tx), 100, || Ok((0, U256::MAX)))
}

fn order(pool: &Pool) -> Vec<(u8, u64)> {
    let mut best = pool.best(10, usize::MAX);
    std::iter::from_fn(|| best.next())
        .map(|tx| (tx.signer().0[0], tx.nonce()))
        .collect()
}

#[test]
fn a_gap_waits_until_it_is_filled() {
    let pool = pool(10);
    assert_eq!(add(&pool, &tx(1, 1, 5)), Ok(false));
    assert_eq!(order(&pool), []);
    assert_eq!(pool.next_nonce(&Address::repeat_byte(1)), Some(0));
    assert_eq!(add(&pool, &tx(1, 0, 5)), Ok(true));
    assert_eq!(order(&pool), [(1, 0), (1, 1)]);
    assert_eq!(pool.next_nonce(&Address::repeat_byte(1)), Some(2));
}

#[test]
fn a_replacement_pays_a_tenth_more() {
    let pool = pool(10);
    let first = tx(1, 0, 100);
    add(&pool, &first).unwrap();
    assert_eq!(add(&pool, &first), Err(Rejection::AlreadyKnown));
    assert_eq!(
        add(&pool, &tx(1, 0, 109)),
        Err(Rejection::ReplacementUnderpriced)
    );
    assert_eq!(add(&pool, &tx(1, 0, 120)), Ok(true));
    assert_eq!(pool.get(first.inner().hash()), None);
    assert_eq!(pool.count(), (1, 0));
}

#[test]
fn a_full_pool_lets_gapped_transactions_go_first() {
    let pool = pool(2);
    add(&pool, &tx(1, 0, 1)).unwrap();
    add(&pool, &tx(2, 7, 1)).unwrap();
    assert_eq!(add(&pool, &tx(3, 0, 1)), Ok(true));
    assert_eq!(order(&pool), [(1, 0), (3, 0)]);
    assert_eq!(add(&pool, &tx(4, 0, 9)), Err(Rejection::PoolFull));
}

#[test]
fn what_a_block_refuses_holds_back_its_sender_only() {
    let pool = pool(10);
    for tx in [tx(1, 0, 9), tx(1, 1, 9), tx(2, 0, 1)] {
        add(&pool, &tx).unwrap();
    }
    let mut best = pool.best(10, 10);
    let first = best.next().unwrap();
    best.reject(&first, Rejection::BlockFull);
    assert_eq!(best.next().unwrap().signer(), Address::repeat_byte(2));
    assert!(best.next().is_none());
    assert!(
        best.refused.is_empty(),
        "a full block is no fault of the transaction"
    );
}

#[test]
fn a_queue_goes_on_from_the_nonce_that_the_account_expects() {
    let pool = pool(10);
    for nonce in 0..4 {
        add(&pool, &tx(1, nonce, 9)).unwrap();
    }
    let mut best = pool.best(10, 10);
    let first = best.next().unwrap();
    best.reject(&first, Rejection::NonceTooLow { next: 2, tx: 0 });
    for (sender, next) in best.misnumbered {
        pool.renumber(sender, next);
    }
    assert_eq!(order(&pool), [(1, 2), (1, 3)]);
    assert_eq!((pool.len(), pool.count()), (2, (2, 0)));
    pool.renumber(Address::repeat_byte(1), 1);
    assert_eq!(order(&pool), [], "nonce 1 is missing again");
    assert_eq!(pool.count(), (0, 2));
    add(&pool, &tx(1, 1, 9)).unwrap();
    assert_eq!(order(&pool), [(1, 1), (1, 2), (1, 3)]);
}

proptest! {
    /// Whatever arrives and is included: a block's list has each sender's nonces in order without a
    /// gap, never a better-paying transaction after one that could have waited, and the books
    /// balance.
    #[test]
    fn order_and_bounds(steps in prop::collection::vec((1u8..5, 0u64..6, 1u128..50, any::<bool>()), 1..60)) {
        let pool = pool(12);
        let mut next = [0u64; 6];
        for (sender, nonce, tip, include) in steps {
            let _ = pool.add(tx(sender, nonce, tip), 100, || Ok((next[usize::from(sender)], U256::MAX)));
            let mut seen = BTreeSet::new();
            let mut best = pool.best(10, usize::MAX);
            let list: Vec<_> = std::iter::from_fn(|| best.next()).collect();
            for tx in &list {
                let sender = tx.signer().0[0];
                let before = seen.iter().filter(|(s, _)| *s == sender).count() as u64;
                prop_assert_eq!(tx.nonce(), next[usize::from(sender)] + before);
                seen.insert((sender, tx.nonce()));
            }
            if let Some(first) = list.first() {
                let tip = |tx: &PooledTx| tx.effective_tip_per_gas(10);
                let heads = list.iter().filter(|tx| tx.nonce() == next[usize::from(tx.signer().0[0])]);
                prop_assert_eq!(tip(first), heads.map(tip).max().unwrap());
                if include {
                    next[usize::from(first.signer().0[0])] += 1;
                    pool.included(std::iter::once(&**first));
                }
            }
            for (sender, queue) in &pool.inner.lock().queues {
                let mut gap = queue.next;
                while queue.waiting.contains_key(&gap) {
                    gap += 1;
                }
                prop_assert_eq!(queue.gap, gap, "the gap of {}", sender);
            }
            let content = pool.content();
            let (ready, gapped) = pool.count();
            prop_assert_eq!(content.len(), ready + gapped);
            prop_assert!(content.len() <= 12);
            prop_assert_eq!(pool.inner.lock().bytes, content.len() * 100);
        }
    }
}
