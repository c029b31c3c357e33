//! What `revm` is told of a block and of a transaction.

use super::{BlockCtx, Rules};
use crate::state::StateCache;
use alloy::consensus::{Header, Transaction, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, Signature};
use revm::{
    Context, MainBuilder, MainContext, MainnetEvm,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::{block::BlobExcessGasAndPrice, either::Either},
    handler::MainnetContext,
    primitives::U256,
};

/// A virtual machine over a state.
pub(crate) type Vm<'a, 's> = MainnetEvm<MainnetContext<&'a mut StateCache<'s>>>;

/// The rules, as `revm` takes them.
pub(crate) fn config(rules: &Rules) -> CfgEnv {
    let mut config = CfgEnv::default();
    config.set_spec_and_mainnet_gas_params(rules.spec);
    config.chain_id = rules.chain_id;
    config
}

/// A virtual machine at a block.
pub(crate) fn evm_on<'a, 's>(
    cache: &'a mut StateCache<'s>,
    config: CfgEnv,
    block: BlockEnv,
) -> Vm<'a, 's> {
    Context::mainnet()
        .with_db(cache)
        .with_cfg(config)
        .with_block(block)
        .build_mainnet()
}

/// The block being made.
pub(crate) fn block_env(rules: &Rules, ctx: &BlockCtx) -> BlockEnv {
    BlockEnv {
        number: U256::from(ctx.number),
        beneficiary: ctx.beneficiary,
        timestamp: U256::from(ctx.timestamp),
        gas_limit: ctx.gas_limit,
        basefee: ctx.base_fee,
        difficulty: U256::ZERO,
        prevrandao: Some(ctx.prev_randao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new_with_spec(0, rules.spec)),
        slot_num: 0,
    }
}

/// A block of the past.
pub(crate) fn block_env_of(rules: &Rules, header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new_with_spec(0, rules.spec)),
        slot_num: 0,
    }
}

/// What stands in for the signature of an account whose key nobody gave. No key can make one for
/// itself: its `r` would have to be the address that follows from it.
pub(crate) fn stand_in(sender: Address) -> Signature {
    Signature::new(U256::from_be_slice(sender.as_slice()), U256::ONE, false)
}

/// Whether a transaction has [`stand_in`] for a signature. Its sender may be a contract (no
/// EIP-3607).
pub(crate) fn stands_in(tx: &Recovered<TxEnvelope>) -> bool {
    *tx.inner().signature() == stand_in(tx.signer())
}

/// A signed transaction.
pub(crate) fn transaction_env(tx: &Recovered<TxEnvelope>) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: tx.inner().tx_type() as u8,
        caller: tx.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
    }
}

/// EIP-3860: most bytes of init code.
pub(crate) const MAX_INIT_CODE: usize = revm::primitives::eip3860::MAX_INITCODE_SIZE;
/// EIP-7825: most gas of one transaction.
pub(crate) const MAX_TX_GAS: u64 = revm::primitives::eip7825::TX_GAS_LIMIT_CAP;
