//! Calls that change nothing: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use super::{
    Api,
    errors::{RpcError, RpcResult},
    params::Params,
    quantity,
};
use crate::executor::{CallError, simulate::Simulation};
use alloy::{
    eips::eip2930::AccessListResult,
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use alloy_primitives::{Bytes, U256};
use revm::context::result::ExecutionResult;

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Read(error) => error.into(),
            CallError::Failed(result) => failed(&result),
            other => Self::server(other.to_string()),
        }
    }
}

/// The error of a call that did not succeed.
pub(super) fn failed(result: &ExecutionResult) -> RpcError {
    match result {
        ExecutionResult::Halt { reason, .. } => RpcError::halt(reason),
        other => RpcError::revert(&other.output().cloned().unwrap_or_default()),
    }
}

/// Request, state and block of a call, with what it replaces of them.
struct Asked {
    request: TransactionRequest,
    state: Option<StateOverride>,
    block: BlockOverrides,
}

impl Api {
    fn asked(&self, params: &Params<'_>) -> RpcResult<Asked> {
        let state = params.opt(2)?;
        Ok(Asked {
            request: params.get(0)?,
            state,
            block: params.opt(3)?.unwrap_or_default(),
        })
    }

    pub(super) fn simulate<T>(
        &self,
        params: &Params<'_>,
        run: impl FnOnce(Simulation<'_>, &TransactionRequest) -> Result<T, CallError>,
    ) -> RpcResult<T> {
        let asked = self.asked(params)?;
        let place = self.place(params.opt(1)?)?;
        let simulation = Simulation::new(&self.core.rules, &place.state, &place.ctx);
        let simulation = simulation
            .with_block(&asked.block)
            .with_state(asked.state.as_ref());
        Ok(run(simulation, &asked.request)?)
    }

    pub(super) fn call(&self, params: &Params<'_>) -> RpcResult<Bytes> {
        let result = self.simulate(params, |simulation, request| simulation.call(request))?;
        if result.is_success() {
            Ok(result.into_output().unwrap_or_default())
        } else {
            Err(failed(&result))
        }
    }

    pub(super) fn estimate_gas(&self, params: &Params<'_>) -> RpcResult<String> {
        self.simulate(params, |simulation, request| simulation.estimate(request))
            .map(quantity)
    }

    pub(super) fn create_access_list(&self, params: &Params<'_>) -> RpcResult<AccessListResult> {
        let (access_list, result) = self.simulate(params, |simulation, request| {
            simulation.access_list(request)
        })?;
        let error = (!result.is_success()).then(|| failed(&result).message);
        Ok(AccessListResult {
            access_list,
            gas_used: U256::from(result.tx_gas_used()),
            error,
        })
    }
}
