//! What is checked of a transaction before it may wait, in geth's order.

use super::PooledTx;
use crate::executor::{MAX_INIT_CODE, MAX_TX_GAS, Rejection, Rules};
use alloy::{
    consensus::{Transaction, TxEnvelope, TxType, transaction::SignerRecoverable},
    eips::{eip2718::Decodable2718, eip2718::Eip2718Error},
};
use alloy_primitives::{Address, TxKind, U256};
use revm::context_interface::cfg::gas::calculate_initial_tx_gas;

/// Most bytes of one transaction (geth's `txMaxSize`).
pub(crate) const MAX_TX_BYTES: usize = 128 << 10;

/// Decodes a signed transaction as `eth_sendRawTransaction` takes it, and nothing after it.
pub(crate) fn decode(bytes: &[u8]) -> Result<TxEnvelope, Rejection> {
    if bytes.len() > MAX_TX_BYTES {
        return Err(Rejection::Oversized {
            size: bytes.len(),
            limit: MAX_TX_BYTES,
        });
    }
    match bytes.first() {
        None => return Err(Rejection::TooShort),
        Some(1..=4) if bytes.len() == 1 => return Err(Rejection::TooShort),
        // Blob transactions have no place here, nor has any type to come.
        Some(0 | 3 | 5..=0x7f) => return Err(Rejection::TypeNotSupported),
        Some(_) => {}
    }
    TxEnvelope::decode_2718_exact(bytes).map_err(|error| match error {
        Eip2718Error::RlpError(error) => Rejection::Malformed(error.to_string()),
        _ if bytes.first().is_some_and(|first| *first > 0x7f) => {
            Rejection::Malformed("not a legacy transaction".into())
        }
        _ => Rejection::TypeNotSupported,
    })
}

/// What a transaction is checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validation<'a> {
    pub(crate) rules: &'a Rules,
    /// Gas of a block.
    pub(crate) block_gas: u64,
    /// Base fee of the next block, wei per gas.
    pub(crate) base_fee: u64,
}

impl Validation<'_> {
    /// Checks what can be known without the state, and finds the sender.
    pub(crate) fn check(&self, tx: &TxEnvelope) -> Result<Address, Rejection> {
        match tx.chain_id() {
            None => return Err(Rejection::Unprotected),
            Some(have) if have != self.rules.chain_id => {
                return Err(Rejection::ChainId {
                    have,
                    want: self.rules.chain_id,
                });
            }
            Some(_) => {}
        }
        let sender = tx.recover_signer().map_err(|_| Rejection::InvalidSender)?;
        self.check_of(tx, sender)?;
        Ok(sender)
    }

    /// The same, of a transaction whose sender is known.
    pub(crate) fn check_of(&self, tx: &TxEnvelope, sender: Address) -> Result<(), Rejection> {
        if tx.tx_type() == TxType::Eip4844 {
            return Err(Rejection::TypeNotSupported);
        }
        let gas = tx.gas_limit();
        if tx.kind() == TxKind::Create && tx.input().len() > MAX_INIT_CODE {
            return Err(Rejection::InitCode {
                size: tx.input().len(),
                limit: MAX_INIT_CODE,
            });
        }
        if gas > self.block_gas {
            return Err(Rejection::BlockGasLimit);
        }
        if gas > MAX_TX_GAS {
            return Err(Rejection::GasCap {
                cap: MAX_TX_GAS,
                gas,
            });
        }
        let (cap, tip) = (
            tx.max_fee_per_gas(),
            tx.max_priority_fee_per_gas().unwrap_or_default(),
        );
        if tip > cap {
            return Err(Rejection::TipAboveCap {
                address: sender,
                tip,
                cap,
            });
        }
        if cap < u128::from(self.base_fee) {
            return Err(Rejection::BelowBaseFee {
                address: sender,
                cap,
                base_fee: self.base_fee,
            });
        }
        if tx.nonce() == u64::MAX {
            return Err(Rejection::NonceMax(sender));
        }
        let authorizations = tx.authorization_list().map(<[_]>::len);
        if authorizations == Some(0) {
            return Err(Rejection::NoAuthorizations(sender));
        }
        let (accounts, slots) = tx.access_list().map_or((0, 0), |list| {
            (
                list.len(),
                list.iter().map(|item| item.storage_keys.len()).sum(),
            )
        });
        let needed = calculate_initial_tx_gas(
            self.rules.spec,
            tx.input(),
            tx.kind() == TxKind::Create,
            accounts as u64,
            slots as u64,
            authorizations.unwrap_or_default() as u64,
            None,
        );
        let intrinsic = needed.initial_regular_gas + needed.initial_state_gas;
        if gas < intrinsic {
            return Err(Rejection::IntrinsicGas {
                gas,
                needed: intrinsic,
            });
        }
        if gas < needed.floor_gas {
            return Err(Rejection::FloorGas {
                gas,
                needed: needed.floor_gas,
            });
        }
        Ok(())
    }
}

