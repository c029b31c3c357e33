//! The order book: every published order, and the open ones by price.
//!
//! An order's standing is a function of the signed order, the [`Mirror`] of the chain and the rest of the book; it is never
//! stored. Whatever changes says what it touched, and the standings of what it touched are worked out again. So a book that
//! followed the chain through any number of re-organisations equals one built from nothing.

mod filter;
mod index;
mod standing;
mod terms;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};

pub(crate) use filter::{Filter, Restrict};
pub(crate) use index::{Facet, Index, Place, Rank};
pub(crate) use standing::Unfit;
pub(crate) use terms::{Row, Terms};

use crate::{
    chain::{Mirror, Touched},
    order::{AnyOrder, Entry, Listed, Status},
};

/// All published orders.
#[derive(Debug)]
pub(crate) struct Book {
    chain_id: u64,
    orders: HashMap<OrderHash, Arc<Listed>>,
    /// Orders by the accounts and assets their standing depends on: signer, asset, what a request is for.
    parties: HashMap<Address, BTreeSet<OrderHash>>,
    open: Index,
    /// Orders that are not open, of a kind and a signer, the oldest first.
    closed: HashMap<(OrderKind, Address), BTreeSet<(i64, OrderHash)>>,
    bytes: u64,
}

impl Book {
    pub(crate) fn new(chain_id: u64) -> Self {
        Self {
            chain_id,
            orders: HashMap::new(),
            parties: HashMap::new(),
            open: Index::default(),
            closed: HashMap::new(),
            bytes: 0,
        }
    }

    /// The order of that hash, whatever its status.
    pub(crate) fn get(&self, hash: OrderHash) -> Option<&Arc<Listed>> {
        self.orders.get(&hash)
    }

    /// The open orders.
    pub(crate) const fn open(&self) -> &Index {
        &self.open
    }

    /// Bytes of all orders, as JSON.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The oldest orders of that kind and signer that are not open, beyond the newest `most`.
    pub(crate) fn surplus(&self, kind: OrderKind, signer: Address, most: usize) -> Vec<OrderHash> {
        let Some(closed) = self.closed.get(&(kind, signer)) else {
            return Vec::new();
        };
        let oldest = closed.iter().take(closed.len().saturating_sub(most));
        oldest.map(|(_, hash)| *hash).collect()
    }

    /// Adds an order, or does nothing if it is there; returns what this changed, the order itself first.
    pub(crate) fn insert(&mut self, entry: Arc<Entry>, mirror: &Mirror) -> Vec<Arc<Listed>> {
        let hash = entry.hash;
        if self.orders.contains_key(&hash) {
            return Vec::new();
        }
        self.bytes += size(&entry);
        for party in parties(&entry) {
            self.parties.entry(party).or_default().insert(hash);
        }
        let listed = self.judge(&entry, mirror);
        self.put(Arc::clone(&listed));
        let mut moves = Moves::default();
        moves.note(&listed, Status::Dead, listed.status);
        let mut changed = vec![listed];
        changed.extend(self.follow(&moves, mirror));
        changed
    }

    /// Removes an order; returns the others this changed.
    pub(crate) fn remove(&mut self, hash: OrderHash, mirror: &Mirror) -> Vec<Arc<Listed>> {
        let Some(listed) = self.orders.remove(&hash) else {
            return Vec::new();
        };
        self.bytes -= size(&listed.entry);
        self.take(&listed);
        for party in parties(&listed.entry) {
            if let Some(orders) = self.parties.get_mut(&party) {
                orders.remove(&hash);
                if orders.is_empty() {
                    self.parties.remove(&party);
                }
            }
        }
        let mut moves = Moves::default();
        moves.note(&listed, listed.status, Status::Dead);
        self.follow(&moves, mirror)
    }

    /// Works out again the standing of what was touched; returns what changed.
    pub(crate) fn refresh(&mut self, touched: &Touched, mirror: &Mirror) -> Vec<Arc<Listed>> {
        let mut hashes = touched.orders.clone();
        for party in &touched.parties {
            hashes.extend(self.parties.get(party).into_iter().flatten());
        }
        self.revise(hashes, mirror)
    }

    /// Requests are judged by the orders that are open, so they come last.
    fn revise(&mut self, hashes: BTreeSet<OrderHash>, mirror: &Mirror) -> Vec<Arc<Listed>> {
        let (requests, offers): (Vec<_>, Vec<_>) =
            hashes.into_iter().partition(|hash| self.is_request(*hash));
        let (mut moves, mut changed) = (Moves::default(), Vec::new());
        for hash in offers {
            changed.extend(self.reconsider(hash, mirror, &mut moves));
        }
        changed.extend(self.follow(&moves, mirror));
        for hash in requests {
            changed.extend(self.reconsider(hash, mirror, &mut moves));
        }
        changed
    }

