//! The terms of orders, kept once each.
//!
//! Whether an order serves somebody is, price and volume aside, a matter of its terms, and many orders share the same. So a
//! question judges each terms once, counts the orders under them without looking at any, and reads a queue by their numbers.

use std::collections::{HashMap, hash_map::Entry};

use alloy_primitives::{Address, U256};
use canut_protocol::{Tag, Trust, WorkerpoolOrder};

use crate::order::{AnyOrder, Listed};

/// What an order demands of the others. What its kind does not have is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    pub(crate) tag: Tag,
    pub(crate) category: u64,
    pub(crate) trust: u64,
    /// The application it is restricted to; of a request, the one it is for.
    pub(crate) app: Address,
    /// Likewise the dataset.
    pub(crate) dataset: Address,
    pub(crate) workerpool: Address,
    pub(crate) requester: Address,
    /// Whether it serves bulk requests.
    pub(crate) bulk: bool,
}

impl Terms {
    pub(crate) fn of(listed: &Listed) -> Self {
        let order = &listed.entry.order;
        let terms = Self {
            tag: order.tag(),
            category: order.category().unwrap_or_default().saturating_to(),
            ..Self::default()
        };
        match order {
            AnyOrder::App(order) => Self {
                dataset: order.datasetrestrict,
                workerpool: order.workerpoolrestrict,
                requester: order.requesterrestrict,
                ..terms
            },
            AnyOrder::Dataset(order) => Self {
                app: order.apprestrict,
                workerpool: order.workerpoolrestrict,
                requester: order.requesterrestrict,
                bulk: listed.entry.bulk() == Some(true),
                ..terms
            },
            AnyOrder::Workerpool(order) => Self {
                trust: order.trust.0.saturating_to(),
                app: order.apprestrict,
                dataset: order.datasetrestrict,
                requester: order.requesterrestrict,
                ..terms
            },
            AnyOrder::Request(order) => Self {
                trust: order.trust.0.saturating_to(),
                app: order.app,
                dataset: order.dataset,
                workerpool: order.workerpool,
                ..terms
            },
        }
    }

    /// A workerpool order of these terms, for nothing, of no workerpool.
    pub(crate) fn workerpool_order(&self) -> WorkerpoolOrder {
        WorkerpoolOrder {
            tag: self.tag,
            category: U256::from(self.category),
            trust: Trust::new(self.trust),
            apprestrict: self.app,
            datasetrestrict: self.dataset,
            requesterrestrict: self.requester,
            ..WorkerpoolOrder::default()
        }
    }
}

/// The terms of the open orders of one kind, by number.
#[derive(Debug, Default)]
pub(crate) struct Register {
    numbers: HashMap<Terms, usize>,
    rows: Vec<Row>,
    /// Numbers that can be given again.
    free: Vec<usize>,
}

/// Terms, and how many orders have them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) terms: Terms,
    pub(crate) orders: usize,
}

impl Register {
    /// Counts one more order under these terms; their number.
    pub(super) fn add(&mut self, terms: Terms) -> usize {
        let number = match self.numbers.entry(terms) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let number = self.free.pop().unwrap_or_else(|| {
                    self.rows.push(Row::default());
                    self.rows.len() - 1
                });
                *new.insert(number)
            }
        };
        if let Some(row) = self.rows.get_mut(number) {
            row.terms = terms;
            row.orders += 1;
        }
        number
    }

    /// Counts one order less under the terms of that number.
    pub(super) fn remove(&mut self, number: usize) {
        if let Some(row) = self.rows.get_mut(number) {
            row.orders = row.orders.saturating_sub(1);
            if row.orders == 0 {
                self.numbers.remove(&row.terms);
                self.free.push(number);
            }
        }
    }

    /// All by number, with those that no order has now.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }
}
