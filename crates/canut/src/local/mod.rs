//! A whole market in this process: node, contracts, store, order book, vault, a pool and its workers. They talk through sockets, as
//! they would from one machine to another.

mod accounts;
mod offers;
mod serving;

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, U256};
use canut_chain::{Config, Node};
use canut_client::{Client, Network};
use canut_hub::{
    Caller, Deployment, Hub, Plan, Sender, SenderConfig, connect, deploy, events::FollowConfig,
};
use canut_market::chain::HubChain;
use canut_pool::Way;
use canut_protocol::matching::Policy;
use canut_sandbox::WasmRuntime;
use canut_worker::{
    Place,
    misbehaviour::{self, Cheat, Misbehaviour},
};
use eyre::{OptionExt, Result, WrapErr};

pub(crate) use accounts::{Accounts, NAMED, RLC_EACH};
use serving::Serving;

/// What the workerpool is called on the chain. With its owner it gives the address, so it must not change.
const WORKERPOOL: &str = "canut up";

/// How a market of one's own is to be.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Folder that keeps everything.
    pub(crate) folder: PathBuf,
    /// Address of the node's JSON-RPC.
    pub(crate) rpc: SocketAddr,
    /// Address of the order book.
    pub(crate) market: SocketAddr,
    /// Address of the store.
    pub(crate) store: SocketAddr,
    /// Address of the vault.
    pub(crate) vault: SocketAddr,
    /// Address of the pool.
    pub(crate) pool: SocketAddr,
    /// Honest workers.
    pub(crate) workers: usize,
    /// Workers that return wrong results.
    pub(crate) cheats: usize,
    /// How deals are served.
    pub(crate) way: Way,
}

/// A running market.
pub(crate) struct Local {
    pub(crate) accounts: Accounts,
    pub(crate) deployment: Deployment,
    pub(crate) workerpool: Address,
    node: Node,
    services: Services,
}

/// What runs beside the node.
struct Services {
    store: Serving,
    market: canut_market::Server,
    vault: canut_vault::Server,
    pool: canut_pool::Handle,
    workers: Vec<canut_worker::Handle>,
    cheats: Vec<Cheat>,
}

impl Local {
    /// Starts everything, and puts on the chain what is missing there.
    pub(crate) async fn open(settings: Settings) -> Result<Self> {
        let accounts = Accounts::new(settings.workers + settings.cheats)?;
        let mut config = Config::dev()?;
        config.dir = Some(settings.folder.join("chain"));
        config.http = settings.rpc;
        let node = Node::start(config)
            .await
            .wrap_err("the node does not start")?;
        let local = match Self::over(&settings, &accounts, &node).await {
            Ok((deployment, workerpool, services)) => Self {
                accounts,
                deployment,
                workerpool,
                node,
                services,
            },
            Err(error) => {
                node.shutdown().await;
                return Err(error);
            }
        };
        match local.sell().await {
            Ok(()) => Ok(local),
            Err(error) => {
                local.close().await;
                Err(error.wrap_err("the pool cannot sell"))
            }
        }
    }

    /// Puts the pool's orders on the market, at the trust that the honest workers can reach.
    async fn sell(&self) -> Result<()> {
        let client = Client::connect(&self.network()).await?;
        let workers: Vec<_> = self.honest().collect();
        let trust = offers::attainable(client.hub(), &workers).await?;
        let scheduler = client.with_key(self.accounts.scheduler.clone()).await?;
        offers::publish(&scheduler, self.workerpool, trust).await?;
        scheduler
            .announce_pool(self.workerpool, &self.pool())
            .await?;
        Ok(())
    }

    /// Addresses of the honest workers.
    pub(crate) fn honest(&self) -> impl Iterator<Item = Address> {
        let honest = &self.accounts.workers[..self.services.workers.len()];
        honest.iter().map(|key| key.address())
    }

    /// What a client must know, with the key of the first user.
    pub(crate) fn network(&self) -> Network {
        Network {
            rpc: self.node.ws_url(),
            hub: self.deployment.hub,
            chain_id: Some(self.deployment.chain_id),
            market: Some(self.market()),
            store: Some(self.store()),
            vault: Some(self.vault()),
            pool: Some(self.pool()),
            key: self.accounts.users.first().map(|key| key.to_bytes()),
        }
    }

    async fn over(
        settings: &Settings,
        accounts: &Accounts,
        node: &Node,
    ) -> Result<(Deployment, Address, Services)> {
        let (deployment, workerpool) = prepare(accounts, node)
            .await
            .wrap_err("the market could not be put on the chain")?;
        let store = Serving::store(&settings.folder.join("store"), settings.store).await?;
        let rpc = node.ws_url();
        let hub = Hub::new(connect(&rpc).await?, deployment);
        let market = market(settings, hub.clone()).await?;
        let vault = vault(settings, hub.clone()).await?;
        let pool = pool(settings, accounts, &hub, &rpc, workerpool, &store.url()).await?;
        let place = Place {
            pool: pool.sessions(),
            rpc,
            hub: deployment.hub,
            workerpool,
            store: store.url(),
        };
        let runtime = WasmRuntime::new(Some(absolute(&settings.folder.join("compiled"))?))?;
        let runtime: Arc<dyn canut_sandbox::Runtime> = Arc::new(runtime);
        let (mut workers, mut cheats) = (Vec::new(), Vec::new());
        for (number, key) in accounts.workers.iter().enumerate() {
            let folder = settings.folder.join(format!("worker-{number}"));
            let mut config = worker(place.clone(), key.clone(), folder, runtime.clone());
            config.vault = Some(format!("http://{}", vault.address()));
            if settings.way == Way::Open {
                config.take_tasks_only();
            }
            if number < settings.workers {
                workers.push(canut_worker::start(config).await?);
            } else {
                let how = Misbehaviour::WrongResult;
                cheats.push(misbehaviour::start(config, how, number as u64).await?);
            }
        }
        let services = Services {
            store,
            market,
            vault,
            pool,
            workers,
            cheats,
        };
        Ok((deployment, workerpool, services))
    }

