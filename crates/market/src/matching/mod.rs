//! Matching: the cheapest orders that fill a request.
//!
//! Three queues, one per kind, are read by price, then by time of publication. While every order left fits every other, the
//! cheapest set takes each queue from its head: a bag is split where an order ends. Orders may also bind each other (an
//! application order for one workerpool only, a tag that not every workerpool offers): then the cheapest set is a flow of
//! least cost from the application orders through the workerpool orders to the dataset orders, among the cheapest 128
//! workerpool orders that fit.
//!
//! A plan never mixes fills whose application order is not for TEEs with fills whose dataset order demands one; among plans
//! of one sort, it fills the most and then costs the least.

mod fits;
mod flow;
mod greedy;
mod network;
mod offers;
#[cfg(test)]
mod tests;
mod why;

use alloy_primitives::{Address, U256};
use canut_protocol::{
    AppOrder, DatasetOrder, Nrlc, OrderHash, RequestOrder, WorkerpoolOrder, order::OrderKind,
};
use serde::Serialize;

pub(crate) use fits::{app_fits, dataset_fits};
pub use why::{Refusal, WhyNot};

/// An open order of the book.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a, O> {
    /// Its hash.
    pub hash: OrderHash,
    /// The order.
    pub order: &'a O,
    /// Runs left.
    pub remaining: u64,
    /// Who signed it.
    pub signer: Address,
}

/// Workerpool orders by price, then by time, read only as far as needed.
pub trait Workerpools<'a> {
    /// The next one.
    fn next(&mut self) -> Option<Offer<'a, WorkerpoolOrder>>;

    /// The next one that costs no more than `ceiling` and whose terms serve. `serves` is shown an order with the terms of
    /// some, without their price, volume and workerpool, and answers the same for the same terms. May skip less than that.
    fn next_of(
        &mut self,
        ceiling: Nrlc,
        serves: &mut dyn FnMut(&WorkerpoolOrder) -> bool,
    ) -> Option<Offer<'a, WorkerpoolOrder>>;
}

/// The book as one match sees it: open orders by price, then by time.
#[derive(Debug)]
pub struct Snapshot<A, D, W, S> {
    /// Orders of the requested application.
    pub apps: A,
    /// Orders of the requested dataset; nothing without one.
    pub datasets: D,
    /// Workerpool orders.
    pub workerpools: W,
    /// Free stake of an account: a pool's owner locks a share of the price with each deal.
    pub stake: S,
    /// Number of categories of the hub.
    pub categories: U256,
}

/// What to fill, and how much to explain.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The request. Its volume is how many runs to fill; its prices are ceilings.
    pub request: &'a RequestOrder,
    /// How many refused orders to explain at most, the cheapest first.
    pub explain: usize,
}

/// One deal of a plan: a request order of exactly `volume`, matched with these orders, makes it.
///
/// When no order binds another, one request order for all runs makes the same deals, matched in the order of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// The application order.
    pub app: OrderHash,
    /// The dataset order, if a dataset was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<OrderHash>,
    /// The workerpool order.
    pub workerpool: OrderHash,
    /// Runs.
    pub volume: u64,
    /// Price of one run: application, dataset and workerpool, in nRLC.
    pub price: Nrlc,
}

/// The cheapest way to fill a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The deals to make, in this order.
    pub fills: Vec<Fill>,
    /// Runs filled.
    pub filled: u64,
    /// Runs not filled: nothing does, or the plan has as many deals as it may.
    pub missing: u64,
    /// What all fills cost the requester, in nRLC.
    pub cost: Nrlc,
    /// Why other orders are not in the plan.
    pub refused: Vec<Refusal>,
}

/// Finds the cheapest orders that fill `wanted`, and says why others do not.
pub fn plan<'a, A, D, W, S>(wanted: &Wanted<'_>, snapshot: Snapshot<A, D, W, S>) -> Plan
where
    A: Iterator<Item = Offer<'a, AppOrder>>,
    D: Iterator<Item = Offer<'a, DatasetOrder>>,
    W: Workerpools<'a>,
    S: Fn(Address) -> Nrlc,
{
    let volume = u64::try_from(wanted.request.volume).unwrap_or(u64::MAX);
    let mut why = why::Log::new(wanted.explain);
    let apps = offers::apps(wanted.request, snapshot.apps, &mut why);
    let datasets = offers::datasets(wanted.request, snapshot.datasets, &mut why);
    let mut workerpools = offers::Reader::new(
        wanted.request,
        snapshot.workerpools,
        snapshot.stake,
        snapshot.categories,
    );
    let uniform = apps.classes() <= 1 && datasets.classes() <= 1;
    let mut fills = if uniform {
        greedy::fill(volume, &apps, &datasets, &mut workerpools, &mut why)
    } else {
        flow::fill(
            wanted.request,
            volume,
            &apps,
            &datasets,
            &mut workerpools,
            &mut why,
        )
    };
    if !uniform {
        fills.sort_by_key(|fill| fill.price);
    }
    why.unneeded(OrderKind::App, apps.hashes(), |hash| {
        fills.iter().any(|fill| fill.app == hash)
    });
    let used = |hash| fills.iter().any(|fill| fill.dataset == Some(hash));
    why.unneeded(OrderKind::Dataset, datasets.hashes(), used);
    let filled = fills.iter().map(|fill| fill.volume).sum();
    let cost = fills
        .iter()
        .map(|fill| fill.price.0 * U256::from(fill.volume))
        .sum();
    Plan {
        filled,
        missing: volume - filled,
        cost: Nrlc(cost),
        refused: why.into_refusals(),
        fills,
    }
}
