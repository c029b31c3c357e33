//! What an owner can do with an order on chain.

use serde::{Deserialize, Serialize};

/// An operation on an order, made by its owner or with the owner's signature over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum Operation {
    /// Presign: the order needs no signature any more. It cannot be undone, except by closing.
    Sign = 0,
    /// Close: what is left of the volume is consumed. It cannot be undone.
    Close = 1,
}

impl From<Operation> for u8 {
    fn from(operation: Operation) -> Self {
        operation as Self
    }
}

/// A number that names no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no operation on an order: 0 signs it, 1 closes it")]
pub struct UnknownOperation(u8);

impl TryFrom<u8> for Operation {
    type Error = UnknownOperation;

    fn try_from(number: u8) -> Result<Self, UnknownOperation> {
        match number {
            0 => Ok(Self::Sign),
            1 => Ok(Self::Close),
            _ => Err(UnknownOperation(number)),
        }
    }
}
