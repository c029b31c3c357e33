//! Running what is not in a block: calls, gas estimates, access lists.

use super::{
    BlockCtx, CallError, Rejection, Rules,
    env::{MAX_TX_GAS, block_env, config, evm_on},
};
use crate::state::{ReadError, StateCache, StateReader};
use alloy::{
    eips::eip2930::{AccessList, AccessListItem},
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use alloy_primitives::{TxKind, U256};
use revm::{
    ExecuteEvm, InspectEvm, MainBuilder,
    bytecode::Bytecode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    context_interface::either::Either,
};
use revm_inspectors::access_list::AccessListInspector;

/// Most gas of a call that is not a transaction (geth's `--rpc.gascap`).
pub(crate) const CALL_GAS_CAP: u64 = 50_000_000;
/// Gas that a transfer without data takes.
const TRANSFER_GAS: u64 = 21_000;
/// An estimate may be this much too high, in thousandths (geth's `estimateGasErrorRatio`).
const ESTIMATE_ERROR: u64 = 15;

/// How often a call is run to find its access list. A contract can touch something new each time,
/// because it can tell what is in the list from what it pays.
const LIST_ROUNDS: u32 = 16;

/// Calls on one state at one block.
pub(crate) struct Simulation<'a> {
    state: &'a dyn StateReader,
    config: CfgEnv,
    block: BlockEnv,
    overrides: Option<&'a StateOverride>,
}

impl std::fmt::Debug for Simulation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}

impl<'a> Simulation<'a> {
    pub(crate) fn new(rules: &Rules, state: &'a dyn StateReader, ctx: &BlockCtx) -> Self {
        let mut config = config(rules);
        // What holds for transactions does not for calls: any nonce, any sender, more gas.
        config.disable_nonce_check = true;
        config.disable_eip3607 = true;
        config.disable_block_gas_limit = true;
        config.tx_gas_limit_cap = Some(u64::MAX);
        Self {
            state,
            config,
            block: block_env(rules, ctx),
            overrides: None,
        }
    }

    /// Replaces fields of the block.
    pub(crate) fn with_block(mut self, over: &BlockOverrides) -> Self {
        let block = &mut self.block;
        block.number = over.number.unwrap_or(block.number);
        block.timestamp = over.time.map_or(block.timestamp, U256::from);
        block.gas_limit = over.gas_limit.unwrap_or(block.gas_limit);
        block.beneficiary = over.coinbase.unwrap_or(block.beneficiary);
        block.prevrandao = over.random.or(block.prevrandao);
        block.basefee = over
            .base_fee
            .map_or(block.basefee, |fee| fee.saturating_to());
        self
    }

    /// Replaces parts of the state.
    pub(crate) fn with_state(mut self, over: Option<&'a StateOverride>) -> Self {
        self.overrides = over;
        self
    }

