//! An EVM in memory: accounts, blocks and a clock that only the test moves.

use alloy::primitives::{Address, B256, Bytes, Log, TxKind, U256};
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext};

use crate::outcome::{Outcome, Refusal};

/// The chain's id: that of every local development chain.
pub const CHAIN_ID: u64 = 31337;

/// The most gas one transaction may use (EIP-7825).
pub const GAS_LIMIT: u64 = 1 << 24;

/// A chain in memory. A clone is a snapshot: the two go on apart.
#[derive(Clone, Debug)]
pub struct World {
    db: CacheDB<EmptyDB>,
    number: u64,
    time: u64,
    /// The chain's id, which a test may change to play a fork.
    pub chain_id: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            db: CacheDB::default(),
            number: 1,
            time: 1_700_000_000,
            chain_id: CHAIN_ID,
        }
    }
}

impl World {
    /// The time of the next block, in seconds since 1970.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// Moves the clock to `time`, in seconds since 1970. A clock never goes back.
    ///
    /// # Panics
    ///
    /// When `time` has passed already.
    pub fn set_time(&mut self, time: u64) {
        assert!(time >= self.time, "the clock would go back");
        self.time = time;
    }

    /// Gives `account` money for gas, in wei.
    pub fn fund(&mut self, account: Address, wei: U256) {
        let nonce = self
            .db
            .cache
            .accounts
            .get(&account)
            .map_or(0, |a| a.info.nonce);
        let info = AccountInfo {
            nonce,
            ..AccountInfo::from_balance(wei)
        };
        self.db.insert_account_info(account, info);
    }

    /// Whether there is a contract at `account`.
    #[must_use]
    pub fn code(&self, account: Address) -> Bytes {
        let account = self.db.cache.accounts.get(&account);
        let code = account.and_then(|a| self.db.cache.contracts.get(&a.info.code_hash));
        code.map(revm::bytecode::Bytecode::original_bytes)
            .unwrap_or_default()
    }

    /// Puts a contract's code at an account.
    pub fn place(&mut self, account: Address, code: Bytes) {
        let code = revm::bytecode::Bytecode::new_raw(code);
        self.db
            .insert_account_info(account, AccountInfo::from_bytecode(code));
    }

    /// Reads a contract's storage.
    #[must_use]
    pub fn storage(&self, account: Address, slot: B256) -> U256 {
        let account = self.db.cache.accounts.get(&account);
        account
            .and_then(|a| a.storage.get(&slot.into()).copied())
            .unwrap_or_default()
    }

    /// Mines one block with one legacy transaction (type 0) in it.
    pub fn send(&mut self, from: Address, to: TxKind, data: Bytes, value: U256) -> Outcome {
        let nonce = self
            .db
            .cache
            .accounts
            .get(&from)
            .map_or(0, |a| a.info.nonce);
        let tx = tx(from, to, data, value, nonce, self.chain_id);
        let (block, cfg) = (self.block(), self.cfg(true));
        self.number += 1;
        let context = Context::mainnet()
            .with_db(&mut self.db)
            .with_block(block)
            .with_cfg(cfg);
        let result = context.build_mainnet().transact_commit(tx);
        outcome(result.expect("the sender has gas money and the right nonce"))
    }

    /// Deploys a contract.
    ///
    /// # Panics
    ///
    /// When the constructor reverts.
    pub fn deploy(&mut self, from: Address, code: Bytes) -> (Address, Outcome) {
        let nonce = self
            .db
            .cache
            .accounts
            .get(&from)
            .map_or(0, |a| a.info.nonce);
        let outcome = self.send(from, TxKind::Create, code, U256::ZERO);
        assert!(outcome.result.is_ok(), "deployment failed: {outcome:?}");
        (from.create(nonce), outcome)
    }

    /// Calls without a trace, as `eth_call` does.
    #[must_use]
    pub fn call(&self, from: Address, to: Address, data: Bytes) -> Outcome {
        let mut outcome = None;
        self.calls(from, [(to, data)], |found| outcome = Some(found));
        outcome.expect("one call has one outcome")
    }

    /// Many calls without a trace, on one machine: much faster than one by one.
    pub fn calls(
        &self,
        from: Address,
        calls: impl IntoIterator<Item = (Address, Bytes)>,
        mut each: impl FnMut(Outcome),
    ) {
        let db = revm::database::WrapDatabaseRef(&self.db);
        let context = Context::mainnet()
            .with_db(db)
            .with_block(self.block())
            .with_cfg(self.cfg(false));
        let mut machine = context.build_mainnet();
        for (to, data) in calls {
            let tx = tx(from, TxKind::Call(to), data, U256::ZERO, 0, self.chain_id);
            let done = machine
                .transact(tx)
                .expect("a call needs neither gas money nor nonce");
            each(outcome(done.result));
        }
    }

    fn block(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            timestamp: U256::from(self.time),
            gas_limit: 4 * GAS_LIMIT,
            ..BlockEnv::default()
        }
    }

    fn cfg(&self, checked: bool) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(SpecId::OSAKA);
        cfg.chain_id = self.chain_id;
        cfg.disable_nonce_check = !checked;
        // A test may speak for a contract.
        cfg.disable_eip3607 = true;
        cfg
    }
}

fn tx(from: Address, kind: TxKind, data: Bytes, value: U256, nonce: u64, chain_id: u64) -> TxEnv {
    TxEnv {
        tx_type: 0,
        caller: from,
        gas_limit: GAS_LIMIT,
        gas_price: 0,
        kind,
        value,
        data,
        nonce,
        chain_id: Some(chain_id),
        ..TxEnv::default()
    }
}

fn outcome(result: ExecutionResult) -> Outcome {
    let gas = result.tx_gas_used();
    let (result, logs): (_, Vec<Log>) = match result {
        ExecutionResult::Success { logs, output, .. } => {
            let (Output::Call(data) | Output::Create(data, _)) = output;
            (Ok(data), logs)
        }
        ExecutionResult::Revert { output, .. } => (Err(Refusal::Revert(output)), Vec::new()),
        ExecutionResult::Halt { reason, .. } => {
            (Err(Refusal::Halt(format!("{reason:?}"))), Vec::new())
        }
    };
    Outcome { result, logs, gas }
}
