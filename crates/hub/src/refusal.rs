//! Why a contract refuses.

mod range;

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::{Panic, PanicKind, Revert, SolError, SolInterface},
    transports::TransportError,
};
use canut_protocol::{
    Nrlc,
    matching::{MatchError, MatchRefusal},
    task::TaskRefusal,
};

pub use range::RangeRefusal;

use crate::bindings::{IHub::IHubErrors, RLC::RLCErrors};

/// A refusal of the hub, of a registry or of the token, with its cause and a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Four orders do not match.
    #[error("the orders do not match: {0}; {remedy}", remedy = .0.remedy())]
    Match(MatchRefusal),
    /// An action on a task breaks a rule.
    #[error(transparent)]
    Task(#[from] TaskRefusal),
    /// A step of the certificate way breaks a rule.
    #[error(transparent)]
    Range(Box<RangeRefusal>),
    /// An account cannot pay.
    #[error("{account} has {free} free on the hub and needs {needed}: deposit the rest")]
    TooPoor {
        /// Whose.
        account: Address,
        /// What is free.
        free: Nrlc,
        /// What is needed.
        needed: Nrlc,
    },
    /// Somebody cannot pay; the contract does not say who.
    #[error("the free balance on the hub is too low: deposit more")]
    BalanceTooLow,
    /// The token is not the spender's to take.
    #[error("the token was not moved, check the balance and the allowance of the account")]
    TokenRefused,
    /// The worker has no authorization.
    #[error(
        "the authorization is not signed by {signer}: ask the pool for one for this task, worker and enclave"
    )]
    Unauthorized {
        /// Who must sign.
        signer: Address,
    },
    /// The enclave did not sign the vote.
    #[error("the vote is not signed by the enclave key {enclave}")]
    NotFromEnclave {
        /// The key.
        enclave: Address,
    },
    /// A signature has an impossible length.
    #[error(
        "a signature of a plain key has 65 bytes, or 64 in the compact form: sign again, or presign"
    )]
    SignatureFormat,
    /// Neither the caller nor the signer owns the order.
    #[error(
        "only the owner may manage this order, or whoever brings his signature over the operation"
    )]
    NotTheOrdersOwner,
    /// Only the owner of the contract may.
    #[error("only the owner of the contract may do this")]
    NotTheOwner,
    /// It is set up already.
    #[error("the hub is configured already")]
    AlreadyConfigured,
    /// The asset exists.
    #[error("an asset with this description and owner exists already: use it, or change its name")]
    AssetExists,
    /// The dataset's owner does not offer it to this deal.
    #[error("the dataset order does not fit the deal: {0}")]
    DatasetUnfit(String),
    /// The result is not there yet.
    #[error("the task is not completed yet")]
    TaskPending,
    /// A number does not fit.
    #[error("a price, a volume, a trust level or the params are too large for the hub")]
    TooLarge,
    /// Another reason, in the contract's words.
    #[error("the contract refuses: {0}")]
    Said(String),
    /// Another error of the contract, encoded.
    #[error("the contract refuses with {0}")]
    Coded(Bytes),
    /// No reason given, and none found.
    #[error(
        "the contract refuses and does not say why: an address may be wrong, or the state has just changed"
    )]
    Silent,
}

impl From<MatchError> for Refusal {
    fn from(error: MatchError) -> Self {
        match error {
            MatchError::Refused(refusal) => Self::Match(refusal),
            MatchError::Overflow(_) | MatchError::ParamsTooLong { .. } => Self::TooLarge,
        }
    }
}

