//! Putting a market on a chain.

mod code;
mod proxy;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
    transports::TransportError,
};
use canut_protocol::category::{self, Category};
use serde::{Deserialize, Serialize};
use tracing::info;

pub use proxy::PROXY;

use crate::{
    Error, Sender,
    bindings::{AppRegistry, IHub},
    call,
};

/// Where the contracts of a market are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The hub: the one address clients need.
    pub hub: Address,
    /// The token that the hub keeps.
    pub token: Address,
    /// Registry of applications.
    pub app_registry: Address,
    /// Registry of datasets.
    pub dataset_registry: Address,
    /// Registry of workerpools.
    pub workerpool_registry: Address,
}

/// What to put on a chain.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who owns the hub and the registries, and has the supply of a new token.
    pub owner: Address,
    /// The token to keep; `None` for a new one.
    pub token: Option<Address>,
    /// The categories, in the order of their ids.
    pub categories: Vec<Category>,
    /// What the ids of assets are appended to for their metadata (ERC-721), followed by `app/`, `dataset/` or `workerpool/`
    /// and the chain id. Empty for none.
    pub metadata: String,
    /// Makes several markets of one owner on one chain.
    pub salt: B256,
}

impl Plan {
    /// A market of `owner` with a token of its own and the five categories.
    pub fn new(owner: Address) -> Self {
        Self {
            owner,
            token: None,
            categories: category::defaults().into(),
            metadata: String::new(),
            salt: B256::ZERO,
        }
    }
}

/// Why a market is not there.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A transaction failed, or the node.
    #[error(transparent)]
    Hub(#[from] Error),
    /// The chain does not take the proxy that puts contracts at known addresses.
    #[error(
        "the deterministic deployment proxy cannot be put on this chain ({message}): have it at {PROXY} in the genesis \
         block, or let the node take transactions without a chain id"
    )]
    NoProxy {
        /// What the node says.
        message: String,
    },
    /// Something is missing that only the owner can add.
    #[error(
        "{what} is missing, and only its owner {owner} can complete it: deploy with the owner's key"
    )]
    NotTheOwner {
        /// What.
        what: &'static str,
        /// Whose it is.
        owner: Address,
    },
    /// The market is there, with another token than planned.
    #[error(
        "this market is there already and keeps the token {found}, not {planned}: use another salt for a new one"
    )]
    OtherToken {
        /// The planned one.
        planned: Address,
        /// The one it keeps.
        found: Address,
    },
    /// A built-in contract cannot be read.
    #[error("the built-in {file} is damaged: {error}")]
    Artifact {
        /// Which.
        file: &'static str,
        /// How.
        error: serde_json::Error,
    },
}

impl From<TransportError> for DeployError {
    fn from(error: TransportError) -> Self {
        Self::Hub(error.into())
    }
}

/// Puts `plan` on the chain of `provider`, with `sender`'s key paying, and says where everything is.
///
/// What exists is recognised by its address: every contract is created through the [deterministic deployment proxy](PROXY),
/// so its address follows from the plan and the code alone (EIP-1014), whoever deploys it. Doing it again finishes what is
/// missing and changes nothing else. Where something is missing that only the owner can add, `sender` must be the owner.
pub async fn deploy(
    provider: impl Provider + 'static,
    sender: &Sender,
    plan: &Plan,
) -> Result<Deployment, DeployError> {
    let site = Site {
        provider: provider.erased(),
        sender,
        plan,
    };
    proxy::ensure(&site.provider, sender).await?;
    let owner = plan.owner;
    let token = match plan.token {
        Some(token) => token,
        None => site.contract("token", code::token(&[owner])?).await?,
    };
    let apps = site.registry("app", code::app_registry(&[owner])?).await?;
    let datasets = site
        .registry("dataset", code::dataset_registry(&[owner])?)
        .await?;
    let workerpools = site
        .registry("workerpool", code::workerpool_registry(&[owner])?)
        .await?;
    let views = site.contract("views", code::views(&[])?).await?;
    let certificates = site
        .contract("certificates", code::certificates(&[views])?)
        .await?;
    let market = site
        .contract("market", code::market(&[certificates])?)
        .await?;
    let hub = site.contract("hub", code::hub(&[market, owner])?).await?;
    let deployment = Deployment {
        chain_id: site.provider.get_chain_id().await?,
        hub,
        token,
        app_registry: apps,
        dataset_registry: datasets,
        workerpool_registry: workerpools,
    };
    site.configure(&deployment).await?;
    site.categories(hub).await?;
    Ok(deployment)
}

