//! An order in the book.

use std::sync::Arc;

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::AnyOrder;

/// Where an order stands. Everything but having been published follows from the chain and the rest of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It can be matched.
    Open,
    /// Deals used it up.
    Filled,
    /// Its owner closed it on chain.
    Canceled,
    /// It cannot be matched for now: its signer sold the asset or lacks the stake, or a request finds no counterpart.
    Dead,
}

/// What never changes of a published order.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: OrderHash,
    /// Who signed it and may take it back.
    pub(crate) signer: Address,
    /// When it was published, in milliseconds since the epoch.
    pub(crate) published: i64,
    pub(crate) order: AnyOrder,
    /// The order in the SDK's JSON.
    pub(crate) json: Box<RawValue>,
}

/// A published order as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Arc<Entry>,
    pub(crate) status: Status,
    /// Runs left; 0 once filled or canceled.
    pub(crate) remaining: u64,
    pub(crate) chain_id: u64,
}

/// A dataset order of at least this volume, for nothing, may be used in bulk requests.
const BULK_VOLUME: u64 = super::MAX_INTEGER - 1;

impl Entry {
    pub(crate) const fn kind(&self) -> OrderKind {
        self.order.kind()
    }

    /// Whether a dataset order serves bulk requests; `None` for the other kinds.
    pub(crate) fn bulk(&self) -> Option<bool> {
        let AnyOrder::Dataset(order) = &self.order else {
            return None;
        };
        let volume = u64::try_from(order.volume).unwrap_or(u64::MAX);
        Some(order.datasetprice.is_zero() && volume >= BULK_VOLUME)
    }
}

/// The published order of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    order_hash: OrderHash,
    chain_id: u64,
    remaining: u64,
    status: Status,
    signer: String,
    publication_timestamp: String,
    order: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk: Option<bool>,
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            order_hash: self.entry.hash,
            chain_id: self.chain_id,
            remaining: self.remaining,
            status: self.status,
            signer: self.entry.signer.to_checksum(None),
            publication_timestamp: iso(self.entry.published),
            order: &self.entry.json,
            bulk: self.entry.bulk(),
        };
        shown.serialize(serializer)
    }
}

/// A time as JavaScript writes it, `2026-01-31T12:00:00.000Z`; `milliseconds` since the epoch.
pub(crate) fn iso(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_javascript() {
        assert_eq!(iso(1_769_860_800_000), "2026-01-31T12:00:00.000Z");
        assert_eq!(iso(7), "1970-01-01T00:00:00.007Z");
    }
}
