//! What the blocks to come are made with, but for what follows from their parents: one truth for
//! the sealing thread and for the methods that show it.

use crate::{
    executor::{BlockCtx, Rules, next_base_fee},
    store::SealedBlock,
};
use alloy::consensus::Header;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use parking_lot::RwLock;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Shape(RwLock<Fields>);

#[derive(Clone, Debug)]
struct Fields {
    gas_limit: u64,
    beneficiary: Address,
    extra: Bytes,
    /// Of the next block only, wei per gas.
    base_fee: Option<u64>,
    /// Of the next block only.
    prev_randao: Option<B256>,
}

/// PREVRANDAO of the block after `parent`: known beforehand to whoever looks, so no source for a
/// lottery.
fn next_randao(parent: &Header) -> B256 {
    let mut seed = parent.mix_hash.to_vec();
    seed.extend_from_slice(&(parent.number + 1).to_be_bytes());
    keccak256(seed)
}

impl Shape {
    pub(crate) fn new(beneficiary: Address, gas_limit: u64) -> Self {
        Self(RwLock::new(Fields {
            gas_limit,
            beneficiary,
            extra: Bytes::from_static(b"canut"),
            base_fee: None,
            prev_randao: None,
        }))
    }

    /// What the block after `parent` is made with at a time.
    pub(crate) fn context(&self, rules: &Rules, parent: &SealedBlock, timestamp: u64) -> BlockCtx {
        let fields = self.0.read();
        BlockCtx {
            number: parent.number() + 1,
            timestamp,
            beneficiary: fields.beneficiary,
            prev_randao: fields
                .prev_randao
                .unwrap_or_else(|| next_randao(&parent.header)),
            gas_limit: fields.gas_limit,
            base_fee: fields
                .base_fee
                .unwrap_or_else(|| next_base_fee(rules, &parent.header)),
            parent_beacon_root: B256::ZERO,
            extra: fields.extra.clone(),
        }
    }

    /// Base fee of the block after `parent`, wei per gas.
    pub(crate) fn base_fee(&self, rules: &Rules, parent: &Header) -> u64 {
        let fee = self.0.read().base_fee;
        fee.unwrap_or_else(|| next_base_fee(rules, parent))
    }

    pub(crate) fn gas_limit(&self) -> u64 {
        self.0.read().gas_limit
    }

    pub(crate) fn beneficiary(&self) -> Address {
        self.0.read().beneficiary
    }

    pub(crate) fn set_gas_limit(&self, gas: u64) {
        self.0.write().gas_limit = gas;
    }

    pub(crate) fn set_beneficiary(&self, beneficiary: Address) {
        self.0.write().beneficiary = beneficiary;
    }

    /// Of the next block only.
    pub(crate) fn set_base_fee(&self, fee: u64) {
        self.0.write().base_fee = Some(fee);
    }

    /// Of the next block only.
    pub(crate) fn set_prev_randao(&self, value: B256) {
        self.0.write().prev_randao = Some(value);
    }

    /// A block was made: what was set for one is used up.
    pub(crate) fn used(&self) {
        let mut fields = self.0.write();
        (fields.base_fee, fields.prev_randao) = (None, None);
    }
}
