//! Whether an order can be matched, and why not.

use alloy_primitives::{Address, U256};
use canut_protocol::{Nrlc, Overflow, RequestOrder, order::OrderKind, settlement};

use super::{Book, Facet};
use crate::{
    chain::{AssetKind, Mirror},
    matching::{app_fits, dataset_fits},
    order::{AnyOrder, Entry, Status},
};

/// Why an order cannot be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("{kind} {asset} is not registered on this hub: check the address and the chain", kind = asset_name(*.0), asset = .1)]
    Unregistered(AssetKind, Address),
    #[error("the order is signed by {signer}, {owner} owns the {kind}: have the owner publish it", kind = asset_name(*.kind))]
    NotOwner {
        kind: AssetKind,
        owner: Address,
        signer: Address,
    },
    #[error("the requester of the order is {requester}, not {signer}: publish it as the requester")]
    NotRequester { requester: Address, signer: Address },
    #[error("the order was canceled on chain: sign a new one")]
    Closed,
    #[error("the order is used up: sign a new one")]
    Filled,
    #[error(
        "the stake of {account} is {has}, this order needs {needs}: deposit more, or lower its price or volume"
    )]
    Stake {
        account: Address,
        has: Nrlc,
        needs: Nrlc,
    },
    #[error("the price times the volume is absurdly large: lower one of them")]
    Absurd,
    #[error(
        "no open order of the app fits this request (price, tag, restrictions): publish one, or raise `appmaxprice`"
    )]
    NoApp,
    #[error(
        "no open order of the dataset fits this request (price, tag, restrictions): publish one, or raise `datasetmaxprice`"
    )]
    NoDataset,
}

const fn asset_name(kind: AssetKind) -> &'static str {
    match kind {
        AssetKind::App => "app",
        AssetKind::Dataset => "dataset",
        AssetKind::Workerpool => "workerpool",
    }
}

impl Unfit {
    /// Status of a published order that is unfit.
    pub(super) const fn status(self) -> Status {
        match self {
            Self::Closed => Status::Canceled,
            Self::Filled => Status::Filled,
            _ => Status::Dead,
        }
    }
}

impl Book {
    /// Runs that can be matched of the order, or why it cannot be.
    pub(crate) fn fitness(&self, entry: &Entry, mirror: &Mirror) -> Result<u64, Unfit> {
        if mirror.is_closed(entry.hash) {
            return Err(Unfit::Closed);
        }
        let remaining = left(entry, mirror);
        if remaining == 0 {
            return Err(Unfit::Filled);
        }
        owned(entry, mirror)?;
        let needs = stake_needed(&entry.order, remaining).map_err(|Overflow| Unfit::Absurd)?;
        let has = mirror.stake(entry.signer);
        if has < needs {
            return Err(Unfit::Stake {
                account: entry.signer,
                has,
                needs,
            });
        }
        if let AnyOrder::Request(request) = &entry.order {
            self.has_counterparts(request)?;
        }
        Ok(remaining)
    }

    fn has_counterparts(&self, request: &RequestOrder) -> Result<(), Unfit> {
        let mut apps = self
            .open()
            .orders(OrderKind::App, Facet::Resource(request.app));
        let fits = |order: &AnyOrder| match order {
            AnyOrder::App(app) => app_fits(request, app).is_ok(),
            AnyOrder::Dataset(dataset) => dataset_fits(request, dataset).is_ok(),
            AnyOrder::Workerpool(_) | AnyOrder::Request(_) => false,
        };
        if !apps.any(|listed| fits(&listed.entry.order)) {
            return Err(Unfit::NoApp);
        }
        let mut datasets = self
            .open()
            .orders(OrderKind::Dataset, Facet::Resource(request.dataset));
        let found =
            request.dataset == Address::ZERO || datasets.any(|listed| fits(&listed.entry.order));
        if found { Ok(()) } else { Err(Unfit::NoDataset) }
    }
}

/// Runs that deals left of the order.
pub(super) fn left(entry: &Entry, mirror: &Mirror) -> u64 {
    let volume: u64 = entry.order.volume().saturating_to();
    volume.saturating_sub(mirror.consumed(entry.hash))
}

/// The signer must own the asset now, or be the requester.
fn owned(entry: &Entry, mirror: &Mirror) -> Result<(), Unfit> {
    let (resource, signer) = (entry.order.resource(), entry.signer);
    let Some(kind) = AssetKind::of(entry.kind()) else {
        let same = resource == signer;
        return if same {
            Ok(())
        } else {
            Err(Unfit::NotRequester {
                requester: resource,
                signer,
            })
        };
    };
    match mirror.owner(kind, resource) {
        None => Err(Unfit::Unregistered(kind, resource)),
        Some(owner) if owner == signer => Ok(()),
        Some(owner) => Err(Unfit::NotOwner {
            kind,
            owner,
            signer,
        }),
    }
}

/// What the signer must have free: the scheduler's stake for a workerpool order, the highest cost for a request.
fn stake_needed(order: &AnyOrder, remaining: u64) -> Result<Nrlc, Overflow> {
    let runs = U256::from(remaining);
    match order {
        AnyOrder::App(_) | AnyOrder::Dataset(_) => Ok(Nrlc::ZERO),
        AnyOrder::Workerpool(order) => {
            settlement::scheduler_stake(order.workerpoolprice)?.times(runs)
        }
        AnyOrder::Request(order) => {
            let prices = [
                order.appmaxprice,
                order.datasetmaxprice,
                order.workerpoolmaxprice,
            ];
            Nrlc::sum(prices)?.times(runs)
        }
    }
}
