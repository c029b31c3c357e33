//! What can go wrong with a hub.

use alloy::{
    primitives::{Address, B256},
    transports::TransportError,
};

use crate::Refusal;

/// Result of an operation on a hub.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The contract says no. Nothing was sent, or [`hash`](Self::Reverted::hash) of a failed transaction is known.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The transaction was included and failed; its gas is spent.
    #[error("transaction {hash} failed: {refusal}")]
    Reverted {
        /// The transaction.
        hash: B256,
        /// Why it failed.
        refusal: Refusal,
    },
    /// The node could not be reached, or failed.
    #[error("the node does not answer as it should, try again or use another: {0}")]
    Node(#[from] TransportError),
    /// The node refuses to take the transaction; nothing was sent.
    #[error("the node refuses the transaction: {message}")]
    Rejected {
        /// What the node says.
        message: String,
    },
    /// The node stopped answering while the transaction was handed over.
    #[error(
        "it is not known whether transaction {hash} was sent, look for it before trying again: {source}"
    )]
    Unknown {
        /// The transaction.
        hash: B256,
        /// What the node said last.
        source: TransportError,
    },
    /// Someone else used the key: another transaction took this one's place.
    #[error("another transaction of {account} took nonce {nonce}: use the key in one place only")]
    Replaced {
        /// The account of the key.
        account: Address,
        /// The nonce.
        nonce: u64,
    },
    /// The task that sends transactions is gone.
    #[error("the sender was shut down")]
    Closed,
    /// What answers is no hub of this version.
    #[error("{address} does not answer as a hub ({what}): check the address and the chain")]
    NotAHub {
        /// The address asked.
        address: Address,
        /// What was asked, or what is wrong.
        what: &'static str,
    },
}

impl Error {
    /// Why the contract refused, if it did.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Reverted { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
