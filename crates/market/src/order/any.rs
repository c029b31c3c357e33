//! An order of any kind.

use alloy_primitives::{Address, U256};
use canut_protocol::{
    AppOrder, DatasetOrder, Domain, Nrlc, Order, OrderHash, RequestOrder, Tag, WorkerpoolOrder,
    order::OrderKind,
};
use serde::Serialize;

/// The four kinds.
pub(crate) const KINDS: [OrderKind; 4] = [
    OrderKind::App,
    OrderKind::Dataset,
    OrderKind::Workerpool,
    OrderKind::Request,
];

/// The name of a kind in routes and sentences.
pub(crate) const fn kind_name(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::App => "apporder",
        OrderKind::Dataset => "datasetorder",
        OrderKind::Workerpool => "workerpoolorder",
        OrderKind::Request => "requestorder",
    }
}

/// An order of any of the four kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AnyOrder {
    /// A developer's.
    App(AppOrder),
    /// A dataset owner's.
    Dataset(DatasetOrder),
    /// A pool operator's.
    Workerpool(WorkerpoolOrder),
    /// A requester's.
    Request(RequestOrder),
}

/// Runs `$body` with `$order` bound to the order inside.
macro_rules! each {
    ($any:expr, $order:ident => $body:expr) => {
        match $any {
            AnyOrder::App($order) => $body,
            AnyOrder::Dataset($order) => $body,
            AnyOrder::Workerpool($order) => $body,
            AnyOrder::Request($order) => $body,
        }
    };
}

impl AnyOrder {
    /// Which kind it is.
    pub const fn kind(&self) -> OrderKind {
        match self {
            Self::App(_) => OrderKind::App,
            Self::Dataset(_) => OrderKind::Dataset,
            Self::Workerpool(_) => OrderKind::Workerpool,
            Self::Request(_) => OrderKind::Request,
        }
    }

    /// Its hash on that hub.
    pub fn hash(&self, domain: &Domain) -> OrderHash {
        each!(self, order => order.hash(domain))
    }

    /// Runs offered or asked for.
    pub fn volume(&self) -> U256 {
        each!(self, order => order.volume())
    }

    /// Requirements.
    pub fn tag(&self) -> Tag {
        each!(self, order => order.tag())
    }

    /// The signature.
    pub fn sign(&self) -> &alloy_primitives::Bytes {
        each!(self, order => order.sign())
    }

    /// The asset it sells; for a request, who asks.
    pub const fn resource(&self) -> Address {
        match self {
            Self::App(order) => order.app,
            Self::Dataset(order) => order.dataset,
            Self::Workerpool(order) => order.workerpool,
            Self::Request(order) => order.requester,
        }
    }

    /// What it is ranked by: its price; for a request, the most it pays a workerpool.
    pub const fn price(&self) -> Nrlc {
        match self {
            Self::App(order) => order.appprice,
            Self::Dataset(order) => order.datasetprice,
            Self::Workerpool(order) => order.workerpoolprice,
            Self::Request(order) => order.workerpoolmaxprice,
        }
    }

    /// Category, of workerpool and request orders.
    pub const fn category(&self) -> Option<U256> {
        match self {
            Self::Workerpool(order) => Some(order.category),
            Self::Request(order) => Some(order.category),
            Self::App(_) | Self::Dataset(_) => None,
        }
    }
}
