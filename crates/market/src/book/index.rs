//! The open orders, ranked, under everything they are looked for by.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};

use crate::order::{AnyOrder, Listed, Status};

/// What open orders are found under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Facet {
    /// All of a kind.
    All,
    /// The asset sold; of a request, the requester.
    Resource(Address),
    /// Who signed.
    Signer(Address),
    /// The category.
    Category(u64),
    /// The application requested.
    App(Address),
    /// The dataset requested.
    Dataset(Address),
}

/// Place in the queue: price (for requests, what they pay at most, highest first), then time, then hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    price: u64,
    published: i64,
    hash: OrderHash,
}

/// Orders by rank.
pub(crate) type Queue = BTreeMap<Rank, Arc<Listed>>;

/// All open orders.
#[derive(Debug, Default)]
pub(crate) struct Index {
    queues: HashMap<(OrderKind, Facet), Queue>,
}

static NONE: Queue = Queue::new();

impl Index {
    /// The open orders of a kind under a facet.
    pub(crate) fn queue(&self, kind: OrderKind, facet: Facet) -> &Queue {
        self.queues.get(&(kind, facet)).unwrap_or(&NONE)
    }

    /// Adds an open order.
    pub(super) fn insert(&mut self, listed: Arc<Listed>) {
        let (kind, rank) = (listed.entry.kind(), Rank::of(&listed));
        for facet in facets(&listed) {
            self.queues
                .entry((kind, facet))
                .or_default()
                .insert(rank, Arc::clone(&listed));
        }
    }

    /// Removes an order, if it is open.
    pub(super) fn remove(&mut self, listed: &Listed) {
        if listed.status != Status::Open {
            return;
        }
        let (kind, rank) = (listed.entry.kind(), Rank::of(listed));
        for facet in facets(listed) {
            if let Entry::Occupied(mut queue) = self.queues.entry((kind, facet)) {
                queue.get_mut().remove(&rank);
                if queue.get().is_empty() {
                    queue.remove();
                }
            }
        }
    }
}

impl Rank {
    fn of(listed: &Listed) -> Self {
        // The book takes no price beyond 2⁵³ − 1.
        let price: u64 = listed.entry.order.price().0.saturating_to();
        let is_request = listed.entry.kind() == OrderKind::Request;
        Self {
            price: if is_request { u64::MAX - price } else { price },
            published: listed.entry.published,
            hash: listed.entry.hash,
        }
    }
}

fn facets(listed: &Listed) -> impl Iterator<Item = Facet> + use<> {
    let order = &listed.entry.order;
    let mut facets = vec![
        Facet::All,
        Facet::Resource(order.resource()),
        Facet::Signer(listed.entry.signer),
    ];
    facets.extend(
        order
            .category()
            .map(|category| Facet::Category(category.saturating_to())),
    );
    if let AnyOrder::Request(request) = order {
        facets.extend([Facet::App(request.app), Facet::Dataset(request.dataset)]);
    }
    facets.into_iter()
}
