//! When orders bind each other: a flow of least cost.
//!
//! Runs flow from the application orders through the workerpool orders to the dataset orders. The hub's rules on four orders
//! come apart into rules between a workerpool order and each of the others (restrictions, and tags, because the tag of a
//! deal is a union), but for one: a dataset order that demands a TEE wants an application order that does. Hence the two
//! sorts of plans of the [module above](super).
//!
//! The stake of an owner is given to his workerpool orders from the cheapest on, before the flow is sought.

use std::collections::HashMap;

use alloy_primitives::Address;
use canut_protocol::{AppOrder, DatasetOrder, Nrlc, RequestOrder, Tag, WorkerpoolOrder};

use super::{
    Fill, Workerpools,
    fits::{any_app, any_dataset},
    greedy::{Queue, deal, lonely},
    network::{Network, Node},
    offers::{Lot, Reader, Side},
    why::Log,
};

/// Workerpool orders considered, the cheapest that fit: it bounds the work that one question can cause. A wallet's limit of
/// open orders bounds the other two kinds.
const LOTS: usize = 128;

/// Workerpool orders of one workerpool with one tag.
struct Pool {
    lots: Vec<Lot>,
    order: WorkerpoolOrder,
}

/// Fills up to `volume` runs with the better of the two sorts of plans.
pub(super) fn fill<'a>(
    request: &RequestOrder,
    volume: u64,
    apps: &Side<AppOrder>,
    datasets: &Side<DatasetOrder>,
    workerpools: &mut Reader<impl Workerpools<'a>, impl Fn(Address) -> Nrlc>,
    why: &mut Log,
) -> Vec<Fill> {
    if apps.classes() == 0 || datasets.classes() == 0 {
        lonely(apps, datasets, why);
        return Vec::new();
    }
    let pools = read(volume, workerpools, why);
    let in_tee = (apps.retain(|app| app.tag.is_tee()), datasets.clone());
    let open = (
        apps.clone(),
        datasets.retain(|dataset| !dataset.tag.is_tee()),
    );
    // A request for a TEE leaves only the first sort.
    let sorts = if request.tag.is_tee() {
        vec![in_tee]
    } else {
        vec![in_tee, open]
    };
    let solved = sorts.into_iter().map(|(apps, datasets)| {
        let fits_app =
            |app: &AppOrder, pool: &Pool| workerpools.fits(app, &any_dataset(request), &pool.order);
        let fits_dataset = |pool: &Pool, dataset: &DatasetOrder| {
            workerpools.fits(
                &any_app(request, dataset.tag.is_tee()),
                dataset,
                &pool.order,
            )
        };
        let network = build(&apps, &datasets, &pools, fits_app, fits_dataset);
        Solution::of(network, volume, apps, datasets)
    });
    let best = solved.min_by_key(|solution| (u64::MAX - solution.filled, solution.cost));
    best.map(|solution| solution.fills(&pools))
        .unwrap_or_default()
}

/// Reads the workerpool orders that fit the request.
fn read<'a>(
    volume: u64,
    workerpools: &mut Reader<impl Workerpools<'a>, impl Fn(Address) -> Nrlc>,
    why: &mut Log,
) -> Vec<Pool> {
    let mut found: HashMap<(Address, Tag), usize> = HashMap::new();
    let mut pools: Vec<Pool> = Vec::new();
    for _ in 0..LOTS {
        let Some((lot, order)) = workerpools.next(volume, why) else {
            break;
        };
        let index = *found
            .entry((order.workerpool, order.tag))
            .or_insert_with(|| {
                pools.push(Pool {
                    lots: Vec::new(),
                    order: order.clone(),
                });
                pools.len() - 1
            });
        if let Some(pool) = pools.get_mut(index) {
            pool.lots.push(lot);
        }
    }
    pools
}

fn build(
    apps: &Side<AppOrder>,
    datasets: &Side<DatasetOrder>,
    pools: &[Pool],
    fits_app: impl Fn(&AppOrder, &Pool) -> bool,
    fits_dataset: impl Fn(&Pool, &DatasetOrder) -> bool,
) -> Network {
    let mut network = Network::default();
    for (index, (_, lots)) in apps.classes.iter().enumerate() {
        network.sell(Node::Source, Node::App(index), lots);
    }
    for (index, (_, lots)) in datasets.classes.iter().enumerate() {
        network.sell(Node::Dataset(index), Node::Sink, lots);
    }
    for (pool, offered) in pools.iter().enumerate() {
        network.sell(Node::PoolIn(pool), Node::PoolOut(pool), &offered.lots);
        for (app, (order, _)) in apps.classes.iter().enumerate() {
            if fits_app(order, offered) {
                network.link(Node::App(app), Node::PoolIn(pool));
            }
        }
        for (dataset, (order, _)) in datasets.classes.iter().enumerate() {
            if fits_dataset(offered, order) {
                network.link(Node::PoolOut(pool), Node::Dataset(dataset));
            }
        }
    }
    network
}

/// A flow of one sort, and what it flows between.
struct Solution {
    apps: Side<AppOrder>,
    datasets: Side<DatasetOrder>,
    links: Vec<(Node, Node, u64)>,
    filled: u64,
    cost: i128,
}

impl Solution {
    fn of(
        mut network: Network,
        volume: u64,
        apps: Side<AppOrder>,
        datasets: Side<DatasetOrder>,
    ) -> Self {
        let (filled, cost) = network.flow(volume);
        Self {
            apps,
            datasets,
            links: network.links(),
            filled,
            cost,
        }
    }

    /// The deals behind the flow: at each workerpool, what comes in is handed on in order.
    fn fills(self, pools: &[Pool]) -> Vec<Fill> {
        let mut apps: Vec<_> = self
            .apps
            .classes
            .iter()
            .map(|(_, lots)| Queue::new(lots))
            .collect();
        let mut datasets: Vec<_> = self
            .datasets
            .classes
            .iter()
            .map(|(_, lots)| Queue::new(lots))
            .collect();
        let mut fills = Vec::new();
        for (index, pool) in pools.iter().enumerate() {
            let mut lots = Queue::new(&pool.lots);
            let mut inward = self.links.iter().filter_map(|link| match *link {
                (Node::App(app), Node::PoolIn(pool), runs) if pool == index => Some((app, runs)),
                _ => None,
            });
            let mut outward = self.links.iter().filter_map(|link| match *link {
                (Node::PoolOut(pool), Node::Dataset(dataset), runs) if pool == index => {
                    Some((dataset, runs))
                }
                _ => None,
            });
            let (mut from, mut to) = (inward.next(), outward.next());
            while let (Some((app, came)), Some((dataset, goes))) = (&mut from, &mut to) {
                let (Some(app_queue), Some(dataset_queue)) =
                    (apps.get_mut(*app), datasets.get_mut(*dataset))
                else {
                    break;
                };
                let heads = (app_queue.head(), dataset_queue.head(), lots.head());
                let (Some(app), Some(dataset), Some(lot)) = heads else {
                    break;
                };
                let runs = [app.volume, dataset.volume, lot.volume, *goes]
                    .into_iter()
                    .fold(*came, u64::min);
                fills.push(deal(&app, &dataset, &lot, runs, self.datasets.wanted));
                app_queue.take(runs);
                dataset_queue.take(runs);
                lots.take(runs);
                (*came, *goes) = (*came - runs, *goes - runs);
                if *came == 0 {
                    from = inward.next();
                }
                if *goes == 0 {
                    to = outward.next();
                }
            }
        }
        fills
    }
}