    /// URL of the node.
    pub(crate) fn rpc(&self) -> String {
        self.node.http_url()
    }

    /// URL of the order book.
    pub(crate) fn market(&self) -> String {
        format!("http://{}", self.services.market.address())
    }

    /// URL of the store.
    pub(crate) fn store(&self) -> String {
        self.services.store.url()
    }

    /// URL of the vault.
    pub(crate) fn vault(&self) -> String {
        format!("http://{}", self.services.vault.address())
    }

    /// URL of the pool.
    pub(crate) fn pool(&self) -> String {
        format!("http://{}", self.services.pool.address())
    }

    /// Honest workers.
    pub(crate) fn workers(&self) -> usize {
        self.services.workers.len()
    }

    /// Waits until something fails that nothing can go on without.
    pub(crate) async fn failed(&self) -> eyre::Report {
        self.node.failed().await.into()
    }

    /// Stops everything, those first who use others.
    pub(crate) async fn close(self) {
        let Services {
            store,
            market,
            vault,
            pool,
            workers,
            cheats,
        } = self.services;
        for worker in workers
            .into_iter()
            .chain(cheats.into_iter().map(|cheat| cheat.worker))
        {
            worker.shutdown().await;
        }
        pool.shutdown().await;
        vault.stop().await;
        market.stop().await;
        store.stop().await;
        self.node.shutdown().await;
    }
}

/// Puts the contracts on the chain, gives every account its money, and registers the workerpool; does only what is missing.
async fn prepare(accounts: &Accounts, node: &Node) -> Result<(Deployment, Address)> {
    let provider = connect(&node.ws_url()).await?;
    let sender = Sender::new(provider.clone(), accounts.owner.clone(), sending()).await?;
    let deployment = deploy(provider.clone(), &sender, &Plan::new(sender.address())).await?;
    let owner = Caller::new(Hub::new(provider, deployment), sender);
    accounts.endow(&owner).await?;
    let scheduler = accounts.scheduler.address();
    let workerpool = owner
        .hub()
        .predict_workerpool(scheduler, WORKERPOOL)
        .await?;
    if owner.hub().workerpool(workerpool).await?.is_none() {
        owner.create_workerpool(scheduler, WORKERPOOL).await?;
    }
    stake_the_price(accounts, owner.hub(), workerpool).await?;
    Ok((deployment, workerpool))
}

/// Workers have as much at stake for each task as it costs, and not the 30 % that a new workerpool asks: so a lie does not pay.
async fn stake_the_price(accounts: &Accounts, hub: &Hub, workerpool: Address) -> Result<()> {
    let found = hub.workerpool(workerpool).await?;
    let (_, found) = found.ok_or_eyre("the workerpool that was just made is not there")?;
    let policy = Policy {
        worker_stake_ratio: U256::from(100),
        ..found.policy
    };
    if policy.worker_stake_ratio == found.policy.worker_stake_ratio {
        return Ok(());
    }
    let provider = hub.provider().clone();
    let sender = Sender::new(provider, accounts.scheduler.clone(), sending()).await?;
    let scheduler = Caller::new(hub.clone(), sender);
    scheduler.change_policy(workerpool, policy).await?;
    Ok(())
}

async fn market(settings: &Settings, hub: Hub) -> Result<canut_market::Server> {
    let storage = canut_market::sqlite_url(&settings.folder.join("market.sqlite"))
        .ok_or_eyre("the folder's name cannot be part of a URL")?;
    let mut config = canut_market::Config::new(hub.domain(), storage);
    config.listen = settings.market;
    let chain = HubChain::new(hub, 0, FollowConfig::default());
    canut_market::Server::start(config, Arc::new(chain))
        .await
        .wrap_err("the order book does not start")
}

async fn vault(settings: &Settings, hub: Hub) -> Result<canut_vault::Server> {
    let mut config = canut_vault::Config::new(settings.folder.join("vault"));
    config.listen = settings.vault;
    canut_vault::Server::start(config, hub)
        .await
        .wrap_err("the vault does not start")
}

async fn pool(
    settings: &Settings,
    accounts: &Accounts,
    hub: &Hub,
    rpc: &str,
    workerpool: Address,
    store: &str,
) -> Result<canut_pool::Handle> {
    let folder = settings.folder.join("pool");
    let key = accounts.scheduler.clone();
    let mut config = canut_pool::Config::new(rpc, hub.address(), workerpool, key, store, folder);
    config.way = settings.way;
    config.listen = settings.pool;
    config.sender = sending();
    canut_pool::start(config)
        .await
        .wrap_err("the pool does not start")
}

fn worker(
    place: Place,
    key: PrivateKeySigner,
    folder: PathBuf,
    runtime: Arc<dyn canut_sandbox::Runtime>,
) -> canut_worker::Config {
    let mut config = canut_worker::Config::new(place, key, folder, runtime);
    config.slots = NonZeroUsize::MIN;
    config.private_networks = true;
    config.sender = sending();
    config
}

/// The node answers from the same machine, and its blocks are final at once.
fn sending() -> SenderConfig {
    SenderConfig {
        poll: Duration::from_millis(50),
        ..SenderConfig::default()
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}
