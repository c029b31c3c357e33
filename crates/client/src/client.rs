//! A client: a network's services, reached.

use std::{path::PathBuf, time::Duration};

use alloy::{providers::Provider, signers::local::PrivateKeySigner};
use canut_hub::{Caller, Hub, Sender, SenderConfig, connect, events::FollowConfig};
use canut_protocol::{Deal, DealId, OrderHash};
use canut_store::Remote;
use canut_vault::Remote as Vault;

use crate::{Account, Error, Market, Network, Pool, Result, Service};

/// Largest file fetched from the store, in bytes: a result, with room for its archive.
const MAX_FETCH: u64 = 2 << 30;

/// The services of a network. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Client {
    hub: Hub,
    market: Option<Market>,
    store: Option<Remote>,
    vault: Option<Vault>,
    pool: Option<Pool>,
    pace: Duration,
    keys_of_results: Option<PathBuf>,
}

impl Client {
    /// Reaches a network: asks the node for its chain and the hub for its contracts. The other services are asked when first
    /// needed.
    pub async fn connect(network: &Network) -> Result<Self> {
        let provider = connect(&network.rpc).await?;
        if let Some(expected) = network.chain_id {
            let found = provider.get_chain_id().await.map_err(Error::node)?;
            if found != expected {
                return Err(Error::OtherChain {
                    rpc: network.rpc.clone(),
                    expected,
                    found,
                });
            }
        }
        let hub = Hub::at(provider, network.hub).await?;
        let market = network
            .market
            .as_deref()
            .map(|url| Market::new(url, hub.domain()))
            .transpose()?;
        let limits = canut_store::Limits {
            upload: MAX_FETCH,
            ..Default::default()
        };
        let store = match &network.store {
            Some(url) => Some(Remote::with_limits(url, limits)?),
            None => None,
        };
        let vault = network.vault.as_deref().map(Vault::new).transpose()?;
        let pool = network.pool.as_deref().map(Pool::new).transpose()?;
        // A node on this machine does not mind being asked often.
        let pace = Duration::from_millis(if network.is_local() { 15 } else { 500 });
        Ok(Self {
            hub,
            market,
            store,
            vault,
            pool,
            pace,
            keys_of_results: None,
        })
    }

    /// This client with a folder of private keys for encrypted results: files named `ADDRESS_key`, as the iexec CLI names them.
    #[must_use]
    pub fn with_keys_of_results(self, folder: PathBuf) -> Self {
        Self {
            keys_of_results: Some(folder),
            ..self
        }
    }

    pub(crate) const fn keys_of_results(&self) -> Option<&PathBuf> {
        self.keys_of_results.as_ref()
    }

    /// The hub.
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The order book.
    pub fn market(&self) -> Result<&Market> {
        self.market
            .as_ref()
            .ok_or(Error::NoService(Service::Market))
    }

    /// Where files are.
    pub fn store(&self) -> Result<&Remote> {
        self.store.as_ref().ok_or(Error::NoService(Service::Store))
    }

    /// Where secrets are kept.
    pub fn vault(&self) -> Result<&Vault> {
        self.vault.as_ref().ok_or(Error::NoService(Service::Vault))
    }

    /// A pool that tells about its tasks, if the network names one.
    pub const fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
    }

    pub(crate) fn follow(&self) -> FollowConfig {
        FollowConfig {
            poll: self.pace,
            ..FollowConfig::default()
        }
    }

    /// This client with a key. Nobody else may send transactions with it meanwhile.
    pub async fn with_key(&self, key: PrivateKeySigner) -> Result<Account> {
        let config = SenderConfig {
            poll: self.pace,
            ..SenderConfig::default()
        };
        let sender = Sender::new(self.hub.provider().clone(), key.clone(), config).await?;
        Ok(Account::new(
            self.clone(),
            Caller::new(self.hub.clone(), sender),
            key,
        ))
    }

    /// A deal.
    pub async fn deal(&self, id: DealId) -> Result<Deal> {
        self.hub.deal(id).await?.ok_or(Error::NoDeal(id))
    }

    /// How much of an order is consumed or closed on the chain.
    pub async fn consumed(&self, order: OrderHash) -> Result<u64> {
        Ok(self.hub.consumed(order).await?.saturating_to())
    }
}
