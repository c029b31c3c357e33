//! Looking for open orders.

use std::sync::Arc;

use alloy_primitives::Address;
use canut_protocol::{Tag, order::OrderKind};

use super::{Book, Facet, Place, Terms};
use crate::order::{AnyOrder, Listed};

/// How a restriction of an order is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Restrict {
    /// Only orders without the restriction.
    #[default]
    Unrestricted,
    /// Only orders that this address may use.
    Allows(Address),
    /// Only orders restricted to this address.
    Only(Address),
    /// Any order.
    Any,
}

impl Restrict {
    pub(super) fn admits(self, restriction: Address) -> bool {
        match self {
            Self::Unrestricted => restriction == Address::ZERO,
            Self::Allows(address) => restriction == Address::ZERO || restriction == address,
            Self::Only(address) => restriction == address,
            Self::Any => true,
        }
    }
}

/// What open orders to list. `None` filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The asset sold, or of a request the requester.
    pub(crate) resource: Option<Address>,
    pub(crate) signer: Option<Address>,
    pub(crate) app: Restrict,
    pub(crate) dataset: Restrict,
    pub(crate) workerpool: Restrict,
    pub(crate) requester: Restrict,
    /// Of a request: the application and the dataset it is for.
    pub(crate) requested_app: Option<Address>,
    pub(crate) requested_dataset: Option<Address>,
    pub(crate) beneficiary: Option<Address>,
    pub(crate) category: Option<u64>,
    pub(crate) min_trust: Option<u64>,
    pub(crate) max_trust: Option<u64>,
    /// Bits that must be there.
    pub(crate) min_tag: Option<Tag>,
    /// Bits that may be there.
    pub(crate) max_tag: Option<Tag>,
    pub(crate) min_volume: Option<u64>,
    pub(crate) bulk_only: bool,
}

/// Whether it is the wanted address, if one is wanted.
fn is(wanted: Option<Address>, address: Address) -> bool {
    wanted.is_none_or(|wanted| wanted == address)
}

/// One page of a list.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) orders: Vec<Arc<Listed>>,
    /// All that the filter admits.
    pub(crate) count: usize,
}

impl Book {
    /// The open orders of a kind that the filter admits, by rank: `limit` of them after the first `skip`.
    pub(crate) fn list(&self, kind: OrderKind, filter: &Filter, skip: usize, limit: usize) -> Page {
        let rows = self.open().terms(kind);
        let admitted: Vec<bool> = rows
            .iter()
            .map(|row| filter.admits_terms(kind, &row.terms))
            .collect();
        let admits = |place: &&Place| {
            admitted.get(place.terms) == Some(&true)
                && filter
                    .min_volume
                    .is_none_or(|least| place.remaining >= least)
                && filter.admits_party(&place.listed)
        };
        let queues = filter.facets().map(|facet| self.open().queue(kind, facet));
        let Some(queue) = queues.min_by_key(|queue| queue.len()) else {
            return Page::default();
        };
        // Unless each order has to be looked at, counting needs none.
        let counted = (!filter.names_a_party() && filter.min_volume.is_none()).then(|| {
            let admitted = rows
                .iter()
                .zip(&admitted)
                .filter(|(_, admitted)| **admitted);
            admitted.map(|(row, _)| row.orders).sum()
        });
        // No more than there is, for the end of the queue is found by looking at all of it.
        let most = counted.map_or(limit, |count: usize| limit.min(count.saturating_sub(skip)));
        let mut places = queue.values().filter(admits);
        let passed = match most {
            0 => 0,
            _ => places.by_ref().take(skip).count(),
        };
        let page = places.by_ref().take(most);
        let orders: Vec<_> = page.map(|place| Arc::clone(&place.listed)).collect();
        Page {
            count: counted.unwrap_or_else(|| passed + orders.len() + places.count()),
            orders,
        }
    }
}

impl Filter {
    /// The facets that hold every order the filter admits.
    fn facets(&self) -> impl Iterator<Item = Facet> {
        [
            Some(Facet::All),
            self.resource.map(Facet::Resource),
            self.signer.map(Facet::Signer),
            self.category.map(Facet::Category),
            self.beneficiary.map(Facet::Beneficiary),
        ]
        .into_iter()
        .flatten()
    }

    const fn names_a_party(&self) -> bool {
        self.resource.is_some() || self.signer.is_some() || self.beneficiary.is_some()
    }

    /// Whether it admits orders of these terms, whosever they are and whatever is left of them.
    fn admits_terms(&self, kind: OrderKind, terms: &Terms) -> bool {
        let of_category = || self.category.is_none_or(|wanted| wanted == terms.category);
        self.admits_tag(terms.tag)
            && match kind {
                OrderKind::App => {
                    self.dataset.admits(terms.dataset)
                        && self.workerpool.admits(terms.workerpool)
                        && self.requester.admits(terms.requester)
                }
                OrderKind::Dataset => {
                    self.app.admits(terms.app)
                        && self.workerpool.admits(terms.workerpool)
                        && self.requester.admits(terms.requester)
                        && (!self.bulk_only || terms.bulk)
                }
                OrderKind::Workerpool => {
                    of_category()
                        && self.min_trust.is_none_or(|least| terms.trust >= least)
                        && self.app.admits(terms.app)
                        && self.dataset.admits(terms.dataset)
                        && self.requester.admits(terms.requester)
                }
                OrderKind::Request => {
                    of_category()
                        && self.max_trust.is_none_or(|most| terms.trust <= most)
                        && is(self.requested_app, terms.app)
                        && is(self.requested_dataset, terms.dataset)
                        && self.workerpool.admits(terms.workerpool)
                }
            }
    }

    /// Whether it admits whose order it is.
    fn admits_party(&self, listed: &Listed) -> bool {
        if !self.names_a_party() {
            return true;
        }
        let order = &listed.entry.order;
        is(self.resource, order.resource())
            && is(self.signer, listed.entry.signer)
            && match order {
                AnyOrder::Request(order) => is(self.beneficiary, order.beneficiary),
                _ => true,
            }
    }

    fn admits_tag(&self, tag: Tag) -> bool {
        self.min_tag.is_none_or(|least| tag.contains(least))
            && self.max_tag.is_none_or(|most| most.contains(tag))
    }
}