    fn cache(&self) -> Result<StateCache<'a>, CallError> {
        let mut cache = StateCache::new(self.state);
        for (address, over) in self.overrides.into_iter().flatten() {
            if over.state.is_some() && over.state_diff.is_some() {
                return Err(CallError::BothStates(*address));
            }
            cache.edit(*address, |info| {
                info.balance = over.balance.unwrap_or(info.balance);
                info.nonce = over.nonce.unwrap_or(info.nonce);
                if let Some(code) = &over.code {
                    let code = Bytecode::new_legacy(code.clone());
                    info.code_hash = code.hash_slow();
                    info.code = Some(code);
                }
            })?;
            if over.state.is_some() {
                cache.forget_storage(*address)?;
            }
            for (slot, value) in over.state.iter().chain(&over.state_diff).flatten() {
                cache.set_storage(*address, (*slot).into(), (*value).into())?;
            }
        }
        Ok(cache)
    }

    /// Refuses a request that contradicts itself or the chain.
    pub(crate) fn check(&self, request: &TransactionRequest) -> Result<(), CallError> {
        if request.gas_price.is_some()
            && (request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some())
        {
            return Err(CallError::BothFees);
        }
        let want = self.config.chain_id;
        match request.chain_id.filter(|have| *have != want) {
            Some(have) => Err(CallError::ChainId { have, want }),
            None => Ok(()),
        }
    }

    /// What a request asks, with defaults; `gas` if it names none, and never more than the cap.
    fn transaction(&self, request: &TransactionRequest, gas: u64) -> Result<TxEnv, CallError> {
        self.check(request)?;
        let authorizations = request.authorization_list.clone().unwrap_or_default();
        let data = request.input.input().cloned().unwrap_or_default();
        let tx_type = match request {
            _ if !authorizations.is_empty() => 4,
            TransactionRequest {
                max_fee_per_gas: Some(_),
                ..
            }
            | TransactionRequest {
                max_priority_fee_per_gas: Some(_),
                ..
            } => 2,
            TransactionRequest {
                access_list: Some(_),
                ..
            } => 1,
            _ => 0,
        };
        Ok(TxEnv {
            tx_type,
            caller: request.from.unwrap_or_default(),
            gas_limit: request.gas.unwrap_or(gas).min(CALL_GAS_CAP),
            gas_price: request
                .gas_price
                .or(request.max_fee_per_gas)
                .unwrap_or_default(),
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            data,
            nonce: request.nonce.unwrap_or_default(),
            chain_id: Some(self.config.chain_id),
            access_list: request.access_list.clone().unwrap_or_default(),
            gas_priority_fee: (tx_type >= 2)
                .then(|| request.max_priority_fee_per_gas.unwrap_or_default()),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: authorizations.into_iter().map(Either::Left).collect(),
        })
    }

    /// The block as a call sees it: one that names no price pays no base fee.
    fn block_for(&self, tx: &TxEnv) -> BlockEnv {
        let mut block = self.block.clone();
        if tx.gas_price == 0 {
            block.basefee = 0;
        }
        block
    }

    fn run(&self, tx: TxEnv) -> Result<ExecutionResult, CallError> {
        let mut cache = self.cache()?;
        let mut vm = evm_on(&mut cache, self.config.clone(), self.block_for(&tx));
        vm.transact_one(tx.clone())
            .map_err(|error| self.refused(error, &tx))
    }

    fn refused(&self, error: EVMError<ReadError>, tx: &TxEnv) -> CallError {
        let reason = match error {
            EVMError::Database(error) => return CallError::Read(error),
            EVMError::Transaction(reason) => {
                Rejection::from_executor(reason, tx, self.block.basefee)
            }
            other => Rejection::Other(other.to_string()),
        };
        CallError::Rejected {
            reason,
            gas: tx.gas_limit,
        }
    }

    /// `eth_call`.
    pub(crate) fn call(&self, request: &TransactionRequest) -> Result<ExecutionResult, CallError> {
        self.run(self.transaction(request, CALL_GAS_CAP)?)
    }

    /// `eth_estimateGas`: the least gas with which a call succeeds, as geth searches it.
    pub(crate) fn estimate(&self, request: &TransactionRequest) -> Result<u64, CallError> {
        let ceiling = self.block.gas_limit.min(MAX_TX_GAS).min(CALL_GAS_CAP);
        let mut tx = self.transaction(request, ceiling)?;
        let asked = request
            .gas
            .filter(|gas| *gas >= TRANSFER_GAS)
            .unwrap_or(ceiling);
        let mut high = asked.min(ceiling).min(self.allowance(&tx)?);
        let plain = tx.data.is_empty() && tx.tx_type != 4 && tx.access_list.0.is_empty();
        if let (TxKind::Call(to), true) = (tx.kind, plain)
            && self.cache()?.has_no_code(to)?
        {
            tx.gas_limit = TRANSFER_GAS;
            if self.run(tx.clone()).is_ok_and(|result| result.is_success()) {
                return Ok(TRANSFER_GAS);
            }
        }
        let at = |gas: u64| {
            let tried = self.run(TxEnv {
                gas_limit: gas,
                ..tx.clone()
            });
            match tried {
                Err(CallError::Rejected {
                    reason: Rejection::IntrinsicGas { .. } | Rejection::FloorGas { .. },
                    ..
                }) => Ok(None),
                Err(CallError::Rejected { reason, gas }) => {
                    Err(CallError::NotEstimated { reason, gas })
                }
                other => other.map(Some),
            }
        };
        let Some(first) = at(high)? else {
            return Err(CallError::Allowance(high));
        };
        if !first.is_success() {
            return Err(match first {
                ExecutionResult::Halt {
                    reason: revm::context::result::HaltReason::OutOfGas(_),
                    ..
                } => CallError::Allowance(high),
                other => CallError::Failed(Box::new(other)),
            });
        }
        let used = first.tx_gas_used();
        let mut low = used.saturating_sub(1);
        let succeeds =
            |gas: u64| Ok::<_, CallError>(at(gas)?.is_some_and(|result| result.is_success()));
        // A call keeps a 64th of its gas back (EIP-150), and a refund comes only at the end.
        let likely = (first.gas().total_gas_spent() + 2300) * 64 / 63;
        if likely < high {
            if succeeds(likely)? {
                high = likely
            } else {
                low = likely
            }
        }
        while low + 1 < high && (high - low) * 1000 >= high * ESTIMATE_ERROR {
            let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
            if succeeds(middle)? {
                high = middle
            } else {
                low = middle
            }
        }
        Ok(high)
    }

    /// The gas that the sender can pay for.
    fn allowance(&self, tx: &TxEnv) -> Result<u64, CallError> {
        if tx.gas_price == 0 {
            return Ok(u64::MAX);
        }
        let balance = self.cache()?.balance(tx.caller)?;
        let left = balance.checked_sub(tx.value).ok_or(CallError::Transfer)?;
        Ok((left / U256::from(tx.gas_price)).saturating_to())
    }

    /// Gives a call, ready to run, to an inspector.
    pub(crate) fn inspect<T, E: From<CallError>>(
        &self,
        request: &TransactionRequest,
        run: impl FnOnce(&mut StateCache<'_>, CfgEnv, BlockEnv, TxEnv) -> Result<T, E>,
    ) -> Result<T, E> {
        let tx = self.transaction(request, CALL_GAS_CAP)?;
        let mut cache = self.cache()?;
        run(&mut cache, self.config.clone(), self.block_for(&tx), tx)
    }

    /// `eth_createAccessList`: what a call touches, and how it went with that list.
    pub(crate) fn access_list(
        &self,
        request: &TransactionRequest,
    ) -> Result<(AccessList, ExecutionResult), CallError> {
        let mut tx = self.transaction(request, self.block.gas_limit.min(CALL_GAS_CAP))?;
        for _ in 0..LIST_ROUNDS {
            let mut cache = self.cache()?;
            let vm = evm_on(&mut cache, self.config.clone(), self.block_for(&tx));
            let mut vm = vm
                .ctx
                .build_mainnet_with_inspector(AccessListInspector::new(tx.access_list.clone()));
            let result = vm
                .inspect_one_tx(tx.clone())
                .map_err(|error| self.refused(error, &tx))?;
            let list = vm.inspector.into_access_list();
            if sorted(&list) == sorted(&tx.access_list) {
                return Ok((list, result));
            }
            tx.access_list = list;
            tx.tx_type = tx.tx_type.max(1);
        }
        Err(CallError::Unsettled(LIST_ROUNDS))
    }
}

fn sorted(list: &AccessList) -> Vec<AccessListItem> {
    let mut items = list.0.clone();
    items.iter_mut().for_each(|item| item.storage_keys.sort());
    items.sort_by_key(|item| item.address);
    items
}
