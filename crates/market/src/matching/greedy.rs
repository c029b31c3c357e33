//! When no order binds another: take each kind from its cheapest order on.

use alloy_primitives::Address;
use canut_protocol::{AppOrder, DatasetOrder, Nrlc, order::OrderKind};

use super::{
    Fill, Workerpools,
    offers::{Lot, Reader, Side},
    why::{Log, WhyNot},
};

/// Deals of a plan at most: it bounds the work that one question can cause.
const DEALS: usize = 1_000;

/// Fills up to `volume` runs. The cost is the sum of three, each as low as it can be, so no other set is cheaper.
pub(super) fn fill<'a>(
    volume: u64,
    apps: &Side<AppOrder>,
    datasets: &Side<DatasetOrder>,
    workerpools: &mut Reader<impl Workerpools<'a>, impl Fn(Address) -> Nrlc>,
    why: &mut Log,
) -> Vec<Fill> {
    let (Some((app, app_lots)), Some((dataset, dataset_lots))) =
        (apps.classes.first(), datasets.classes.first())
    else {
        lonely(apps, datasets, why);
        return Vec::new();
    };
    workerpools.demand(app, dataset);
    let mut fills = Vec::new();
    let (mut app_queue, mut dataset_queue) = (Queue::new(app_lots), Queue::new(dataset_lots));
    let mut left = volume.min(app_queue.total()).min(dataset_queue.total());
    while left > 0 && fills.len() < DEALS {
        let Some((mut pool, _)) = workerpools.next(left, why) else {
            break;
        };
        while pool.volume > 0 && fills.len() < DEALS {
            let (Some(app), Some(dataset)) = (app_queue.head(), dataset_queue.head()) else {
                break;
            };
            let runs = pool.volume.min(app.volume).min(dataset.volume);
            fills.push(deal(&app, &dataset, &pool, runs, datasets.wanted));
            app_queue.take(runs);
            dataset_queue.take(runs);
            pool.volume -= runs;
            left -= runs;
        }
    }
    fills
}

/// Notes the orders that fit while the other side is empty.
pub(super) fn lonely(apps: &Side<AppOrder>, datasets: &Side<DatasetOrder>, why: &mut Log) {
    apps.hashes()
        .for_each(|hash| why.add(OrderKind::App, hash, WhyNot::Alone));
    datasets
        .hashes()
        .for_each(|hash| why.add(OrderKind::Dataset, hash, WhyNot::Alone));
}

pub(super) fn deal(app: &Lot, dataset: &Lot, pool: &Lot, volume: u64, wanted: bool) -> Fill {
    Fill {
        app: app.hash,
        dataset: wanted.then_some(dataset.hash),
        workerpool: pool.hash,
        volume,
        price: Nrlc(app.price.0 + dataset.price.0 + pool.price.0),
    }
}

/// Lots taken in order.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    lots: std::slice::Iter<'a, Lot>,
    head: Option<Lot>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(lots: &'a [Lot]) -> Self {
        let mut lots = lots.iter();
        let head = lots.next().copied();
        Self { lots, head }
    }

    fn total(&self) -> u64 {
        let rest = self.lots.clone().map(|lot| lot.volume);
        rest.chain(self.head.map(|lot| lot.volume))
            .fold(0, u64::saturating_add)
    }

    pub(super) const fn head(&self) -> Option<Lot> {
        self.head
    }

    pub(super) fn take(&mut self, volume: u64) {
        if let Some(head) = &mut self.head {
            head.volume -= volume.min(head.volume);
            if head.volume == 0 {
                self.head = self.lots.next().copied();
            }
        }
    }
}
