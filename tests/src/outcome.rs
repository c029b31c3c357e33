//! What came of a call.

use std::fmt;

use alloy::primitives::{Address, Bytes, Log, U256};
use alloy::sol_types::{
    Panic, PanicKind, Revert, SolCall, SolError, SolEvent, SolEventInterface, SolInterface,
};

use crate::abi::{Asset, Hub, Mocks, Registry};

/// What came of a transaction or a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was returned, or how it was refused.
    pub result: Result<Bytes, Refusal>,
    /// The events, in order; none when refused.
    pub logs: Vec<Log>,
    /// Gas used, intrinsic gas included and refunds deducted.
    pub gas: u64,
}

/// How a call failed.
#[derive(Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It reverted, with this data.
    Revert(Bytes),
    /// It broke: out of gas, an invalid instruction…
    Halt(String),
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halt(reason) => write!(f, "halt({reason})"),
            Self::Revert(data) if data.is_empty() => f.write_str("revert()"),
            Self::Revert(data) => {
                if let Ok(revert) = Revert::abi_decode(data) {
                    write!(f, "revert({:?})", revert.reason)
                } else if let Ok(panic) = Panic::abi_decode(data) {
                    write!(f, "panic({:#x})", panic.code)
                } else if let Ok(error) = Hub::HubErrors::abi_decode(data) {
                    write!(f, "{error:?}")
                } else if let Ok(error) = Registry::RegistryErrors::abi_decode(data) {
                    write!(f, "{error:?}")
                } else {
                    write!(f, "revert({data})")
                }
            }
        }
    }
}

impl Refusal {
    /// The reason of a revert with a string, if it is one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Revert(data) => Revert::abi_decode(data).ok().map(|revert| revert.reason),
            Self::Halt(_) => None,
        }
    }
}

impl Outcome {
    /// The outcome, which must be a success.
    ///
    /// # Panics
    ///
    /// When it is not, saying why.
    #[track_caller]
    #[must_use = "use `succeeds` when nothing is wanted from it"]
    pub fn ok(self) -> Self {
        self.succeeds();
        self
    }

    /// Asserts success.
    #[track_caller]
    pub fn succeeds(&self) {
        assert!(
            self.result.is_ok(),
            "refused: {:?}",
            self.result.as_ref().err()
        );
    }

    /// The value returned by a successful call of type `C`.
    #[track_caller]
    #[must_use]
    pub fn returned<C: SolCall>(&self) -> C::Return {
        self.succeeds();
        let data = self.result.clone().unwrap_or_default();
        C::abi_decode_returns(&data).expect("the return data has the call's type")
    }

    /// Asserts a revert with this very string.
    #[track_caller]
    pub fn reverts_with(&self, reason: &str) {
        let found = self.refusal().reason();
        assert_eq!(found.as_deref(), Some(reason), "{:?}", self.refusal());
    }

    /// Asserts a revert with this very custom error.
    #[track_caller]
    pub fn reverts_as<E: SolError>(&self, error: &E) {
        let expected = Refusal::Revert(error.abi_encode().into());
        assert_eq!(*self.refusal(), expected);
    }

    /// Asserts a revert that says nothing.
    #[track_caller]
    pub fn reverts_empty(&self) {
        assert_eq!(*self.refusal(), Refusal::Revert(Bytes::new()));
    }

    /// Asserts one of Solidity's own panics.
    #[track_caller]
    pub fn panics(&self, kind: PanicKind) {
        self.reverts_as(&Panic {
            code: U256::from(kind as u32),
        });
    }

    #[track_caller]
    fn refusal(&self) -> &Refusal {
        self.result
            .as_ref()
            .expect_err("it should have been refused")
    }

    /// The events of type `E` that `emitter` emitted, in order.
    #[must_use]
    pub fn events<E: SolEvent>(&self, emitter: Address) -> Vec<E> {
        let own = self.logs.iter().filter(|log| log.address == emitter);
        own.filter_map(|log| E::decode_log(log).ok().map(|log| log.data))
            .collect()
    }

    /// The events, by name.
    #[must_use]
    pub fn event_names(&self) -> Vec<String> {
        let name = |log| {
            describe(log)
                .split([' ', '('])
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        self.logs.iter().map(name).collect()
    }
}

/// An event in words.
#[must_use]
pub fn describe(log: &Log) -> String {
    let text = if let Ok(event) = Hub::HubEvents::decode_log(log) {
        format!("{:?}", event.data)
    } else if let Ok(event) = Registry::RegistryEvents::decode_log(log) {
        format!("{:?}", event.data)
    } else if let Ok(event) = Asset::AssetEvents::decode_log(log) {
        format!("{:?}", event.data)
    } else if let Ok(event) = Mocks::MocksEvents::decode_log(log) {
        format!("{:?}", event.data)
    } else {
        return format!("{:?}", log.data);
    };
    // The enum's variant holds a struct of the same name: one of the two names is enough.
    match text.split_once('(') {
        Some((_, inner)) => inner.strip_suffix(')').unwrap_or(inner).to_owned(),
        None => text,
    }
}
