//! Orders: what the four parties of a deal sign.
//!
//! An order offers (or asks for) up to `volume` runs. It has no expiry: its volume and its owner's revocation end it. A zero
//! address in a `…restrict` field, or as the requested workerpool, restricts nothing.
//!
//! Field names, and the JSON that `serde` reads and writes, are those of PoCo and of its SDK.

mod operation;
mod signing;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

pub use operation::Operation;
pub use signing::{Order, OrderKind};

use crate::{Nrlc, Tag, Trust, json};

/// A developer sells runs of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppOrder {
    /// The application.
    #[serde(with = "json::address")]
    pub app: Address,
    /// Price of one run.
    pub appprice: Nrlc,
    /// Runs for sale.
    #[serde(with = "json::uint")]
    pub volume: U256,
    /// What the application requires of a machine.
    pub tag: Tag,
    /// Only with this dataset, or one of this group.
    #[serde(with = "json::address")]
    pub datasetrestrict: Address,
    /// Only in this workerpool, or one of this group.
    #[serde(with = "json::address")]
    pub workerpoolrestrict: Address,
    /// Only for this requester, or one of this group.
    #[serde(with = "json::address")]
    pub requesterrestrict: Address,
    /// Makes otherwise equal orders distinct.
    pub salt: B256,
    /// Signature of the application's owner; empty when presigned on chain.
    #[serde(default)]
    pub sign: Bytes,
}

/// A dataset owner sells uses of a dataset.
///
/// The default, whose dataset is the zero address, stands for "no dataset".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetOrder {
    /// The dataset; the zero address for none.
    #[serde(with = "json::address")]
    pub dataset: Address,
    /// Price of one use.
    pub datasetprice: Nrlc,
    /// Uses for sale.
    #[serde(with = "json::uint")]
    pub volume: U256,
    /// What the dataset requires of a machine; its framework bits are ignored.
    pub tag: Tag,
    /// Only with this application, or one of this group.
    #[serde(with = "json::address")]
    pub apprestrict: Address,
    /// Only in this workerpool, or one of this group.
    #[serde(with = "json::address")]
    pub workerpoolrestrict: Address,
    /// Only for this requester, or one of this group.
    #[serde(with = "json::address")]
    pub requesterrestrict: Address,
    /// Makes otherwise equal orders distinct.
    pub salt: B256,
    /// Signature of the dataset's owner; empty when presigned on chain.
    #[serde(default)]
    pub sign: Bytes,
}

/// A pool operator sells computing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerpoolOrder {
    /// The workerpool.
    #[serde(with = "json::address")]
    pub workerpool: Address,
    /// Price of one run, certification included.
    pub workerpoolprice: Nrlc,
    /// Runs for sale.
    #[serde(with = "json::uint")]
    pub volume: U256,
    /// What the machines of the pool offer.
    pub tag: Tag,
    /// Category of the runs: how long they may take.
    #[serde(with = "json::uint")]
    pub category: U256,
    /// Highest trust the pool certifies at that price.
    pub trust: Trust,
    /// Only this application, or one of this group.
    #[serde(with = "json::address")]
    pub apprestrict: Address,
    /// Only this dataset, or one of this group.
    #[serde(with = "json::address")]
    pub datasetrestrict: Address,
    /// Only for this requester, or one of this group.
    #[serde(with = "json::address")]
    pub requesterrestrict: Address,
    /// Makes otherwise equal orders distinct.
    pub salt: B256,
    /// Signature of the workerpool's owner; empty when presigned on chain.
    #[serde(default)]
    pub sign: Bytes,
}

/// A requester buys runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOrder {
    /// The application to run.
    #[serde(with = "json::address")]
    pub app: Address,
    /// Highest price of the application, per run.
    pub appmaxprice: Nrlc,
    /// The dataset to use; the zero address for none.
    #[serde(with = "json::address")]
    pub dataset: Address,
    /// Highest price of the dataset, per run.
    pub datasetmaxprice: Nrlc,
    /// Only in this workerpool, or one of this group; the zero address for any.
    #[serde(with = "json::address")]
    pub workerpool: Address,
    /// Highest price of the workerpool, per run.
    pub workerpoolmaxprice: Nrlc,
    /// Who asks, signs, and pays unless a sponsor does.
    #[serde(with = "json::address")]
    pub requester: Address,
    /// Runs wanted.
    #[serde(with = "json::uint")]
    pub volume: U256,
    /// What the requester requires of a machine.
    pub tag: Tag,
    /// Category of the runs: how long they may take.
    #[serde(with = "json::uint")]
    pub category: U256,
    /// Trust at which results are to be certified.
    pub trust: Trust,
    /// For whom results are encrypted. Without effect on chain.
    #[serde(with = "json::address")]
    pub beneficiary: Address,
    /// Contract that receives the result on chain; the zero address for none.
    #[serde(with = "json::address")]
    pub callback: Address,
    /// Parameters of the runs, opaque to the chain; by convention a JSON object.
    pub params: String,
    /// Makes otherwise equal orders distinct.
    pub salt: B256,
    /// Signature of the requester; empty when presigned on chain.
    #[serde(default)]
    pub sign: Bytes,
}

impl DatasetOrder {
    /// The order that stands for "no dataset": it restricts nothing and costs nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether this stands for "no dataset". Its price, tag and restrictions are checked all the same.
    pub fn is_none(&self) -> bool {
        self.dataset == Address::ZERO
    }
}
