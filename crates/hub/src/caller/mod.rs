//! Changing a hub.

mod assets;
mod money;
mod orders;
mod owner;
mod ranges;
mod tasks;

use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::TransactionReceipt,
    sol_types::SolCall,
};

pub use ranges::Delivered;
pub use tasks::{Alone, Ballot};

use crate::{Event, Hub, Result, Sender, hub::Attempt};

/// A hub and a key: whoever calls it.
///
/// Every call is tried out before it is sent, so a refusal costs nothing; and where the contract refuses without a word, the
/// rules are asked why. Clones are cheap, and may be used at once from many tasks.
#[derive(Clone, Debug)]
pub struct Caller {
    hub: Hub,
    sender: Sender,
}

/// A call that was included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt<T = ()> {
    /// What came of it.
    pub value: T,
    /// The transaction.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// What it cost, in wei.
    pub fee: U256,
    /// Everything that happened, in order.
    pub events: Vec<Event>,
}

impl<T> Receipt<T> {
    /// The same receipt with another value.
    pub fn with<U>(self, value: U) -> Receipt<U> {
        let Self {
            transaction,
            block,
            gas_used,
            fee,
            events,
            ..
        } = self;
        Receipt {
            value,
            transaction,
            block,
            gas_used,
            fee,
            events,
        }
    }
}

impl Caller {
    /// Calls `hub` with the key of `sender`.
    pub const fn new(hub: Hub, sender: Sender) -> Self {
        Self { hub, sender }
    }

    /// The hub.
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The account of the key.
    pub const fn address(&self) -> Address {
        self.sender.address()
    }

    /// The key.
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Calls a function of the hub.
    async fn call<C: SolCall>(&self, call: C) -> Result<Receipt> {
        self.call_at(self.hub.address(), call).await
    }

    /// Calls a function of the hub whose refusal may need an explanation.
    async fn attempt<C: SolCall>(&self, call: C, attempts: &[Attempt]) -> Result<Receipt> {
        match self.call(call).await {
            Ok(receipt) => Ok(receipt),
            Err(error) => Err(self.hub.explain(error, attempts).await),
        }
    }

    async fn call_at<C: SolCall>(&self, to: Address, call: C) -> Result<Receipt> {
        let receipt = self
            .sender
            .send(to, call.abi_encode().into(), U256::ZERO)
            .await?;
        Ok(self.receipt(&receipt))
    }

    fn receipt(&self, receipt: &TransactionReceipt) -> Receipt {
        let logs = receipt.logs().iter();
        Receipt {
            value: (),
            transaction: receipt.transaction_hash,
            block: receipt.block_number.unwrap_or_default(),
            gas_used: receipt.gas_used,
            fee: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
            events: logs
                .filter_map(|log| Event::read(self.hub.deployment(), log))
                .collect(),
        }
    }

    /// A receipt's value from its events; without it, what answered was no hub.
    fn found<T>(
        &self,
        receipt: Receipt,
        what: &'static str,
        find: impl Fn(&Event) -> Option<T>,
    ) -> Result<Receipt<T>> {
        let value = receipt
            .events
            .iter()
            .find_map(find)
            .ok_or_else(|| self.hub.odd(what))?;
        Ok(receipt.with(value))
    }
}
