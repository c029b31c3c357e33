//! Filling what the request of a transaction leaves open.

use super::{
    Api,
    errors::{RpcError, RpcResult},
};
use crate::{executor::simulate::Simulation, state::StateReader};
use alloy::{
    consensus::{SignableTransaction, TxEnvelope, TypedTransaction},
    eips::{BlockId, eip2718::Encodable2718},
    rpc::types::TransactionRequest,
};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use serde::Serialize;

/// A transaction without a signature, as bytes and field by field.
#[derive(Serialize)]
pub(super) struct Filled {
    raw: Bytes,
    tx: TxEnvelope,
}

impl Api {
    /// A request with everything that a transaction needs.
    pub(super) fn fill(
        &self,
        from: Address,
        mut request: TransactionRequest,
    ) -> RpcResult<TypedTransaction> {
        request.from = Some(from);
        let place = self.place(Some(BlockId::pending()))?;
        let simulation = Simulation::new(&self.core.rules, &place.state, &place.ctx);
        simulation.check(&request)?;
        if request.nonce.is_none() {
            let nonce = place
                .state
                .account(from)?
                .map_or(0, |account| account.nonce);
            let next = self.pool.next_nonce(&from);
            request.nonce = Some(next.map_or(nonce, |next| next.max(nonce)));
        }
        request.chain_id = Some(self.core.rules.chain_id);
        if request.to.is_none() {
            let code = request.input.input().is_some_and(|code| !code.is_empty());
            if !code {
                let words = "contract creation without any data provided";
                return Err(RpcError::server(words));
            }
            request.to = Some(TxKind::Create);
        }
        if request.gas_price.is_none() {
            let tip = request
                .max_priority_fee_per_gas
                .unwrap_or_else(|| self.priority_fee());
            request.max_priority_fee_per_gas = Some(tip);
            request
                .max_fee_per_gas
                .get_or_insert((u128::from(place.ctx.base_fee) * 2).saturating_add(tip));
        }
        if request.gas.is_none() {
            request.gas = Some(simulation.estimate(&request)?);
        }
        let several = "invalid argument 0: fields of several transaction types";
        request
            .build_typed_tx()
            .map_err(|_| RpcError::params(several))
    }

    /// `eth_fillTransaction`.
    pub(super) fn fill_transaction(&self, request: TransactionRequest) -> RpcResult<Filled> {
        let typed = self.fill(request.from.unwrap_or_default(), request)?;
        let unsigned = Signature::new(U256::ZERO, U256::ZERO, false);
        let tx = TxEnvelope::from(typed.into_signed(unsigned));
        Ok(Filled {
            raw: tx.encoded_2718().into(),
            tx,
        })
    }
}
