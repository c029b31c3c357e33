//! Names of orders, deals and tasks.

use std::{fmt, str::FromStr};

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

/// A text that names no order, deal or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 0x and 64 hexadecimal digits")]
pub struct ParseIdError;

/// Defines a 32-byte id that is not to be taken for another. It prints and reads as `0x` and 64 hex digits.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl $name {
            /// Its bytes.
            pub fn as_slice(&self) -> &[u8] {
                self.0.as_slice()
            }

            /// Whether it is all zero: what the chain answers for "none".
            pub fn is_zero(&self) -> bool {
                self.0.is_zero()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.parse().map(Self).map_err(|_| ParseIdError)
            }
        }

        impl From<B256> for $name {
            fn from(bytes: B256) -> Self {
                Self(bytes)
            }
        }

        impl From<$name> for B256 {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id! {
    /// The digest an order's owner signs. The hub counts what is consumed of an order under it.
    OrderHash
}

id! {
    /// A deal: four matched orders, with as many tasks as their volume allowed.
    DealId
}

id! {
    /// One task of a deal.
    TaskId
}

impl DealId {
    /// The deal of the request order `request` of which `first` tasks were consumed before.
    ///
    /// `keccak256(request ‖ uint256 first)` (PoCo 6.2.0, `matchOrders`).
    pub fn of(request: OrderHash, first: u64) -> Self {
        Self(pair(request.0, first))
    }
}

impl TaskId {
    /// The task of `deal` whose index is `index`. Indices are absolute within the request order: the first one of a deal is
    /// its `bot_first`.
    ///
    /// `keccak256(deal ‖ uint256 index)` (PoCo 6.2.0, `initialize`).
    pub fn of(deal: DealId, index: u64) -> Self {
        Self(pair(deal.0, index))
    }
}

fn pair(hash: B256, number: u64) -> B256 {
    let mut preimage = [0u8; 64];
    preimage[..32].copy_from_slice(hash.as_slice());
    preimage[32..].copy_from_slice(&U256::from(number).to_be_bytes::<32>());
    keccak256(preimage)
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolValue;

    use super::*;

    #[test]
    fn ids_are_the_hash_of_two_abi_words() {
        let request = OrderHash::from(keccak256("request"));
        let deal = DealId::of(request, 7);
        assert_eq!(deal.0, keccak256((request.0, U256::from(7)).abi_encode()));
        assert_eq!(
            TaskId::of(deal, 9).0,
            keccak256((deal.0, U256::from(9)).abi_encode())
        );
    }

    #[test]
    fn an_id_is_read_back_from_what_it_prints() {
        let deal = DealId::from(keccak256("deal"));
        assert_eq!(deal.to_string().parse(), Ok(deal));
        assert_eq!("0x12".parse::<DealId>(), Err(ParseIdError));
        assert_eq!(
            serde_json::to_value(deal).unwrap(),
            serde_json::json!(deal.0.to_string())
        );
    }
}
