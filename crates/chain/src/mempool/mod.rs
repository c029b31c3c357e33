//! Transactions that wait for a block.
//!
//! Each sender has a queue by nonce. What follows its last included nonce without a gap is ready;
//! the rest waits. Blocks take the ready ones by what they pay, then by arrival, and a sender's in
//! nonce order.

mod best;
mod validate;

use crate::executor::Rejection;
use alloy::consensus::{Transaction, TxEnvelope, transaction::Recovered};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map},
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) use best::Best;
pub(crate) use validate::{Validation, decode};

/// A transaction with its sender, shared by all who look at it.
pub(crate) type PooledTx = Arc<Recovered<TxEnvelope>>;

/// How much the pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Transactions in all.
    pub count: usize,
    /// Their bytes in all.
    pub bytes: usize,
    /// Transactions of one sender.
    pub per_sender: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            count: 100_000,
            bytes: 256 << 20,
            per_sender: 20_000,
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Pool {
    limits: PoolLimits,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queues: AddressMap<Queue>,
    by_hash: B256Map<(Address, u64)>,
    bytes: usize,
    arrivals: u64,
}

/// One sender's transactions.
#[derive(Debug, Default)]
struct Queue {
    /// The nonce after the last included, as far as blocks were built.
    next: u64,
    /// The first nonce that is missing. Kept, because a long queue is asked for it often.
    gap: u64,
    waiting: BTreeMap<u64, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    tx: PooledTx,
    arrival: u64,
    bytes: usize,
}

impl Queue {
    /// Finds the gap again, from a nonce below which nothing is missing.
    fn close(&mut self, from: u64) {
        self.gap = from.max(self.next);
        for nonce in self.waiting.range(self.gap..).map(|(nonce, _)| *nonce) {
            if nonce != self.gap {
                break;
            }
            self.gap += 1;
        }
    }
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            inner: Mutex::default(),
        }
    }

    /// Adds a validated transaction. `account` reads nonce and balance of its sender from the
    /// newest state; it is called under the lock, so that no block comes between it and
    /// [`Self::included`]. True if the transaction is ready.
    pub(crate) fn add(
        &self,
        tx: PooledTx,
        bytes: usize,
        account: impl FnOnce() -> Result<(u64, U256), Rejection>,
    ) -> Result<bool, Rejection> {
        let mut inner = self.inner.lock();
        let (nonce, balance) = account()?;
        let (sender, hash, tx_nonce) = (tx.signer(), *tx.inner().hash(), tx.nonce());
        if inner.by_hash.contains_key(&hash) {
            return Err(Rejection::AlreadyKnown);
        }
        let queue = inner.queues.get(&sender);
        let next = queue.map_or(nonce, |queue| queue.next.max(nonce));
        if tx_nonce < next {
            return Err(Rejection::NonceTooLow { next, tx: tx_nonce });
        }
        let cost = validate::cost(&tx);
        if cost > balance {
            return Err(Rejection::Funds { balance, cost });
        }
        let old = queue.and_then(|queue| queue.waiting.get(&tx_nonce));
        if old.is_some_and(|old| !validate::replaces(&tx, &old.tx)) {
            return Err(Rejection::ReplacementUnderpriced);
        }
        let count = queue.map_or(0, |queue| queue.waiting.len());
        if old.is_none() && count >= self.limits.per_sender {
            return Err(Rejection::SenderFull);
        }
        let replaced = old.map(|old| *old.tx.inner().hash());
        let full = |inner: &Inner| {
            inner.by_hash.len() >= self.limits.count || inner.bytes + bytes > self.limits.bytes
        };
        while replaced.is_none() && full(&inner) {
            if !inner.evict_gapped() {
                return Err(Rejection::PoolFull);
            }
        }
        if let Some(replaced) = replaced {
            inner.remove(&replaced);
        }
        inner.insert(tx, bytes, next);
        Ok(inner
            .queues
            .get(&sender)
            .is_some_and(|queue| queue.gap > tx_nonce))
    }

    /// The ready transactions that pay the base fee, best first, at most `limit`.
    pub(crate) fn best(&self, base_fee: u64, limit: usize) -> Best {
        Best::new(&self.inner.lock(), base_fee, limit)
    }

    /// Whether [`Self::best`] would give any, and whether some wait for a lower base fee.
    pub(crate) fn ready(&self, base_fee: u64) -> (bool, bool) {
        let inner = self.inner.lock();
        let first = inner
            .queues
            .values()
            .filter_map(|queue| queue.waiting.get(&queue.next));
        let (mut ready, mut dear) = (false, false);
        for entry in first {
            let pays = entry.tx.effective_tip_per_gas(base_fee).is_some();
            (ready, dear) = (ready | pays, dear | !pays);
        }
        (ready, dear)
    }

    /// Drops what a durable block includes.
    pub(crate) fn included<'a>(&self, txs: impl Iterator<Item = &'a Recovered<TxEnvelope>>) {
        let mut inner = self.inner.lock();
        for tx in txs {
            let (sender, next) = (tx.signer(), tx.nonce() + 1);
            let known = inner.queues.get(&sender).map_or(0, |queue| queue.next);
            inner.renumber(sender, known.max(next));
        }
    }

    /// The nonce that a sender's account expects is another than was thought: its queue goes on from
    /// there.
    pub(crate) fn renumber(&self, sender: Address, next: u64) {
        self.inner.lock().renumber(sender, next);
    }

    /// Drops a transaction.
    pub(crate) fn remove(&self, hash: &B256) -> Option<PooledTx> {
        self.inner.lock().remove(hash)
    }

    /// Drops what one sender has, and what is known of its nonce.
    pub(crate) fn forget(&self, sender: &Address) {
        let mut inner = self.inner.lock();
        let queue = inner.queues.get(sender);
        let hashes: Vec<B256> = queue
            .into_iter()
            .flat_map(|queue| queue.waiting.values())
            .map(|entry| *entry.tx.inner().hash())
            .collect();
        for hash in hashes {
            inner.remove(&hash);
        }
    }

    /// Transactions in all.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().by_hash.len()
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        *self.inner.lock() = Inner::default();
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<PooledTx> {
        let inner = self.inner.lock();
        let (sender, nonce) = inner.by_hash.get(hash)?;
        Some(Arc::clone(
            &inner.queues.get(sender)?.waiting.get(nonce)?.tx,
        ))
    }

    /// The nonce that a sender should use next, if it has transactions here.
    pub(crate) fn next_nonce(&self, sender: &Address) -> Option<u64> {
        self.inner.lock().queues.get(sender).map(|queue| queue.gap)
    }

    /// Ready and gapped transactions: number of each.
    pub(crate) fn count(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        let ready = inner
            .queues
            .values()
            .map(|queue| queue.waiting.range(queue.next..queue.gap).count())
            .sum();
        (ready, inner.by_hash.len().saturating_sub(ready))
    }

    /// Everything, by sender and nonce; true where it is ready.
    pub(crate) fn content(&self) -> Vec<(PooledTx, bool)> {
        let inner = self.inner.lock();
        let mut content = Vec::with_capacity(inner.by_hash.len());
        for queue in inner.queues.values() {
            let gap = queue.gap;
            content.extend(
                queue
                    .waiting
                    .iter()
                    .map(|(nonce, entry)| (Arc::clone(&entry.tx), *nonce < gap)),
            );
        }
        content
    }
}

