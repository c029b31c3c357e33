//! A client with a key.

use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, U256};
use canut_hub::{Caller, Hub, Receipt};
use canut_protocol::Nrlc;
use serde::Serialize;

use crate::{Client, Error, Result, TaskLog, TaskName};

/// An account: a client with a key that signs and sends. Clones share the key.
#[derive(Clone, Debug)]
pub struct Account {
    client: Client,
    caller: Caller,
    key: PrivateKeySigner,
}

/// What an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Whose.
    pub address: Address,
    /// Free on the hub.
    pub stake: Nrlc,
    /// Locked on the hub: in deals under way.
    pub locked: Nrlc,
    /// RLC outside the hub.
    pub wallet: Nrlc,
    /// Ether for transactions, in wei.
    pub ether: U256,
    /// Score as a worker.
    pub score: u64,
}

impl Client {
    /// What an account has.
    pub async fn balance(&self, address: Address) -> Result<Balance> {
        let hub = self.hub();
        let (account, wallet, score) = futures::try_join!(
            hub.account(address),
            hub.token_balance(address),
            hub.score(address)
        )?;
        let ether = hub
            .provider()
            .get_balance(address)
            .await
            .map_err(Error::node)?;
        Ok(Balance {
            address,
            stake: account.stake,
            locked: account.locked,
            wallet,
            ether,
            score: score.0,
        })
    }
}

impl Account {
    pub(crate) const fn new(client: Client, caller: Caller, key: PrivateKeySigner) -> Self {
        Self {
            client,
            caller,
            key,
        }
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.key.address()
    }

    /// The client without the key.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What sends its transactions.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) const fn hub(&self) -> &Hub {
        self.client.hub()
    }

    pub(crate) const fn key(&self) -> &PrivateKeySigner {
        &self.key
    }

    /// What the workers of a task of this account told its pool of the app's standard streams. Of a task whose deal is not
    /// known by its id alone the network's own pool is asked.
    pub async fn logs(&self, task: TaskName) -> Result<Vec<TaskLog>> {
        let pool = match (self.client.locate(task).await, self.client.pool()) {
            (Err(Error::NoTask(_)), Some(pool)) => pool.clone(),
            (located, _) => self.client.pool_of_deal(located?.deal).await?,
        };
        let chain_id = self.hub().domain().chain_id;
        pool.logs(task.id(), chain_id, &self.key).await
    }

    /// Puts RLC on the hub.
    pub async fn deposit(&self, amount: Nrlc) -> Result<Receipt> {
        let has = self.hub().token_balance(self.address()).await?;
        self.check(amount, has, "outside the hub")?;
        Ok(self.caller.deposit(amount).await?)
    }

    /// Takes free RLC off the hub.
    pub async fn withdraw(&self, amount: Nrlc) -> Result<Receipt> {
        let has = self.hub().account(self.address()).await?.stake;
        self.check(amount, has, "free on the hub")?;
        Ok(self.caller.withdraw(amount).await?)
    }

    /// The contracts refuse too, but do not say why.
    fn check(&self, needed: Nrlc, has: Nrlc, place: &'static str) -> Result<()> {
        if needed <= has {
            return Ok(());
        }
        let account = self.address();
        Err(Error::Short {
            account,
            place,
            has,
            needed,
        })
    }
}
