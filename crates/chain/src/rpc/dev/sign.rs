//! Transactions and messages signed by keys that the node holds, or sent for accounts whose keys
//! nobody gave.

use super::{
    super::{
        Api,
        errors::{RpcError, RpcResult},
        params::Params,
    },
    Developer,
};
use crate::executor::stand_in;
use alloy::{
    consensus::{SignableTransaction, TxEnvelope, transaction::Recovered},
    dyn_abi::TypedData,
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    rpc::types::TransactionRequest,
    signers::SignerSync,
};
use alloy_primitives::{Address, B256, Bytes};

impl Api {
    fn signed(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<Recovered<TxEnvelope>> {
        let from = request
            .from
            .or_else(|| developer.accounts().first().copied())
            .filter(|from| developer.may_send(from))
            .ok_or_else(|| RpcError::server("unknown account"))?;
        let mut typed = self.fill(from, request)?;
        let signature = match developer.key(from) {
            Ok(key) => key
                .sign_transaction_sync(&mut typed)
                .map_err(|error| RpcError::internal(error.to_string()))?,
            Err(_) => stand_in(from),
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

/// EIP-712: `[address, typed data]`, the data as an object or as its text.
pub(super) fn sign_typed(developer: &Developer, params: &Params<'_>) -> RpcResult<Bytes> {
    let key = developer.key(params.get(0)?)?;
    let invalid =
        |error: &dyn std::fmt::Display| RpcError::params(format!("invalid argument 1: {error}"));
    let data: TypedData = match params.get::<serde_json::Value>(1)? {
        serde_json::Value::String(text) => serde_json::from_str(&text),
        object => serde_json::from_value(object),
    }
    .map_err(|error| invalid(&error))?;
    let hash = data
        .eip712_signing_hash()
        .map_err(|error| invalid(&error))?;
    let signature = key
        .sign_hash_sync(&hash)
        .map_err(|error| RpcError::internal(error.to_string()))?;
    Ok(signature.as_bytes().into())
}

/// EIP-191.
pub(super) fn sign(developer: &Developer, address: Address, message: &Bytes) -> RpcResult<Bytes> {
    let signature = developer.key(address)?.sign_message_sync(message);
    Ok(signature
        .map_err(|error| RpcError::internal(error.to_string()))?
        .as_bytes()
        .into())
}