struct Site<'a> {
    provider: DynProvider,
    sender: &'a Sender,
    plan: &'a Plan,
}

impl Site<'_> {
    /// The address of a contract, created if it is not there.
    async fn contract(&self, what: &'static str, init_code: Bytes) -> Result<Address, DeployError> {
        let address = proxy::address_of(self.plan.salt, &init_code);
        if !proxy::has_code(&self.provider, address).await? {
            let input = proxy::call(self.plan.salt, &init_code);
            self.sender.send(PROXY, input, U256::ZERO).await?;
            info!(what, %address, "created");
        }
        Ok(address)
    }

    async fn registry(&self, kind: &'static str, init_code: Bytes) -> Result<Address, DeployError> {
        let registry = self.contract(kind, init_code).await?;
        if !self.read(registry, AppRegistry::initializedCall {}).await? {
            let previous_ = Address::ZERO;
            self.write(
                "a registry",
                registry,
                AppRegistry::initializeCall { previous_ },
            )
            .await?;
        }
        let named = !self
            .read(registry, AppRegistry::baseURICall {})
            .await?
            .is_empty();
        if !named && !self.plan.metadata.is_empty() {
            let chain = self.provider.get_chain_id().await?;
            let base = format!("{}{kind}/{chain}/", self.plan.metadata);
            self.write(
                "a registry",
                registry,
                AppRegistry::setBaseURICall { baseUri: base },
            )
            .await?;
        }
        Ok(registry)
    }

    async fn configure(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let found = self.read(deployment.hub, IHub::tokenCall {}).await?;
        if found == deployment.token {
            return Ok(());
        }
        if found != Address::ZERO {
            return Err(DeployError::OtherToken {
                planned: deployment.token,
                found,
            });
        }
        let configure = IHub::configureCall {
            token: deployment.token,
            name: "Staked RLC".into(),
            symbol: "SRLC".into(),
            decimals: 9,
            appregistry: deployment.app_registry,
            datasetregistry: deployment.dataset_registry,
            workerpoolregistry: deployment.workerpool_registry,
            scoreSource: Address::ZERO,
        };
        self.write("the hub's configuration", deployment.hub, configure)
            .await
    }

    async fn categories(&self, hub: Address) -> Result<(), DeployError> {
        let there = self.read(hub, IHub::countCategoryCall {}).await?;
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        for category in self.plan.categories.iter().skip(there) {
            let create = IHub::createCategoryCall {
                name: category.name.clone(),
                description: category.description.clone(),
                workClockTimeRef: U256::from(category.work_clock_time_ref),
            };
            self.write("a category", hub, create).await?;
        }
        Ok(())
    }

    async fn read<C: SolCall>(&self, to: Address, question: C) -> Result<C::Return, DeployError> {
        Ok(call::read(&self.provider, to, question).await?)
    }

    async fn write<C: SolCall>(
        &self,
        what: &'static str,
        to: Address,
        action: C,
    ) -> Result<(), DeployError> {
        let owner = self.read(to, IHub::ownerCall {}).await?;
        if owner != self.sender.address() {
            return Err(DeployError::NotTheOwner { what, owner });
        }
        self.sender
            .send(to, action.abi_encode().into(), U256::ZERO)
            .await?;
        info!(what, %to, "done");
        Ok(())
    }
}
