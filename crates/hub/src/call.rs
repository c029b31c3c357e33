//! Asking a contract.

use alloy::{
    primitives::Address,
    providers::{DynProvider, Provider},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};

use crate::{Error, Refusal, Result};

/// Calls a function that changes nothing, on the latest block.
pub(crate) async fn read<C: SolCall>(
    provider: &DynProvider,
    to: Address,
    question: C,
) -> Result<C::Return> {
    let request = TransactionRequest::default()
        .to(to)
        .input(question.abi_encode().into());
    let answer = match provider.call(request).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(Refusal::in_error(&error).map_or_else(|| error.into(), Error::Refused));
        }
    };
    // An address without code answers nothing, successfully.
    C::abi_decode_returns(&answer).map_err(|_| Error::NotAHub {
        address: to,
        what: C::SIGNATURE,
    })
}
