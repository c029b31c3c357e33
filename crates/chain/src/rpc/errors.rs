//! JSON-RPC errors, with geth's codes and words.

use crate::{
    engine::EngineError,
    executor::{ExecuteError, Rejection},
    state::ReadError,
    store::StoreError,
};
use alloy::{eips::BlockId, sol_types::decode_revert_reason};
use alloy_primitives::{Bytes, hex};
use revm::context::result::{HaltReason, OutOfGasError};
use serde::Serialize;

/// The answer to a call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
}

/// What a method answers.
pub(crate) type RpcResult<T> = Result<T, RpcError>;

impl RpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// -32000: the call was understood, and cannot be done.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    /// -32602.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// -32005: within the rules, beyond the limits.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(-32005, message)
    }

    /// -32600.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32600, message)
    }

    /// -32700.
    pub(crate) fn parse() -> Self {
        Self::new(-32700, "parse error")
    }

    /// -32000: a state is asked for of a block that is not there.
    pub(crate) fn no_header(block: &BlockId) -> Self {
        Self::server(match block {
            BlockId::Hash(_) => "header for hash not found",
            BlockId::Number(_) => "header not found",
        })
    }

    /// -32601.
    pub(crate) fn no_method(method: &str) -> Self {
        let shown: String = method.chars().take(64).collect();
        Self::new(
            -32601,
            format!("the method {shown} does not exist/is not available"),
        )
    }

    /// -32601: a subscription over HTTP.
    pub(crate) fn no_notifications() -> Self {
        Self::new(-32601, "notifications not supported")
    }

    /// -32003: the answer would be too large.
    pub(crate) fn too_large() -> Self {
        Self::new(-32003, "response too large")
    }

    /// Whether it is [`Self::too_large`].
    pub(crate) fn is_too_large(&self) -> bool {
        self.code == -32003
    }

    /// -32603.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(-32603, message)
    }

    /// 3: the EVM reverted; libraries decode `data`.
    pub(crate) fn revert(output: &Bytes) -> Self {
        let message = match output.get(..4) {
            Some([0x08, 0xc3, 0x79, 0xa0] | [0x4e, 0x48, 0x7b, 0x71]) => reason(output),
            _ => None,
        };
        let message = message.map_or_else(
            || "execution reverted".into(),
            |text| format!("execution reverted: {text}"),
        );
        Self {
            code: 3,
            message,
            data: Some(hex::encode_prefixed(output)),
        }
    }

    /// -32000: the EVM stopped.
    pub(crate) fn halt(reason: &HaltReason) -> Self {
        Self::server(halt_words(reason))
    }
}

/// The text of `Error(string)`, or geth's words for `Panic(uint256)`.
fn reason(output: &Bytes) -> Option<String> {
    if output.starts_with(&[0x4e, 0x48, 0x7b, 0x71]) {
        let code = alloy_primitives::U256::try_from_be_slice(output.get(4..36)?)?;
        return Some(match u64::try_from(code).unwrap_or(u64::MAX) {
            0x00 => "generic panic".into(),
            0x01 => "assert(false)".into(),
            0x11 => "arithmetic underflow or overflow".into(),
            0x12 => "division or modulo by zero".into(),
            0x21 => "enum overflow".into(),
            0x22 => "invalid encoded storage byte array accessed".into(),
            0x31 => "out-of-bounds array access; popping on an empty array".into(),
            0x32 => "out-of-bounds access of an array or bytesN".into(),
            0x41 => "out of memory".into(),
            0x51 => "uninitialized function".into(),
            _ => format!("unknown panic code: {code:#x}"),
        });
    }
    let text = decode_revert_reason(output)?;
    Some(text.strip_prefix("revert: ").unwrap_or(&text).to_owned())
}

/// What geth says of an EVM that stopped.
pub(crate) fn halt_words(reason: &HaltReason) -> String {
    let words = match reason {
        HaltReason::OutOfGas(OutOfGasError::InvalidOperand) => "gas uint64 overflow",
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024 (1023)",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
        other => return other.to_string(),
    };
    words.into()
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        Self::server(rejection.to_string())
    }
}

impl From<ReadError> for RpcError {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "reading failed");
        Self::internal(error.to_string())
    }
}

impl From<ExecuteError> for RpcError {
    fn from(error: ExecuteError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<EngineError> for RpcError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(StoreError::TooOld { .. }) => Self::server(error.to_string()),
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<crate::solo::Stopped> for RpcError {
    fn from(stopped: crate::solo::Stopped) -> Self {
        Self::server(stopped.to_string())
    }
}
