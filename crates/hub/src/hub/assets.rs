//! Apps, datasets and workerpools.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolCall,
};
use canut_protocol::matching::Policy;
use serde::{Deserialize, Serialize};

use super::Hub;
use crate::{
    Error, Refusal, Result,
    bindings::{
        AppRegistry, DatasetRegistry, IHub, Workerpool as WorkerpoolContract, WorkerpoolRegistry,
    },
    call,
    events::AssetKind,
};

/// What describes an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its name.
    pub name: String,
    /// What runs it, for instance `DOCKER`.
    pub kind: String,
    /// Where its code is.
    pub multiaddr: Bytes,
    /// Checksum of its code.
    pub checksum: B256,
    /// For enclaves: what its code measures, by convention a JSON object.
    pub mrenclave: Bytes,
}

/// What describes a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Where its encrypted content is.
    pub multiaddr: Bytes,
    /// SHA-256 of its encrypted content.
    pub checksum: B256,
}

/// What describes a workerpool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workerpool {
    /// Free text.
    pub description: String,
    /// What it asks of its workers.
    pub policy: Policy,
}

impl Hub {
    /// An app, and who owns it; `None` when none is registered at that address.
    pub async fn app(&self, app: Address) -> Result<Option<(Address, App)>> {
        let Some(owner) = self.asset_owner(AssetKind::App, app).await? else {
            return Ok(None);
        };
        let info = self.ask(IHub::viewAppCall { app }).await?;
        let described = App {
            name: info.m_appName,
            kind: info.m_appType,
            multiaddr: info.m_appMultiaddr,
            checksum: info.m_appChecksum,
            mrenclave: info.m_appMREnclave,
        };
        Ok(Some((owner, described)))
    }

    /// A dataset, and who owns it; `None` when none is registered at that address.
    pub async fn dataset(&self, dataset: Address) -> Result<Option<(Address, Dataset)>> {
        let Some(owner) = self.asset_owner(AssetKind::Dataset, dataset).await? else {
            return Ok(None);
        };
        let info = self.ask(IHub::viewDatasetCall { dataset }).await?;
        let described = Dataset {
            name: info.m_datasetName,
            multiaddr: info.m_datasetMultiaddr,
            checksum: info.m_datasetChecksum,
        };
        Ok(Some((owner, described)))
    }

    /// A workerpool, and who owns it; `None` when none is registered at that address.
    pub async fn workerpool(&self, workerpool: Address) -> Result<Option<(Address, Workerpool)>> {
        let Some(owner) = self.asset_owner(AssetKind::Workerpool, workerpool).await? else {
            return Ok(None);
        };
        let info = self.ask(IHub::viewWorkerpoolCall { workerpool }).await?;
        let policy = self.policy_of(
            info.m_workerStakeRatioPolicy,
            info.m_schedulerRewardRatioPolicy,
        )?;
        Ok(Some((
            owner,
            Workerpool {
                description: info.m_workerpoolDescription,
                policy,
            },
        )))
    }

    /// What a workerpool asks of its workers at present.
    pub async fn policy(&self, workerpool: Address) -> Result<Policy> {
        let stake = self
            .ask_at(
                workerpool,
                WorkerpoolContract::m_workerStakeRatioPolicyCall {},
            )
            .await?;
        let reward = self
            .ask_at(
                workerpool,
                WorkerpoolContract::m_schedulerRewardRatioPolicyCall {},
            )
            .await?;
        self.policy_of(stake, reward)
    }

    fn policy_of(&self, worker_stake_ratio: U256, scheduler_reward_ratio: U256) -> Result<Policy> {
        let scheduler_reward_ratio = u8::try_from(scheduler_reward_ratio)
            .map_err(|_| self.odd("schedulerRewardRatioPolicy"))?;
        Ok(Policy {
            worker_stake_ratio,
            scheduler_reward_ratio,
        })
    }

    /// Who owns a registered asset; `None` when none of that kind is registered at that address.
    pub async fn asset_owner(&self, kind: AssetKind, asset: Address) -> Result<Option<Address>> {
        let question = AppRegistry::registeredOwnerCall { entry: asset };
        match self.ask_at(self.registry(kind), question).await {
            Ok(owner) => Ok((owner != Address::ZERO).then_some(owner)),
            Err(Error::Refused(Refusal::Silent)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Number of assets of an account.
    pub async fn asset_count(&self, kind: AssetKind, owner: Address) -> Result<u64> {
        let count = self
            .ask_at(self.registry(kind), AppRegistry::balanceOfCall { owner })
            .await?;
        self.fit(crate::convert::small(count), "balanceOf")
    }

    /// The asset of an account at `index`, which is below their number.
    pub async fn asset_at(&self, kind: AssetKind, owner: Address, index: u64) -> Result<Address> {
        let question = AppRegistry::tokenOfOwnerByIndexCall {
            owner,
            index: U256::from(index),
        };
        Ok(crate::convert::asset(
            self.ask_at(self.registry(kind), question).await?,
        ))
    }

    /// The address that an app of `owner` has, or will have.
    pub async fn predict_app(&self, owner: Address, app: &App) -> Result<Address> {
        let App {
            name,
            kind,
            multiaddr,
            checksum,
            mrenclave,
        } = app.clone();
        let question = AppRegistry::predictAppCall {
            appOwner: owner,
            appName: name,
            appType: kind,
            appMultiaddr: multiaddr,
            appChecksum: checksum,
            appMREnclave: mrenclave,
        };
        self.ask_at(self.registry(AssetKind::App), question).await
    }

    /// The address that a dataset of `owner` has, or will have.
    pub async fn predict_dataset(&self, owner: Address, dataset: &Dataset) -> Result<Address> {
        let Dataset {
            name,
            multiaddr,
            checksum,
        } = dataset.clone();
        let question = DatasetRegistry::predictDatasetCall {
            datasetOwner: owner,
            datasetName: name,
            datasetMultiaddr: multiaddr,
            datasetChecksum: checksum,
        };
        self.ask_at(self.registry(AssetKind::Dataset), question)
            .await
    }

    /// The address that a workerpool of `owner` has, or will have.
    pub async fn predict_workerpool(&self, owner: Address, description: &str) -> Result<Address> {
        let question = WorkerpoolRegistry::predictWorkerpoolCall {
            workerpoolOwner: owner,
            workerpoolDescription: description.to_owned(),
        };
        self.ask_at(self.registry(AssetKind::Workerpool), question)
            .await
    }

    /// The registry of a kind of assets.
    pub const fn registry(&self, kind: AssetKind) -> Address {
        match kind {
            AssetKind::App => self.deployment.app_registry,
            AssetKind::Dataset => self.deployment.dataset_registry,
            AssetKind::Workerpool => self.deployment.workerpool_registry,
        }
    }

    async fn ask_at<C: SolCall>(&self, to: Address, question: C) -> Result<C::Return> {
        call::read(&self.provider, to, question).await
    }
}
