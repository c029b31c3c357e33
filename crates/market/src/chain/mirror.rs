//! The market's copy of what its rules read on the chain.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use alloy_primitives::{Address, B256, U256};
use canut_protocol::{Nrlc, OrderHash, category::Category};

use super::{AssetKind, Fact, Record};

/// A category, and where it was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CategoryRecord {
    pub(crate) category: Category,
    pub(crate) transaction: B256,
    pub(crate) block: u64,
    pub(crate) timestamp: u64,
}

/// Owners, stakes, consumption and categories, as the events so far say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mirror {
    owners: HashMap<(AssetKind, Address), Address>,
    stakes: HashMap<Address, U256>,
    consumed: HashMap<OrderHash, u64>,
    closed: HashSet<OrderHash>,
    categories: BTreeMap<u64, CategoryRecord>,
}

/// What facts were about: the orders and the accounts or assets to look at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) orders: BTreeSet<OrderHash>,
    pub(crate) parties: BTreeSet<Address>,
}

impl Mirror {
    /// Takes in one fact, and notes what it is about.
    pub(crate) fn apply(&mut self, record: &Record, touched: &mut Touched) {
        match &record.fact {
            Fact::Matched { orders, volume, .. } => {
                for order in orders.iter().filter(|order| !order.is_zero()) {
                    let consumed = self.consumed.entry(*order).or_default();
                    *consumed = consumed.saturating_add(*volume);
                    touched.orders.insert(*order);
                }
            }
            Fact::Closed(order) => {
                self.closed.insert(*order);
                touched.orders.insert(*order);
            }
            Fact::Stake { from, to, amount } => {
                if *from != Address::ZERO {
                    let stake = self.stakes.entry(*from).or_default();
                    *stake = stake.saturating_sub(amount.0);
                }
                let stake = self.stakes.entry(*to).or_default();
                *stake = stake.saturating_add(amount.0);
                touched.parties.extend([*from, *to]);
            }
            Fact::Owner { kind, asset, owner } => {
                self.owners.insert((*kind, *asset), *owner);
                touched.parties.insert(*asset);
            }
            Fact::Category {
                id,
                category,
                transaction,
            } => {
                let record = CategoryRecord {
                    category: category.clone(),
                    transaction: *transaction,
                    block: record.block,
                    timestamp: record.timestamp,
                };
                self.categories.insert(*id, record);
            }
        }
    }

    /// The owner of a registered asset.
    pub(crate) fn owner(&self, kind: AssetKind, asset: Address) -> Option<Address> {
        self.owners.get(&(kind, asset)).copied()
    }

    /// The free stake of `account`.
    pub(crate) fn stake(&self, account: Address) -> Nrlc {
        Nrlc(self.stakes.get(&account).copied().unwrap_or_default())
    }

    /// Runs of an order that deals consumed.
    pub(crate) fn consumed(&self, order: OrderHash) -> u64 {
        self.consumed.get(&order).copied().unwrap_or_default()
    }

    /// Whether the owner closed the order.
    pub(crate) fn is_closed(&self, order: OrderHash) -> bool {
        self.closed.contains(&order)
    }

    /// The categories, by id.
    pub(crate) const fn categories(&self) -> &BTreeMap<u64, CategoryRecord> {
        &self.categories
    }

    /// Number of categories of the hub, which numbers them from 0.
    pub(crate) fn category_count(&self) -> U256 {
        let last = self.categories.keys().next_back();
        last.map_or(U256::ZERO, |id| U256::from(*id) + U256::ONE)
    }
}