impl Refusal {
    /// Reads what a call reverted with.
    pub fn decode(data: &Bytes) -> Self {
        if data.is_empty() {
            return Self::Silent;
        }
        if let Ok(Revert { reason }) = Revert::abi_decode(data) {
            return Self::said(reason);
        }
        if let Ok(panic) = Panic::abi_decode(data) {
            return Self::panicked(panic.code);
        }
        if let Some(refusal) = RangeRefusal::decode(data) {
            return Self::Range(Box::new(refusal));
        }
        match IHubErrors::abi_decode(data) {
            Ok(IHubErrors::IncompatibleDatasetOrder(error)) => Self::DatasetUnfit(error.reason),
            Ok(IHubErrors::NotContractOwner(_)) => Self::NotTheOwner,
            Ok(IHubErrors::SafeCastOverflowedUintDowncast(_) | IHubErrors::FailedDeployment(_)) => {
                Self::TooLarge
            }
            Ok(IHubErrors::OperationFailed(_)) => Self::Silent,
            Ok(IHubErrors::CallerIsNotTheRequester(_)) => {
                Self::Said("only the requester can deposit and match in one transaction".into())
            }
            _ if RLCErrors::abi_decode(data).is_ok() => Self::TokenRefused,
            _ => Self::Coded(data.clone()),
        }
    }

    /// The refusal in an error of a node, if it is one.
    pub(crate) fn in_error(error: &TransportError) -> Option<Self> {
        let payload = error.as_error_resp()?;
        if let Some(data) = payload.as_revert_data() {
            return Some(Self::decode(&data));
        }
        // EIP-1474 has no code for this; nodes agree on 3 or on the words.
        let reverted = payload.code == 3 || payload.message.contains("execution reverted");
        reverted.then_some(Self::Silent)
    }

    fn said(reason: String) -> Self {
        if let Some(refusal) = MatchRefusal::from_reason(&reason) {
            return Self::Match(refusal);
        }
        match reason.as_str() {
            "IexecEscrow: Transfer amount exceeds balance" => Self::BalanceTooLow,
            "failed-transferFrom" | "failed-transfer" => Self::TokenRefused,
            "invalid-signature-format" => Self::SignatureFormat,
            "invalid-sender-or-signature" => Self::NotTheOrdersOwner,
            "Ownable: caller is not the owner" | "caller is not the owner" => Self::NotTheOwner,
            "already-configured" => Self::AlreadyConfigured,
            "Create2: Failed on deploy" => Self::AssetExists,
            "task-pending" => Self::TaskPending,
            _ => Self::Said(reason),
        }
    }

    fn panicked(code: U256) -> Self {
        if code == U256::from(PanicKind::UnderOverflow as u32) {
            return Self::TooLarge;
        }
        Self::Said(format!("panic {code:#04x}"))
    }

    /// Whether the contract gave no usable reason.
    pub(crate) const fn is_vague(&self) -> bool {
        matches!(
            self,
            Self::Silent | Self::BalanceTooLow | Self::SignatureFormat
        )
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{bytes, hex};

    use super::*;

    #[test]
    fn every_reason_of_a_match_is_understood() {
        for refusal in MatchRefusal::ALL {
            let data = Revert::from(refusal.reason()).abi_encode().into();
            assert_eq!(Refusal::decode(&data), Refusal::Match(*refusal));
        }
        let told = Refusal::Match(MatchRefusal::NothingLeft).to_string();
        assert!(
            told.contains("used up") && told.contains("fresh orders"),
            "{told}"
        );
    }

    #[test]
    fn panics_custom_errors_and_silence_are_told_apart() {
        let overflow = Panic {
            code: U256::from(0x11),
        }
        .abi_encode()
        .into();
        assert_eq!(Refusal::decode(&overflow), Refusal::TooLarge);
        assert_eq!(Refusal::decode(&Bytes::new()), Refusal::Silent);
        let stranger = bytes!("deadbeef");
        assert_eq!(Refusal::decode(&stranger), Refusal::Coded(stranger.clone()));
        // IncompatibleDatasetOrder("no")
        let unfit = hex!(
            "0afd9382000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000"
        );
        assert_eq!(
            Refusal::decode(&unfit.into()),
            Refusal::DatasetUnfit("no".into())
        );
    }
}
