//! `debug_*`: what a transaction did, step by step.

use super::{
    Api,
    budget::Budget,
    errors::{RpcError, RpcResult},
    message::raw,
    params::Params,
};
use crate::{
    executor::{
        Vm, block_env_of, config, evm_on, replay_before, replay_one, stands_in, transaction_env,
    },
    state::StateCache,
    store::{SealedBlock, Snapshot, Version},
};
use alloy::{
    eips::BlockId,
    rpc::types::trace::geth::{
        CallConfig, GethDebugBuiltInTracerType, GethDebugTracerType, GethDebugTracingOptions,
        GethDefaultTracingOptions, GethTrace, NoopFrame, TraceResult,
    },
};
use alloy_primitives::B256;
use revm::{
    InspectEvm, MainBuilder,
    context::{TxEnv, result::EVMError},
};
use revm_inspectors::tracing::{FourByteInspector, TracingInspector, TracingInspectorConfig};
use serde_json::value::RawValue;
use std::{num::NonZeroU64, sync::Arc};

/// Most opcodes that the default tracer records: each is some hundred bytes of answer.
const MAX_STEPS: u64 = 100_000;

impl Api {
    pub(super) fn trace_transaction(&self, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let hash: B256 = params.get(0)?;
        let options: GethDebugTracingOptions = params.opt(1)?.unwrap_or_default();
        let version = self.head();
        let (block, index) = version
            .transaction(&hash)?
            .ok_or_else(|| RpcError::server("transaction not found"))?;
        raw(&self.trace(&version, &block, index, &options)?)
    }

    pub(super) fn trace_block(&self, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let options: GethDebugTracingOptions = params.opt(1)?.unwrap_or_default();
        let version = self.head();
        let number = self.height(&version, params.get::<BlockId>(0)?)?;
        let block = number
            .map(|number| version.block(number))
            .transpose()?
            .flatten();
        let block = block.ok_or_else(|| RpcError::server("block not found"))?;
        let mut room = self.limits.response_bytes;
        let mut traces = Vec::with_capacity(block.transactions.len());
        let parent = parent_state(&version, &block)?;
        let mut cache = StateCache::new(&parent);
        let rules = &self.core.rules;
        let (mut config, env) = (config(rules), block_env_of(rules, &block.header));
        replay_before(
            &mut evm_on(&mut cache, config.clone(), env.clone()),
            &block,
            0,
        )?;
        for tx in &block.transactions {
            config.disable_eip3607 = stands_in(tx);
            let (settings, at) = (config.clone(), env.clone());
            let result = inspect(&mut cache, settings, at, transaction_env(tx), &options)?;
            replay_one(&mut evm_on(&mut cache, config.clone(), env.clone()), tx)?;
            let trace = raw(&TraceResult::Success {
                result,
                tx_hash: Some(*tx.inner().hash()),
            })?;
            room = room
                .checked_sub(trace.get().len())
                .ok_or_else(RpcError::too_large)?;
            traces.push(trace);
        }
        raw(&traces)
    }

    pub(super) fn trace_call(&self, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let options: GethDebugTracingOptions = params.opt(2)?.unwrap_or_default();
        let place = self.place(params.opt(1)?)?;
        let simulation =
            crate::executor::simulate::Simulation::new(&self.core.rules, &place.state, &place.ctx);
        let request = params.get(0)?;
        raw(&simulation.inspect(&request, |cache, config, block, tx| {
            inspect(cache, config, block, tx, &options)
        })?)
    }

    /// Runs the block up to a transaction again, and traces that one.
    fn trace(
        &self,
        version: &Arc<Version>,
        block: &SealedBlock,
        index: usize,
        options: &GethDebugTracingOptions,
    ) -> RpcResult<GethTrace> {
        let parent = parent_state(version, block)?;
        let tx = block
            .transactions
            .get(index)
            .ok_or_else(|| RpcError::server("transaction not found"))?;
        let mut cache = StateCache::new(&parent);
        let rules = &self.core.rules;
        let (mut config, env) = (config(rules), block_env_of(rules, &block.header));
        replay_before(
            &mut evm_on(&mut cache, config.clone(), env.clone()),
            block,
            index,
        )?;
        config.disable_eip3607 = stands_in(tx);
        inspect(&mut cache, config, env, transaction_env(tx), options)
    }
}

