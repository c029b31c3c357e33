//! The orders that fit a request, sorted into classes.
//!
//! Orders of one class fit exactly the same orders of the other kinds, so within a class only price and time count.

use std::collections::HashMap;

use alloy_primitives::{Address, U256};
use canut_protocol::{
    AppOrder, DatasetOrder, Nrlc, OrderHash, RequestOrder, Tag, WorkerpoolOrder, matching::Orders,
    order::OrderKind, settlement,
};

use super::{
    Offer, Workerpools,
    fits::{any_app, any_dataset, app_fits, check, dataset_fits},
    why::{Log, WhyNot},
};

/// An order of which up to `volume` runs can be bought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lot {
    pub(super) hash: OrderHash,
    pub(super) price: Nrlc,
    pub(super) volume: u64,
}

/// What decides which workerpools an application or dataset order goes with.
type Class = (Address, Tag);

/// The application or the dataset orders that fit, by class.
#[derive(Clone, Debug)]
pub(super) struct Side<O> {
    pub(super) classes: Vec<(O, Vec<Lot>)>,
    /// Whether orders of this side are asked for at all.
    pub(super) wanted: bool,
}

impl<O> Side<O> {
    pub(super) const fn classes(&self) -> usize {
        self.classes.len()
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = OrderHash> {
        let lots = self.classes.iter().flat_map(|(_, lots)| lots);
        lots.map(|lot| lot.hash).filter(|_| self.wanted)
    }

    pub(super) fn retain(&self, keep: impl Fn(&O) -> bool) -> Self
    where
        O: Clone,
    {
        let classes = self
            .classes
            .iter()
            .filter(|(order, _)| keep(order))
            .cloned()
            .collect();
        Self {
            classes,
            wanted: self.wanted,
        }
    }
}

/// The application orders that fit the request.
pub(super) fn apps<'a>(
    request: &RequestOrder,
    offers: impl Iterator<Item = Offer<'a, AppOrder>>,
    why: &mut Log,
) -> Side<AppOrder> {
    let class = |order: &AppOrder| class(request, order.workerpoolrestrict, order.tag);
    side(
        OrderKind::App,
        offers,
        class,
        |o| o.appprice,
        |o| app_fits(request, o),
        why,
    )
}

/// The dataset orders that fit the request; one that costs nothing and never ends when it names none.
pub(super) fn datasets<'a>(
    request: &RequestOrder,
    offers: impl Iterator<Item = Offer<'a, DatasetOrder>>,
    why: &mut Log,
) -> Side<DatasetOrder> {
    let none = DatasetOrder {
        dataset: request.dataset,
        ..DatasetOrder::none()
    };
    if none.is_none() {
        let lot = Lot {
            hash: OrderHash::default(),
            price: Nrlc::ZERO,
            volume: u64::MAX,
        };
        return Side {
            classes: vec![(none, vec![lot])],
            wanted: false,
        };
    }
    let class = |order: &DatasetOrder| {
        class(
            request,
            order.workerpoolrestrict,
            order.tag.without_framework(),
        )
    };
    side(
        OrderKind::Dataset,
        offers,
        class,
        |o| o.datasetprice,
        |o| dataset_fits(request, o),
        why,
    )
}

/// What the request demands anyway makes no difference.
fn class(request: &RequestOrder, restrict: Address, tag: Tag) -> Class {
    let free = restrict == request.workerpool;
    (
        if free { Address::ZERO } else { restrict },
        tag | request.tag,
    )
}

fn side<'a, O: Clone + 'a>(
    kind: OrderKind,
    offers: impl Iterator<Item = Offer<'a, O>>,
    class: impl Fn(&O) -> Class,
    price: impl Fn(&O) -> Nrlc,
    fits: impl Fn(&O) -> Result<(), canut_protocol::matching::MatchRefusal>,
    why: &mut Log,
) -> Side<O> {
    let mut found: HashMap<Class, usize> = HashMap::new();
    let mut classes: Vec<(O, Vec<Lot>)> = Vec::new();
    for offer in offers.filter(|offer| offer.remaining > 0) {
        if let Err(refusal) = fits(offer.order) {
            why.add(kind, offer.hash, WhyNot::Refused(refusal));
            continue;
        }
        let index = *found.entry(class(offer.order)).or_insert_with(|| {
            classes.push((offer.order.clone(), Vec::new()));
            classes.len() - 1
        });
        let lot = Lot {
            hash: offer.hash,
            price: price(offer.order),
            volume: offer.remaining,
        };
        if let Some((_, lots)) = classes.get_mut(index) {
            lots.push(lot);
        }
    }
    Side {
        classes,
        wanted: true,
    }
}