impl Inner {
    fn insert(&mut self, tx: PooledTx, bytes: usize, next: u64) {
        self.arrivals += 1;
        self.bytes += bytes;
        let (sender, nonce) = (tx.signer(), tx.nonce());
        self.by_hash.insert(*tx.inner().hash(), (sender, nonce));
        let queue = self.queues.entry(sender).or_default();
        queue.next = queue.next.max(next);
        queue.waiting.insert(
            nonce,
            Entry {
                tx,
                arrival: self.arrivals,
                bytes,
            },
        );
        queue.close(queue.gap);
    }

    /// Drops what comes before the nonce that a sender's account expects.
    fn renumber(&mut self, sender: Address, next: u64) {
        let Some(queue) = self.queues.get_mut(&sender) else {
            return;
        };
        let rest = queue.waiting.split_off(&next);
        let gone = std::mem::replace(&mut queue.waiting, rest);
        let from = if next >= queue.next { queue.gap } else { next };
        queue.next = next;
        queue.close(from);
        if queue.waiting.is_empty() {
            self.queues.remove(&sender);
        }
        for entry in gone.into_values() {
            self.bytes -= entry.bytes;
            self.by_hash.remove(entry.tx.inner().hash());
        }
    }

    fn remove(&mut self, hash: &B256) -> Option<PooledTx> {
        let (sender, nonce) = self.by_hash.remove(hash)?;
        let queue = self.queues.get_mut(&sender)?;
        let entry = queue.waiting.remove(&nonce)?;
        self.bytes -= entry.bytes;
        queue.gap = queue.gap.min(nonce).max(queue.next);
        if queue.waiting.is_empty() {
            self.queues.remove(&sender);
        }
        Some(entry.tx)
    }

    /// Drops one transaction that waits behind a gap; false if there is none.
    fn evict_gapped(&mut self) -> bool {
        let gapped = self.queues.values().find_map(|queue| {
            let (nonce, entry) = queue.waiting.last_key_value()?;
            (*nonce >= queue.gap).then(|| *entry.tx.inner().hash())
        });
        gapped.is_some_and(|hash| self.remove(&hash).is_some())
    }
}

#[cfg(test)]
mod tests;
