//! Why a transaction is not taken, in the words of geth, which client libraries parse.

use alloy_primitives::{Address, U256};
use revm::context::result::InvalidTransaction;

/// Why a transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not the RLP of a transaction.
    #[error("rlp: {0}")]
    Malformed(String),
    /// No bytes at all, or only a type.
    #[error("typed transaction too short")]
    TooShort,
    /// A type that this chain does not run; blob transactions among them.
    #[error("transaction type not supported")]
    TypeNotSupported,
    /// The signature recovers to nobody.
    #[error("invalid sender")]
    InvalidSender,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// In the transaction.
        have: u64,
        /// Of this chain.
        want: u64,
    },
    /// No chain id: it could be played on any chain.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// Already in the pool.
    #[error("already known")]
    AlreadyKnown,
    /// The nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {tx}")]
    NonceTooLow {
        /// What the account expects.
        next: u64,
        /// In the transaction.
        tx: u64,
    },
    /// The nonce leaves a gap.
    #[error("nonce too high: address {address}, tx: {tx} state: {state}")]
    NonceTooHigh {
        /// The sender.
        address: Address,
        /// In the transaction.
        tx: u64,
        /// What the account expects.
        state: u64,
    },
    /// No nonce follows (EIP-2681).
    #[error("nonce has max value: address {0}, nonce: 18446744073709551615")]
    NonceMax(Address),
    /// The sender cannot pay the most that the transaction may cost.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}", cost.saturating_sub(*balance))]
    Funds {
        /// What the sender has, wei.
        balance: U256,
        /// gas × price + value, wei.
        cost: U256,
    },
    /// The same, found by the executor, which knows the address.
    #[error(
        "insufficient funds for gas * price + value: address {address} have {have} want {want}"
    )]
    FundsOf {
        /// The sender.
        address: Address,
        /// What it has, wei.
        have: U256,
        /// What it needs, wei.
        want: U256,
    },
    /// The gas does not even pay for the transaction's bytes.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// Gas limit of the transaction.
        gas: u64,
        /// The least that it takes.
        needed: u64,
    },
    /// EIP-7623.
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorGas {
        /// Gas limit of the transaction.
        gas: u64,
        /// The least that it takes.
        needed: u64,
    },
    /// More gas than a block has.
    #[error("exceeds block gas limit")]
    BlockGasLimit,
    /// EIP-7825.
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasCap {
        /// The most that a transaction may ask.
        cap: u64,
        /// Gas limit of the transaction.
        gas: u64,
    },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCode {
        /// Bytes of init code.
        size: usize,
        /// Most bytes.
        limit: usize,
    },
    /// The tip is more than the fee cap.
    #[error(
        "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {cap}"
    )]
    TipAboveCap {
        /// The sender.
        address: Address,
        /// Wei per gas.
        tip: u128,
        /// Wei per gas.
        cap: u128,
    },
    /// Pays less than the base fee.
    #[error(
        "max fee per gas less than block base fee: address {address}, maxFeePerGas: {cap}, baseFee: {base_fee}"
    )]
    BelowBaseFee {
        /// The sender.
        address: Address,
        /// Wei per gas.
        cap: u128,
        /// Wei per gas.
        base_fee: u64,
    },
    /// Too cheap for a full pool.
    #[error("transaction underpriced")]
    Underpriced,
    /// A replacement must pay a tenth more.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// Too many transactions wait.
    #[error("txpool is full")]
    PoolFull,
    /// One sender has too many waiting.
    #[error("account limit exceeded")]
    SenderFull,
    /// More bytes than a transaction may have.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Bytes.
        size: usize,
        /// Most bytes.
        limit: usize,
    },
    /// EIP-3607.
    #[error("sender not an eoa: address {0}")]
    SenderHasCode(Address),
    /// EIP-7702: no authorization.
    #[error("EIP-7702 transaction with empty auth list (sender {0})")]
    NoAuthorizations(Address),
    /// The block has no room left; the transaction itself may be good.
    #[error("gas limit reached")]
    BlockFull,
    /// Anything else that the executor refuses.
    #[error("{0}")]
    Other(String),
}

impl Rejection {
    /// What the executor refused, in geth's words.
    pub(crate) fn from_executor(
        reason: InvalidTransaction,
        tx: &revm::context::TxEnv,
        base_fee: u64,
    ) -> Self {
        use InvalidTransaction as I;
        let address = tx.caller;
        match reason {
            I::PriorityFeeGreaterThanMaxFee => Self::TipAboveCap {
                address,
                tip: tx.gas_priority_fee.unwrap_or_default(),
                cap: tx.gas_price,
            },
            I::GasPriceLessThanBasefee => Self::BelowBaseFee {
                address,
                cap: tx.gas_price,
                base_fee,
            },
            I::CallerGasLimitMoreThanBlock => Self::BlockGasLimit,
            I::CallGasCostMoreThanGasLimit {
                initial_gas,
                gas_limit,
            } => Self::IntrinsicGas {
                gas: gas_limit,
                needed: initial_gas,
            },
            I::GasFloorMoreThanGasLimit {
                gas_floor,
                gas_limit,
            } => Self::FloorGas {
                gas: gas_limit,
                needed: gas_floor,
            },
            I::RejectCallerWithCode => Self::SenderHasCode(address),
            I::LackOfFundForMaxFee { fee, balance } => Self::FundsOf {
                address,
                have: *balance,
                want: *fee,
            },
            I::NonceOverflowInTransaction => Self::NonceMax(address),
            I::NonceTooHigh { tx, state } => Self::NonceTooHigh { address, tx, state },
            I::NonceTooLow { tx, state } => Self::NonceTooLow { next: state, tx },
            I::CreateInitCodeSizeLimit => Self::InitCode {
                size: tx.data.len(),
                limit: super::env::MAX_INIT_CODE,
            },
            I::TxGasLimitGreaterThanCap { gas_limit, cap } => Self::GasCap {
                cap,
                gas: gas_limit,
            },
            I::InvalidChainId | I::MissingChainId => {
                Self::Other("invalid chain id for signer".into())
            }
            I::EmptyAuthorizationList => Self::NoAuthorizations(address),
            other => Self::Other(other.to_string()),
        }
    }
}