/// The workerpool orders, read one by one.
#[derive(Debug)]
pub(super) struct Reader<W, S> {
    offers: W,
    stake: S,
    /// Free stake of the owners seen so far, less what the lots taken so far lock.
    free: HashMap<Address, Nrlc>,
    categories: U256,
    scratch: Orders,
}

impl<'a, W, S> Reader<W, S>
where
    W: Workerpools<'a>,
    S: Fn(Address) -> Nrlc,
{
    pub(super) fn new(request: &RequestOrder, offers: W, stake: S, categories: U256) -> Self {
        let scratch = Orders {
            app: any_app(request, false),
            dataset: any_dataset(request),
            workerpool: WorkerpoolOrder::default(),
            request: request.clone(),
        };
        Self {
            offers,
            stake,
            free: HashMap::new(),
            categories,
            scratch,
        }
    }

    /// From now on only workerpool orders that fit these two.
    pub(super) fn demand(&mut self, app: &AppOrder, dataset: &DatasetOrder) {
        (self.scratch.app, self.scratch.dataset) = (app.clone(), dataset.clone());
    }

    /// The next order that fits, with at most `wanted` runs; its owner's stake covers them.
    pub(super) fn next(
        &mut self,
        wanted: u64,
        why: &mut Log,
    ) -> Option<(Lot, &'a WorkerpoolOrder)> {
        loop {
            // Once enough is explained, what does not fit need not be looked at.
            let offer = if why.is_full() {
                self.next_that_serves()?
            } else {
                self.offers.next()?
            };
            if offer.remaining == 0 {
                continue;
            }
            self.scratch.workerpool.clone_from(offer.order);
            if let Err(refusal) = check(&self.scratch, self.categories) {
                why.add(OrderKind::Workerpool, offer.hash, WhyNot::Refused(refusal));
                continue;
            }
            match self.lock(&offer, wanted.min(offer.remaining)) {
                Ok(volume) => {
                    let price = offer.order.workerpoolprice;
                    return Some((
                        Lot {
                            hash: offer.hash,
                            price,
                            volume,
                        },
                        offer.order,
                    ));
                }
                Err(short) => why.add(OrderKind::Workerpool, offer.hash, short),
            }
        }
    }

    fn next_that_serves(&mut self) -> Option<Offer<'a, WorkerpoolOrder>> {
        let (scratch, categories) = (&mut self.scratch, self.categories);
        let named = [
            scratch.request.workerpool,
            scratch.app.workerpoolrestrict,
            scratch.dataset.workerpoolrestrict,
        ];
        let named = named.into_iter().find(|address| *address != Address::ZERO);
        let ceiling = scratch.request.workerpoolmaxprice;
        self.offers.next_of(ceiling, &mut |terms| {
            scratch.workerpool.clone_from(terms);
            scratch.workerpool.workerpool = named.unwrap_or_default();
            check(scratch, categories).is_ok()
        })
    }

    /// Locks the owner's stake for up to `wanted` runs; says for how many it was enough.
    fn lock(&mut self, offer: &Offer<'_, WorkerpoolOrder>, wanted: u64) -> Result<u64, WhyNot> {
        let free = self
            .free
            .entry(offer.signer)
            .or_insert_with(|| (self.stake)(offer.signer));
        let price = offer.order.workerpoolprice;
        // An absurd price overflows: nobody has that stake.
        let needs = settlement::scheduler_stake(price).unwrap_or(Nrlc(U256::MAX));
        let covered = free
            .0
            .checked_div(needs.0)
            .map_or(u64::MAX, |runs| runs.saturating_to());
        let volume = wanted.min(covered);
        if volume == 0 {
            return Err(WhyNot::Stake { needs, has: *free });
        }
        let locked = needs.times(U256::from(volume)).unwrap_or(*free);
        *free = free.minus(locked).unwrap_or(Nrlc::ZERO);
        Ok(volume)
    }

    /// Whether the three fit the request.
    pub(super) fn fits(
        &self,
        app: &AppOrder,
        dataset: &DatasetOrder,
        pool: &WorkerpoolOrder,
    ) -> bool {
        let orders = Orders {
            app: app.clone(),
            dataset: dataset.clone(),
            workerpool: pool.clone(),
            request: self.scratch.request.clone(),
        };
        check(&orders, self.categories).is_ok()
    }
}
