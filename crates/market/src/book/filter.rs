//! Looking for open orders.

use std::sync::Arc;

use alloy_primitives::Address;
use canut_protocol::{Tag, order::OrderKind};

use super::{Book, Facet};
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
    fn admits(self, restriction: Address) -> bool {
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

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) orders: Vec<Arc<Listed>>,
    /// All that the filter admits.
    pub(crate) count: usize,
}

impl Book {
    /// The open orders of a kind that the filter admits, by rank: `limit` of them after the first `skip`.
    pub(crate) fn list(&self, kind: OrderKind, filter: &Filter, skip: usize, limit: usize) -> Page {
        let facets = filter.facets().map(|facet| self.open().queue(kind, facet));
        let Some(queue) = facets.min_by_key(|queue| queue.len()) else {
            return Page {
                orders: Vec::new(),
                count: 0,
            };
        };
        let mut page = Page {
            orders: Vec::with_capacity(limit.min(queue.len())),
            count: 0,
        };
        for listed in queue.values().filter(|listed| filter.admits(listed)) {
            if page.count >= skip && page.orders.len() < limit {
                page.orders.push(Arc::clone(listed));
            }
            page.count += 1;
        }
        page
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
            self.requested_app.map(Facet::App),
            self.requested_dataset.map(Facet::Dataset),
        ]
        .into_iter()
        .flatten()
    }

    pub(crate) fn admits(&self, listed: &Listed) -> bool {
        let order = &listed.entry.order;
        let is = |wanted: Option<Address>, address: Address| {
            wanted.is_none_or(|wanted| wanted == address)
        };
        is(self.resource, order.resource())
            && is(self.signer, listed.entry.signer)
            && self
                .min_volume
                .is_none_or(|least| listed.remaining >= least)
            && self.admits_tag(order.tag())
            && match order {
                AnyOrder::App(order) => {
                    self.dataset.admits(order.datasetrestrict)
                        && self.workerpool.admits(order.workerpoolrestrict)
                        && self.requester.admits(order.requesterrestrict)
                }
                AnyOrder::Dataset(order) => {
                    self.app.admits(order.apprestrict)
                        && self.workerpool.admits(order.workerpoolrestrict)
                        && self.requester.admits(order.requesterrestrict)
                        && (!self.bulk_only || listed.entry.bulk() == Some(true))
                }
                AnyOrder::Workerpool(order) => {
                    self.app.admits(order.apprestrict)
                        && self.dataset.admits(order.datasetrestrict)
                        && self.requester.admits(order.requesterrestrict)
                        && self
                            .category
                            .is_none_or(|wanted| order.category.saturating_to::<u64>() == wanted)
                        && self
                            .min_trust
                            .is_none_or(|least| order.trust.0.saturating_to::<u64>() >= least)
                }
                AnyOrder::Request(order) => {
                    is(self.requested_app, order.app)
                        && is(self.requested_dataset, order.dataset)
                        && is(self.beneficiary, order.beneficiary)
                        && self.workerpool.admits(order.workerpool)
                        && self
                            .category
                            .is_none_or(|wanted| order.category.saturating_to::<u64>() == wanted)
                        && self
                            .max_trust
                            .is_none_or(|most| order.trust.0.saturating_to::<u64>() <= most)
                }
            }
    }

    fn admits_tag(&self, tag: Tag) -> bool {
        self.min_tag.is_none_or(|least| tag.contains(least))
            && self.max_tag.is_none_or(|most| most.contains(tag))
    }
}
