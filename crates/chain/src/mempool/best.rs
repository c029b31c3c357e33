//! What a block takes from the pool, in order.

use super::{Inner, PooledTx};
use crate::{engine::TxSource, executor::Rejection};
use alloy::consensus::{Transaction, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, map::AddressHashSet};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

/// A list of ready transactions, and what became of them.
#[derive(Debug)]
pub(crate) struct Best {
    rest: std::vec::IntoIter<PooledTx>,
    /// Senders of whom one was refused: their later nonces cannot follow.
    skipped: AddressHashSet,
    /// Those that can never be included.
    pub(crate) refused: Vec<(PooledTx, Rejection)>,
    /// Senders whose accounts expect another nonce than the pool thought, and which. An
    /// authorization (EIP-7702) moves the nonce of whoever signed it.
    pub(crate) misnumbered: Vec<(Address, u64)>,
    last: Option<PooledTx>,
}

impl Best {
    pub(super) fn new(inner: &Inner, base_fee: u64, limit: usize) -> Self {
        // (tip, earliest first): the best of each sender's next.
        let mut heap: BinaryHeap<(u128, Reverse<u64>, Address, u64)> = BinaryHeap::new();
        let push = |heap: &mut BinaryHeap<_>, sender: Address, nonce: u64| {
            let entry = inner
                .queues
                .get(&sender)
                .and_then(|queue| queue.waiting.get(&nonce));
            if let Some(entry) = entry
                && let Some(tip) = entry.tx.effective_tip_per_gas(base_fee)
            {
                heap.push((tip, Reverse(entry.arrival), sender, nonce));
            }
        };
        for (sender, queue) in &inner.queues {
            push(&mut heap, *sender, queue.next);
        }
        let mut list = Vec::new();
        while list.len() < limit
            && let Some((_, _, sender, nonce)) = heap.pop()
        {
            if let Some(entry) = inner
                .queues
                .get(&sender)
                .and_then(|queue| queue.waiting.get(&nonce))
            {
                list.push(Arc::clone(&entry.tx));
            }
            push(&mut heap, sender, nonce + 1);
        }
        Self {
            rest: list.into_iter(),
            skipped: AddressHashSet::default(),
            refused: Vec::new(),
            misnumbered: Vec::new(),
            last: None,
        }
    }
}

impl TxSource for Best {
    fn next(&mut self) -> Option<Arc<Recovered<TxEnvelope>>> {
        self.last = self
            .rest
            .by_ref()
            .find(|tx| !self.skipped.contains(tx.signer_ref()));
        self.last.clone()
    }

    fn reject(&mut self, tx: &Recovered<TxEnvelope>, reason: Rejection) {
        self.skipped.insert(tx.signer());
        let waits = matches!(
            reason,
            Rejection::BlockFull | Rejection::BelowBaseFee { .. } | Rejection::NonceTooHigh { .. }
        );
        if let Rejection::NonceTooLow { next, .. } | Rejection::NonceTooHigh { state: next, .. } =
            reason
        {
            self.misnumbered.push((tx.signer(), next));
        }
        if let Some(last) = self.last.take().filter(|_| !waits) {
            self.refused.push((last, reason));
        }
    }
}
