//! Transactions on their way, and what nodes say of them.

use alloy::{
    consensus::TxEip1559,
    primitives::{B256, Bytes},
    rpc::types::TransactionReceipt,
    transports::TransportError,
};
use tokio::sync::oneshot;

use crate::Result;

/// Why a node does not take a transaction. There are no codes for it, only words that differ between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// It has it already.
    Known,
    /// The nonce belongs to another transaction.
    NonceTaken,
    /// The fee is below the base fee, or below what replaces another transaction.
    FeeTooLow,
    /// Anything else: it will never take it.
    Final,
    /// It did not answer; whether it has the transaction is unknown.
    NoAnswer,
}

impl Objection {
    pub(super) fn of(error: &TransportError) -> Self {
        let Some(payload) = error.as_error_resp() else {
            return Self::NoAnswer;
        };
        let message = payload.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if says(&[
            "already known",
            "already imported",
            "alreadyknown",
            "known transaction",
        ]) {
            Self::Known
        } else if says(&["nonce too low", "oldnonce", "nonce is too low"]) {
            Self::NonceTaken
        } else if says(&[
            "underpriced",
            "less than block base fee",
            "feetoolow",
            "below current base fee",
        ]) {
            Self::FeeTooLow
        } else {
            Self::Final
        }
    }
}

/// A transaction the node has taken.
#[derive(Debug)]
pub(super) struct Flight {
    /// As last signed.
    pub(super) tx: TxEip1559,
    /// As last signed, encoded.
    pub(super) raw: Bytes,
    /// Hashes of all versions of it, the last one last.
    pub(super) hashes: Vec<B256>,
    /// Head of the chain when it was last signed.
    pub(super) since: u64,
    /// How often it was looked for in vain.
    pub(super) looked: u32,
    /// Who waits.
    pub(super) reply: oneshot::Sender<Result<TransactionReceipt>>,
}

/// `fee` and a quarter, at least `market`: nodes ask a tenth more to replace a transaction.
pub(super) fn bumped(fee: u128, market: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(4)).max(market)
}

#[cfg(test)]
mod tests {
    use alloy::{rpc::json_rpc::ErrorPayload, transports::TransportErrorKind};
    use proptest::prelude::*;

    use super::*;

    fn answer(message: &'static str) -> TransportError {
        TransportError::ErrorResp(ErrorPayload {
            code: -32000,
            message: message.into(),
            data: None,
        })
    }

    #[test]
    fn the_words_of_several_nodes_are_understood() {
        for (message, objection) in [
            ("already known", Objection::Known),
            ("transaction already imported", Objection::Known),
            ("Known transaction", Objection::Known),
            (
                "nonce too low: next nonce 5, tx nonce 4",
                Objection::NonceTaken,
            ),
            ("replacement transaction underpriced", Objection::FeeTooLow),
            (
                "max fee per gas less than block base fee: address 0x..",
                Objection::FeeTooLow,
            ),
            (
                "insufficient funds for gas * price + value",
                Objection::Final,
            ),
        ] {
            assert_eq!(Objection::of(&answer(message)), objection, "{message}");
        }
        assert_eq!(
            Objection::of(&TransportErrorKind::backend_gone()),
            Objection::NoAnswer
        );
    }

    proptest! {
        #[test]
        fn a_bump_is_enough_to_replace(fee in 1..u128::from(u64::MAX), market: u64) {
            let raised = bumped(fee, market.into());
            prop_assert!(raised * 10 >= fee * 11 && raised >= u128::from(market));
        }
    }
}