/// The most that a transaction can take from its sender, wei.
pub(super) fn cost(tx: &PooledTx) -> U256 {
    let gas = U256::from(tx.gas_limit()).saturating_mul(U256::from(tx.max_fee_per_gas()));
    gas.saturating_add(tx.value())
}

/// Whether a transaction pays a tenth more than the one with its nonce, in both fees.
pub(super) fn replaces(new: &PooledTx, old: &PooledTx) -> bool {
    let more = |new: u128, old: u128| new >= old.saturating_add((old / 10).max(1));
    let tip = |tx: &PooledTx| {
        tx.max_priority_fee_per_gas()
            .unwrap_or_else(|| tx.max_fee_per_gas())
    };
    more(new.max_fee_per_gas(), old.max_fee_per_gas()) && more(tip(new), tip(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::{
        consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy},
        eips::{
            eip2718::Encodable2718,
            eip2930::{AccessList, AccessListItem},
            eip7702::Authorization,
        },
        primitives::{B256, Bytes, Signature},
    };
    use proptest::prelude::*;

    /// A transaction of each type that is taken.
    fn sample(kind: usize) -> TxEnvelope {
        let signature = Signature::new(U256::from(7), U256::from(9), false);
        let (chain_id, gas_limit, to) = (31_337, 100_000, Address::repeat_byte(9));
        let access_list = AccessList(vec![AccessListItem {
            address: to,
            storage_keys: vec![B256::repeat_byte(1); 2],
        }]);
        let authorization = Authorization {
            chain_id: U256::from(chain_id),
            address: to,
            nonce: 1,
        };
        let (max_fee_per_gas, input) = (9, Bytes::from_static(b"input"));
        match kind {
            0 => TxLegacy {
                chain_id: Some(chain_id),
                gas_limit,
                gas_price: 9,
                to: to.into(),
                input,
                ..TxLegacy::default()
            }
            .into_signed(signature)
            .into(),
            1 => TxEip2930 {
                chain_id,
                gas_limit,
                gas_price: 9,
                to: to.into(),
                access_list,
                ..TxEip2930::default()
            }
            .into_signed(signature)
            .into(),
            2 => TxEip1559 {
                chain_id,
                gas_limit,
                max_fee_per_gas,
                access_list,
                input,
                ..TxEip1559::default()
            }
            .into_signed(signature)
            .into(),
            _ => TxEip7702 {
                chain_id,
                gas_limit,
                max_fee_per_gas,
                to,
                authorization_list: vec![authorization.into_signed(signature)],
                ..TxEip7702::default()
            }
            .into_signed(signature)
            .into(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        /// Any bytes: a transaction that encodes to the same bytes, or a refusal.
        #[test]
        fn any_bytes_are_decoded_or_refused(kind in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [[kind].as_slice(), &bytes].concat();
            if let Ok(tx) = decode(&bytes) {
                prop_assert_eq!(tx.encoded_2718(), bytes);
            }
        }

        /// A transaction of any type with some bytes changed, cut or repeated: the same.
        #[test]
        fn damage_is_decoded_or_refused(
            kind in 0usize..4,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..6), 0..4),
        ) {
            let mut bytes = sample(kind).encoded_2718();
            prop_assert!(decode(&bytes).is_ok());
            for (at, byte, how) in damage {
                let at = at.index(bytes.len().max(1));
                match how {
                    0 => bytes.truncate(at),
                    1 => bytes.extend_from_within(at..),
                    2 => bytes.insert(at, byte),
                    _ => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
                }
            }
            if let Ok(tx) = decode(&bytes) {
                prop_assert_eq!(tx.encoded_2718(), bytes);
                let rules = Rules { chain_id: 31_337, spec: revm::primitives::hardfork::SpecId::OSAKA, fees: crate::executor::Fees::Eip1559 };
                let _ = Validation { rules: &rules, block_gas: 30_000_000, base_fee: 1 }.check(&tx);
            }
        }
    }
}
