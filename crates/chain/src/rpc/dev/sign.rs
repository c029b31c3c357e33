//! Transactions and messages signed by keys that the node holds, or sent for accounts whose keys
//! nobody gave.

use super::{
    super::{
        Api,
        errors::{RpcError, RpcResult},
    },
    Developer,
};
use crate::{executor::simulate::Simulation, state::StateReader};
use alloy::{
    consensus::{SignableTransaction, TxEnvelope, transaction::Recovered},
    eips::{BlockId, eip2718::Encodable2718},
    network::TxSignerSync,
    rpc::types::TransactionRequest,
    signers::SignerSync,
};
use alloy_primitives::{Address, B256, Bytes, Signature, U256};

impl Api {
    /// Fills what a request leaves open.
    fn fill(&self, mut request: TransactionRequest) -> RpcResult<(Address, TransactionRequest)> {
        let developer_first = || {
            self.developer
                .as_ref()
                .and_then(|developer| developer.addresses().first().copied())
        };
        let from = request
            .from
            .or_else(developer_first)
            .ok_or_else(|| RpcError::server("unknown account"))?;
        request.from = Some(from);
        let place = self.place(Some(BlockId::pending()))?;
        if request.nonce.is_none() {
            let nonce = place
                .state
                .account(from)?
                .map_or(0, |account| account.nonce);
            request.nonce = Some(
                self.pool
                    .next_nonce(&from)
                    .map_or(nonce, |next| next.max(nonce)),
            );
        }
        request.chain_id = Some(self.core.rules.chain_id);
        if request.to.is_none() {
            request.to = Some(alloy_primitives::TxKind::Create);
        }
        if request.gas_price.is_none() {
            let tip = request
                .max_priority_fee_per_gas
                .unwrap_or_else(|| self.priority_fee());
            request.max_priority_fee_per_gas = Some(tip);
            request
                .max_fee_per_gas
                .get_or_insert(u128::from(place.ctx.base_fee) * 2 + tip);
        }
        if request.gas.is_none() {
            let simulation = Simulation::new(&self.core.rules, &place.state, &place.ctx);
            request.gas = Some(simulation.estimate(&request)?);
        }
        Ok((from, request))
    }

    fn signed(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<Recovered<TxEnvelope>> {
        if request.from.is_some_and(|from| !developer.may_send(&from)) {
            return Err(RpcError::server("unknown account"));
        }
        let (from, request) = self.fill(request)?;
        let typed = request.build_typed_tx();
        let mut typed = typed.map_err(|_| {
            RpcError::params("invalid argument 0: fields of several transaction types")
        })?;
        let signature = match developer.key(from) {
            Ok(key) => key
                .sign_transaction_sync(&mut typed)
                .map_err(|error| RpcError::internal(error.to_string()))?,
            // No key, no signature: one that names the sender, so that hashes differ between
            // senders.
            Err(_) => Signature::new(U256::from_be_slice(from.as_slice()), U256::ONE, false),
        };
        let tx: TxEnvelope = typed.into_signed(signature).into();
        self.validation(|validation| validation.check_of(&tx, from))?;
        Ok(Recovered::new_unchecked(tx, from))
    }

    pub(super) fn send_transaction(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<B256> {
        Ok(self.enqueue(self.signed(developer, request)?)?)
    }

    pub(super) fn sign_transaction(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<Bytes> {
        developer.key(request.from.unwrap_or_default())?;
        let tx = self.signed(developer, request)?;
        Ok(tx.inner().encoded_2718().into())
    }
}

/// EIP-191.
pub(super) fn sign(developer: &Developer, address: Address, message: &Bytes) -> RpcResult<Bytes> {
    let signature = developer.key(address)?.sign_message_sync(message);
    Ok(signature
        .map_err(|error| RpcError::internal(error.to_string()))?
        .as_bytes()
        .into())
}
