//! Creating assets, and a workerpool's policy.

use alloy::primitives::{Address, U256};
use canut_protocol::matching::Policy;

use super::{Caller, Receipt};
use crate::{
    Event, Result,
    bindings::{
        AppRegistry, DatasetRegistry, Workerpool as WorkerpoolContract, WorkerpoolRegistry,
    },
    events::AssetKind,
    hub::{App, Dataset},
};

impl Caller {
    /// Registers an app for `owner`.
    pub async fn create_app(&self, owner: Address, app: &App) -> Result<Receipt<Address>> {
        let App {
            name,
            kind,
            multiaddr,
            checksum,
            mrenclave,
        } = app.clone();
        let call = AppRegistry::createAppCall {
            appOwner: owner,
            appName: name,
            appType: kind,
            appMultiaddr: multiaddr,
            appChecksum: checksum,
            appMREnclave: mrenclave,
        };
        self.create(AssetKind::App, call).await
    }

    /// Registers a dataset for `owner`.
    pub async fn create_dataset(
        &self,
        owner: Address,
        dataset: &Dataset,
    ) -> Result<Receipt<Address>> {
        let Dataset {
            name,
            multiaddr,
            checksum,
        } = dataset.clone();
        let call = DatasetRegistry::createDatasetCall {
            datasetOwner: owner,
            datasetName: name,
            datasetMultiaddr: multiaddr,
            datasetChecksum: checksum,
        };
        self.create(AssetKind::Dataset, call).await
    }

    /// Registers a workerpool for `owner`, with the default policy.
    pub async fn create_workerpool(
        &self,
        owner: Address,
        description: &str,
    ) -> Result<Receipt<Address>> {
        let call = WorkerpoolRegistry::createWorkerpoolCall {
            workerpoolOwner: owner,
            workerpoolDescription: description.to_owned(),
        };
        self.create(AssetKind::Workerpool, call).await
    }

    /// Changes what a workerpool of the caller asks of its workers, for deals to come.
    pub async fn change_policy(&self, workerpool: Address, policy: Policy) -> Result<Receipt> {
        let call = WorkerpoolContract::changePolicyCall {
            newWorkerStakeRatioPolicy: policy.worker_stake_ratio,
            newSchedulerRewardRatioPolicy: U256::from(policy.scheduler_reward_ratio),
        };
        self.call_at(workerpool, call).await
    }

    /// Gives an asset of the caller to another account.
    pub async fn transfer_asset(
        &self,
        kind: AssetKind,
        asset: Address,
        to: Address,
    ) -> Result<Receipt> {
        let token_id = U256::from_be_bytes(asset.into_word().0);
        let call = AppRegistry::transferFromCall {
            from: self.address(),
            to,
            tokenId: token_id,
        };
        self.call_at(self.hub.registry(kind), call).await
    }

    async fn create<C: alloy::sol_types::SolCall>(
        &self,
        kind: AssetKind,
        call: C,
    ) -> Result<Receipt<Address>> {
        let receipt = self.call_at(self.hub.registry(kind), call).await?;
        self.found(receipt, "Transfer", |event| match event {
            Event::Asset { asset, .. } => Some(*asset),
            _ => None,
        })
    }
}