/// The state that a block was made on.
fn parent_state(version: &Arc<Version>, block: &SealedBlock) -> RpcResult<Snapshot> {
    Snapshot::before(version, block.number()).ok_or_else(|| {
        RpcError::server(format!(
            "required historical state unavailable: the parent of block {}",
            block.number()
        ))
    })
}

fn refused(error: EVMError<crate::state::ReadError>) -> RpcError {
    RpcError::server(error.to_string())
}

/// Runs one transaction, and remembers every step.
fn steps(vm: Vm<'_, '_>, tx: TxEnv, options: GethDefaultTracingOptions) -> RpcResult<GethTrace> {
    let mut settings = TracingInspectorConfig::from_geth_config(&options);
    settings.step_limit = NonZeroU64::new(MAX_STEPS);
    let budget = Budget::of_steps(options.is_memory_enabled());
    let mut vm = vm
        .ctx
        .build_mainnet_with_inspector((budget, TracingInspector::new(settings)));
    let result = vm.inspect_one_tx(tx).map_err(refused)?;
    let (budget, tracer) = vm.inspector;
    budget.kept()?;
    let output = result.output().cloned().unwrap_or_default();
    let traces = tracer.into_geth_builder();
    Ok(traces
        .geth_traces(result.tx_gas_used(), output, options)
        .into())
}

/// Runs one transaction under a tracer.
fn inspect(
    cache: &mut StateCache<'_>,
    config: revm::context::CfgEnv,
    block: revm::context::BlockEnv,
    tx: TxEnv,
    options: &GethDebugTracingOptions,
) -> RpcResult<GethTrace> {
    use GethDebugBuiltInTracerType as Tracer;
    let unsupported = |name: &str| {
        Err(RpcError::server(format!(
            "tracer {name} is not supported: use callTracer, prestateTracer, 4byteTracer, noopTracer or none"
        )))
    };
    let json =
        |error: serde_json::Error| RpcError::params(format!("invalid tracerConfig: {error}"));
    let vm = evm_on(cache, config, block);
    let tracer = match &options.tracer {
        None => return steps(vm, tx, options.config),
        Some(GethDebugTracerType::JsTracer(_)) => return unsupported("in JavaScript"),
        Some(GethDebugTracerType::BuiltInTracer(tracer)) => tracer,
    };
    match tracer {
        Tracer::CallTracer => {
            let call: CallConfig = options
                .tracer_config
                .clone()
                .into_call_config()
                .map_err(json)?;
            let settings = TracingInspectorConfig::from_geth_call_config(&call);
            let gas_limit = tx.gas_limit;
            let budget = Budget::of_calls();
            let mut vm = vm
                .ctx
                .build_mainnet_with_inspector((budget, TracingInspector::new(settings)));
            let result = vm.inspect_one_tx(tx).map_err(refused)?;
            let (budget, mut inspector) = vm.inspector;
            budget.kept()?;
            inspector.set_transaction_gas_limit(gas_limit);
            Ok(inspector
                .geth_builder()
                .geth_call_traces(call, result.tx_gas_used())
                .into())
        }
        Tracer::PreStateTracer => {
            let prestate = options
                .tracer_config
                .clone()
                .into_pre_state_config()
                .map_err(json)?;
            let settings = TracingInspectorConfig::from_geth_prestate_config(&prestate);
            let budget = Budget::of_calls();
            let mut vm = vm
                .ctx
                .build_mainnet_with_inspector((budget, TracingInspector::new(settings)));
            let result = vm.inspect_tx(tx).map_err(refused)?;
            let (budget, inspector) = vm.inspector;
            budget.kept()?;
            let before = crate::state::CacheRef::new(vm.ctx.journaled_state.database);
            let frame = inspector
                .geth_builder()
                .geth_prestate_traces(&result, &prestate, before)?;
            Ok(frame.into())
        }
        Tracer::FourByteTracer => {
            let mut vm = vm
                .ctx
                .build_mainnet_with_inspector(FourByteInspector::default());
            vm.inspect_one_tx(tx).map_err(refused)?;
            Ok(alloy::rpc::types::trace::geth::FourByteFrame::from(&vm.inspector).into())
        }
        Tracer::NoopTracer => Ok(NoopFrame::default().into()),
        other => unsupported(&format!("{other:?}")),
    }
}
