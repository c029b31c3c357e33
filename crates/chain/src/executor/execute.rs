//! Running the transactions of a block on the state of its parent.

use super::{
    BlockCtx, Cancel, ExecuteError, Rejection, Rules,
    env::{Vm, block_env, config, evm_on, stands_in, transaction_env},
};
use crate::{
    engine::TxSource,
    state::{StateCache, StateChanges, StateReader},
};
use alloy::{
    consensus::{Receipt, Transaction, TxEnvelope, transaction::Recovered},
    eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS},
};
use alloy_primitives::{Address, B256, Log};
use revm::{
    DatabaseCommit, ExecuteCommitEvm, SystemCallEvm,
    context::result::{EVMError, ExecutionResult},
};

/// What a list of transactions did.
#[derive(Debug, Default)]
pub(crate) struct Execution {
    pub(crate) transactions: Vec<Recovered<TxEnvelope>>,
    pub(crate) receipts: Vec<Receipt<Log>>,
    pub(crate) gas_used: u64,
    pub(crate) changes: StateChanges,
}

/// Runs what `source` gives, until it gives no more or the block is full.
pub(crate) fn execute(
    rules: &Rules,
    parent: &dyn StateReader,
    parent_hash: B256,
    ctx: &BlockCtx,
    source: &mut dyn TxSource,
    cancel: &Cancel,
) -> Result<Execution, ExecuteError> {
    let mut cache = StateCache::new(parent);
    let mut done = Execution::default();
    {
        let mut vm = evm_on(&mut cache, config(rules), block_env(rules, ctx));
        system_calls(&mut vm, parent_hash, ctx.parent_beacon_root)?;
        while let Some(tx) = source.next() {
            if cancel.is_cancelled() {
                return Err(ExecuteError::Cancelled);
            }
            if tx.gas_limit() > ctx.gas_limit {
                source.reject(&tx, Rejection::BlockGasLimit);
                continue;
            }
            if tx.gas_limit() > ctx.gas_limit - done.gas_used {
                source.reject(&tx, Rejection::BlockFull);
                continue;
            }
            let env = transaction_env(&tx);
            vm.ctx.cfg.disable_eip3607 = stands_in(&tx);
            match vm.transact_commit(env.clone()) {
                Ok(result) => done.add((*tx).clone(), result),
                Err(EVMError::Transaction(reason)) => {
                    source.reject(&tx, Rejection::from_executor(reason, &env, ctx.base_fee));
                }
                Err(EVMError::Database(error)) => return Err(error.into()),
                Err(other) => source.reject(&tx, Rejection::Other(other.to_string())),
            }
        }
    }
    done.changes = cache.into_changes();
    Ok(done)
}

impl Execution {
    fn add(&mut self, tx: Recovered<TxEnvelope>, result: ExecutionResult) {
        self.gas_used += result.tx_gas_used();
        let status = result.is_success().into();
        // What failed leaves no log.
        let logs = if result.is_success() {
            result.into_logs()
        } else {
            Vec::new()
        };
        self.receipts.push(Receipt {
            status,
            cumulative_gas_used: self.gas_used,
            logs,
        });
        self.transactions.push(tx);
    }
}

/// What a block does before its transactions: EIP-4788 and EIP-2935.
pub(crate) fn system_calls(
    vm: &mut Vm<'_, '_>,
    parent: B256,
    beacon_root: B256,
) -> Result<(), ExecuteError> {
    system_call(vm, BEACON_ROOTS_ADDRESS, beacon_root)?;
    system_call(vm, HISTORY_STORAGE_ADDRESS, parent)
}

fn system_call(vm: &mut Vm<'_, '_>, contract: Address, input: B256) -> Result<(), ExecuteError> {
    let called = vm.system_call(contract, input.0.into());
    let mut done = called.map_err(|error| match error {
        EVMError::Database(error) => ExecuteError::Read(error),
        other => ExecuteError::System(contract, other.to_string()),
    })?;
    // Only the contract is changed: neither the caller nor the beneficiary exists because of this.
    done.state.retain(|address, _| *address == contract);
    vm.ctx.journaled_state.database.commit(done.state);
    Ok(())
}

/// Runs the system calls and the first `count` transactions of a block again, to look at what comes
/// after.
pub(crate) fn replay_before(
    vm: &mut Vm<'_, '_>,
    block: &crate::store::SealedBlock,
    count: usize,
) -> Result<(), ExecuteError> {
    let root = block.header.parent_beacon_block_root.unwrap_or_default();
    system_calls(vm, block.header.parent_hash, root)?;
    block
        .transactions
        .iter()
        .take(count)
        .try_for_each(|tx| replay_one(vm, tx))
}

/// Runs the next transaction of a block again.
pub(crate) fn replay_one(
    vm: &mut Vm<'_, '_>,
    tx: &Recovered<TxEnvelope>,
) -> Result<(), ExecuteError> {
    vm.ctx.cfg.disable_eip3607 = stands_in(tx);
    let done = vm.transact_commit(transaction_env(tx));
    done.map(drop).map_err(|error| match error {
        EVMError::Database(error) => ExecuteError::Read(error),
        other => ExecuteError::System(tx.signer(), other.to_string()),
    })
}
