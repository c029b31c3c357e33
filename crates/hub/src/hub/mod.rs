//! Reading a hub.

mod assets;
mod explain;
mod money;
mod orders;
mod preflight;
mod ranges;
mod tasks;

use alloy::{
    primitives::Address,
    providers::{DynProvider, Provider},
    sol_types::SolCall,
};
use canut_protocol::Domain;

pub use assets::{App, Dataset, Workerpool};
pub(crate) use explain::{Attempt, Vote};
pub use ranges::{Bond, RangeRecord, RangeState};

use crate::{Deployment, Error, Result, bindings::IHub, call, convert::Misfit};

/// A hub, and the chain it lives on. Reads are of the latest block. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Hub {
    provider: DynProvider,
    deployment: Deployment,
}

impl Hub {
    /// The hub at `address`: asks it for its token and its registries.
    pub async fn at(provider: impl Provider + 'static, address: Address) -> Result<Self> {
        let provider = provider.erased();
        let chain_id = provider.get_chain_id().await?;
        let token = call::read(&provider, address, IHub::tokenCall {}).await?;
        let app_registry = call::read(&provider, address, IHub::appregistryCall {}).await?;
        let dataset_registry = call::read(&provider, address, IHub::datasetregistryCall {}).await?;
        let workerpool_registry =
            call::read(&provider, address, IHub::workerpoolregistryCall {}).await?;
        let hub = address;
        let deployment = Deployment {
            chain_id,
            hub,
            token,
            app_registry,
            dataset_registry,
            workerpool_registry,
        };
        Ok(Self {
            provider,
            deployment,
        })
    }

    /// The hub of a known deployment. Nothing is asked.
    pub fn new(provider: impl Provider + 'static, deployment: Deployment) -> Self {
        Self {
            provider: provider.erased(),
            deployment,
        }
    }

    /// Where its contracts are.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.deployment.hub
    }

    /// The node it is read through.
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// What orders for it are signed under.
    pub const fn domain(&self) -> Domain {
        Domain::new(self.deployment.chain_id, self.deployment.hub)
    }

    /// Time of the block that is being made, in seconds since the epoch; of the latest one if the node does not say.
    pub async fn now(&self) -> Result<u64> {
        let pending = self
            .provider
            .get_block_by_number(alloy::eips::BlockNumberOrTag::Pending)
            .await;
        if let Ok(Some(block)) = pending {
            return Ok(block.header.timestamp);
        }
        let latest = self
            .provider
            .get_block_by_number(alloy::eips::BlockNumberOrTag::Latest)
            .await?;
        latest
            .map(|block| block.header.timestamp)
            .ok_or_else(|| self.odd("time"))
    }

    pub(crate) async fn ask<C: SolCall>(&self, question: C) -> Result<C::Return> {
        call::read(&self.provider, self.deployment.hub, question).await
    }

    /// What to say when an answer cannot be of a hub.
    pub(crate) const fn odd(&self, what: &'static str) -> Error {
        Error::NotAHub {
            address: self.deployment.hub,
            what,
        }
    }

    fn fit<T>(&self, answer: Result<T, Misfit>, what: &'static str) -> Result<T> {
        answer.map_err(|Misfit| self.odd(what))
    }
}
