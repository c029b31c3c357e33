//! Methods of development chains: keys that the node holds, time, snapshots, and changes of state.

mod edit;
mod settings;
mod sign;
mod time;

use super::{
    Api,
    errors::{RpcError, RpcResult},
    message::raw,
    params::Params,
};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, U256, map::AddressHashSet};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// What a development chain has besides.
#[derive(Debug)]
pub(crate) struct Developer {
    keys: Vec<PrivateKeySigner>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    impersonated: AddressHashSet,
    /// Whoever sends may be anyone.
    impersonate_all: bool,
    snapshots: Vec<Snapshot>,
    last_snapshot: u64,
}

/// A state to come back to.
#[derive(Clone, Copy, Debug)]
struct Snapshot {
    id: u64,
    mark: u64,
    offset: i64,
}

/// A number, in hexadecimal or decimal, as a string or not.
struct Number(U256);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(U256),
            Plain(u64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(value) => value,
            Either::Plain(value) => U256::from(value),
        }))
    }
}

impl Number {
    fn small(self) -> RpcResult<u64> {
        u64::try_from(self.0).map_err(|_| RpcError::params("number too large"))
    }
}

impl Developer {
    pub(crate) fn new(keys: Vec<PrivateKeySigner>) -> Self {
        Self {
            keys,
            inner: Mutex::default(),
        }
    }

    /// Whom the node sends for: the owners of its keys, then those impersonated.
    pub(crate) fn accounts(&self) -> Vec<Address> {
        let mut accounts: Vec<_> = self.keys.iter().map(PrivateKeySigner::address).collect();
        let inner = self.inner.lock();
        let mut others: Vec<_> = inner.impersonated.iter().copied().collect();
        others.retain(|address| !accounts.contains(address));
        others.sort_unstable();
        accounts.append(&mut others);
        accounts
    }

    /// Whether transactions may be sent from an account.
    fn may_send(&self, address: &Address) -> bool {
        let inner = self.inner.lock();
        inner.impersonate_all || inner.impersonated.contains(address) || self.key(*address).is_ok()
    }

    fn key(&self, address: Address) -> RpcResult<&PrivateKeySigner> {
        let key = self.keys.iter().find(|key| key.address() == address);
        key.ok_or_else(|| RpcError::server("unknown account"))
    }
}

/// Whether a method is for developers only.
pub(super) fn is_dev(method: &str) -> bool {
    ["evm_", "hardhat_", "anvil_"]
        .iter()
        .any(|prefix| method.starts_with(prefix))
        || matches!(
            method,
            "eth_sendTransaction"
                | "eth_signTransaction"
                | "eth_requestAccounts"
                | "eth_sign"
                | "personal_sign"
                | "eth_signTypedData_v4"
        )
}

impl Api {
    pub(super) async fn developer_answer(
        self: &Arc<Self>,
        developer: &Developer,
        method: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        // The same method, whichever tool's name it is called by.
        let name = method
            .strip_prefix("hardhat_")
            .or_else(|| method.strip_prefix("anvil_"));
        let name = name
            .or_else(|| method.strip_prefix("evm_"))
            .unwrap_or(method);
        match name {
            "eth_requestAccounts" => raw(&developer.accounts()),
            "eth_sendTransaction" => {
                let hash = self.send_transaction(developer, params.get(0)?)?;
                // Tools that let the node sign expect the transaction to be done when this answers.
                self.solo.run(|_| ()).await?;
                raw(&hash)
            }
            "eth_signTransaction" => raw(&self.sign_transaction(developer, params.get(0)?)?),
            "eth_sign" => raw(&sign::sign(developer, params.get(0)?, &params.get(1)?)?),
            "personal_sign" => raw(&sign::sign(developer, params.get(1)?, &params.get(0)?)?),
            "eth_signTypedData_v4" => raw(&sign::sign_typed(developer, params)?),
            "impersonateAccount" | "stopImpersonatingAccount" => {
                let (address, mut inner) = (params.get(0)?, developer.inner.lock());
                if name == "impersonateAccount" {
                    inner.impersonated.insert(address);
                } else {
                    inner.impersonated.remove(&address);
                }
                raw(&true)
            }
            "autoImpersonateAccount" => {
                developer.inner.lock().impersonate_all = params.get(0)?;
                raw(&())
            }
            "getAutomine" => raw(&self.solo.run(|sealer| sealer.settings.automine).await?),
            "metadata" => raw(&self.metadata()),
            "nodeInfo" => raw(&self.metadata()),
            "dropTransaction" => {
                let hash: B256 = params.get(0)?;
                let dropped = self.pool.remove(&hash).map(|_| hash);
                if method.starts_with("hardhat_") {
                    raw(&dropped.is_some())
                } else {
                    raw(&dropped)
                }
            }
            "snapshot" | "revert" | "reset" => self.time_travel(developer, name, params).await,
            "mine"
            | "mine_detailed"
            | "increaseTime"
            | "setTime"
            | "setNextBlockTimestamp"
            | "setBlockTimestampInterval"
            | "removeBlockTimestampInterval" => self.time(method, name, params).await,
            "setAutomine"
            | "setIntervalMining"
            | "setNextBlockBaseFeePerGas"
            | "setMinGasPrice"
            | "setCoinbase"
            | "setPrevRandao"
            | "setBlockGasLimit"
            | "setLoggingEnabled"
            | "dropAllTransactions" => self.setting(name, params).await,
            "setBalance" | "addBalance" | "setCode" | "setNonce" | "setStorageAt" => {
                self.edit(name, params).await
            }
            _ => Err(RpcError::no_method(method)),
        }
    }

    fn metadata(&self) -> serde_json::Value {
        let head = self.head();
        serde_json::json!({
            "clientVersion": super::client_version(),
            "chainId": self.core.rules.chain_id,
            "instanceId": head.header(0).ok().flatten().map(|(hash, _)| hash),
            "latestBlockNumber": head.head.number(),
            "latestBlockHash": head.head.hash,
            "hardFork": format!("{:?}", self.core.rules.spec).to_lowercase(),
        })
    }
}