    /// The requests whose standing changes because of these moves: those that found nothing may find what opened, those
    /// that are open may miss what closed.
    fn follow(&mut self, moves: &Moves, mirror: &Mirror) -> Vec<Arc<Listed>> {
        let looking = |assets: &BTreeSet<Address>, status: Status| {
            let parties = assets.iter().filter_map(|asset| self.parties.get(asset));
            let orders = parties.flatten().filter_map(|hash| self.orders.get(hash));
            let requests = orders.filter(|listed| {
                listed.status == status && listed.entry.kind() == OrderKind::Request
            });
            requests.map(|listed| listed.entry.hash).collect::<Vec<_>>()
        };
        let mut requests = looking(&moves.opened, Status::Dead);
        requests.extend(looking(&moves.closed, Status::Open));
        let mut ignored = Moves::default();
        requests
            .into_iter()
            .filter_map(|hash| self.reconsider(hash, mirror, &mut ignored))
            .collect()
    }

    fn is_request(&self, hash: OrderHash) -> bool {
        self.orders
            .get(&hash)
            .is_some_and(|listed| listed.entry.kind() == OrderKind::Request)
    }

    fn reconsider(
        &mut self,
        hash: OrderHash,
        mirror: &Mirror,
        moves: &mut Moves,
    ) -> Option<Arc<Listed>> {
        let before = Arc::clone(self.orders.get(&hash)?);
        let after = self.judge(&before.entry, mirror);
        if (after.status, after.remaining) == (before.status, before.remaining) {
            return None;
        }
        moves.note(&after, before.status, after.status);
        self.take(&before);
        self.put(Arc::clone(&after));
        Some(after)
    }

    fn put(&mut self, listed: Arc<Listed>) {
        if listed.status == Status::Open {
            self.open.insert(Arc::clone(&listed));
        } else {
            let (owner, age) = place_of_closed(&listed.entry);
            self.closed.entry(owner).or_default().insert(age);
        }
        self.orders.insert(listed.entry.hash, listed);
    }

    /// Takes an order from among the open ones, or from among those that are not.
    fn take(&mut self, listed: &Listed) {
        if listed.status == Status::Open {
            self.open.remove(listed);
            return;
        }
        let (owner, age) = place_of_closed(&listed.entry);
        if let Some(closed) = self.closed.get_mut(&owner) {
            closed.remove(&age);
            if closed.is_empty() {
                self.closed.remove(&owner);
            }
        }
    }

    fn judge(&self, entry: &Arc<Entry>, mirror: &Mirror) -> Arc<Listed> {
        let (status, remaining) = match self.fitness(entry, mirror) {
            Ok(remaining) => (Status::Open, remaining),
            Err(Unfit::Closed) => (Status::Canceled, 0),
            Err(unfit) => (unfit.status(), standing::left(entry, mirror)),
        };
        let chain_id = self.chain_id;
        Arc::new(Listed {
            entry: Arc::clone(entry),
            status,
            remaining,
            chain_id,
        })
    }
}

/// Assets of which orders opened, or ceased to be open.
#[derive(Debug, Default)]
struct Moves {
    opened: BTreeSet<Address>,
    closed: BTreeSet<Address>,
}

impl Moves {
    fn note(&mut self, listed: &Listed, before: Status, after: Status) {
        if !matches!(listed.entry.kind(), OrderKind::App | OrderKind::Dataset) {
            return;
        }
        let asset = listed.entry.order.resource();
        match (before == Status::Open, after == Status::Open) {
            (false, true) => self.opened.insert(asset),
            (true, false) => self.closed.insert(asset),
            _ => false,
        };
    }
}

const fn place_of_closed(entry: &Entry) -> ((OrderKind, Address), (i64, OrderHash)) {
    ((entry.kind(), entry.signer), (entry.published, entry.hash))
}

fn size(entry: &Entry) -> u64 {
    entry.json.get().len() as u64
}

/// The accounts and assets that the standing of an order depends on.
fn parties(entry: &Entry) -> BTreeSet<Address> {
    let mut parties = BTreeSet::from([entry.signer, entry.order.resource()]);
    if let AnyOrder::Request(request) = &entry.order {
        parties.extend([request.app, request.dataset]);
        parties.remove(&Address::ZERO);
    }
    parties
}
