//! The open orders, ranked, under everything they are looked for by.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};

use super::terms::{Register, Row, Terms};
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
    /// The beneficiary of a request.
    Beneficiary(Address),
}

/// Place in the queue: price (for requests, what they pay at most, highest first), then time, then hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Of a request, how much it stays below the highest price.
    pub(crate) price: u64,
    published: i64,
    hash: OrderHash,
}

/// An open order in a queue, with what is asked of most before the order itself is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Number of its terms in the register of its kind.
    pub(crate) terms: usize,
    /// Runs left.
    pub(crate) remaining: u64,
    pub(crate) listed: Arc<Listed>,
}

/// Orders by rank.
pub(crate) type Queue = BTreeMap<Rank, Place>;

/// All open orders.
#[derive(Debug, Default)]
pub(crate) struct Index {
    queues: HashMap<(OrderKind, Facet), Queue>,
    registers: HashMap<OrderKind, Register>,
}

static NONE: Queue = Queue::new();

impl Index {
    /// The open orders of a kind under a facet.
    pub(crate) fn queue(&self, kind: OrderKind, facet: Facet) -> &Queue {
        self.queues.get(&(kind, facet)).unwrap_or(&NONE)
    }

    /// The open orders of a kind under a facet, by rank.
    pub(crate) fn orders(
        &self,
        kind: OrderKind,
        facet: Facet,
    ) -> impl Iterator<Item = &Arc<Listed>> + Clone {
        self.queue(kind, facet).values().map(|place| &place.listed)
    }

    /// The terms of the open orders of a kind.
    pub(crate) fn terms(&self, kind: OrderKind) -> &[Row] {
        self.registers.get(&kind).map_or(&[], Register::rows)
    }

    /// Adds an open order.
    pub(super) fn insert(&mut self, listed: Arc<Listed>) {
        let (kind, rank) = (listed.entry.kind(), Rank::of(&listed));
        let register = self.registers.entry(kind).or_default();
        let place = Place {
            terms: register.add(Terms::of(&listed)),
            remaining: listed.remaining,
            listed,
        };
        for facet in facets(&place.listed) {
            let queue = self.queues.entry((kind, facet)).or_default();
            queue.insert(rank, place.clone());
        }
    }

    /// Removes an order, if it is open.
    pub(super) fn remove(&mut self, listed: &Listed) {
        if listed.status != Status::Open {
            return;
        }
        let (kind, rank) = (listed.entry.kind(), Rank::of(listed));
        let place = self.queue(kind, Facet::All).get(&rank);
        if let (Some(number), Some(register)) = (
            place.map(|place| place.terms),
            self.registers.get_mut(&kind),
        ) {
            register.remove(number);
        }
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
        facets.push(Facet::Beneficiary(request.beneficiary));
    }
    facets.into_iter()
}
