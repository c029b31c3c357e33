//! Methods of development chains: keys that the node holds, time, snapshots, and changes of state.

use super::{
    Api,
    errors::{RpcError, RpcResult},
    message::{Params, raw},
    quantity,
};
use crate::{executor::simulate::Simulation, solo::Sealer};
use alloy::{
    consensus::{SignableTransaction, TxEnvelope, transaction::Recovered},
    eips::BlockId,
    network::TxSignerSync,
    rpc::types::TransactionRequest,
    signers::{SignerSync, local::PrivateKeySigner},
};
use alloy_primitives::{Address, B256, Bytes, Signature, U256, map::AddressHashSet};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};

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

/// Most blocks of one `hardhat_mine`.
const MINE_BLOCKS: u64 = 100_000;
/// Snapshots that are kept.
const SNAPSHOTS: usize = 10_000;

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

    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.keys.iter().map(PrivateKeySigner::address).collect()
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
                | "eth_sign"
                | "personal_sign"
                | "eth_signTypedData_v4"
        )
}

impl Api {
    pub(super) async fn developer_answer(
        self: &Arc<Self>,
        method: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        let Some(developer) = &self.developer else {
            return Err(RpcError::no_method(method));
        };
        // The same method, whichever tool's name it is called by.
        let name = method
            .strip_prefix("hardhat_")
            .or_else(|| method.strip_prefix("anvil_"));
        let name = name
            .or_else(|| method.strip_prefix("evm_"))
            .unwrap_or(method);
        match name {
            "eth_sendTransaction" => {
                let hash = self.send_transaction(developer, params.get(0)?)?;
                // Tools that let the node sign expect the transaction to be done when this answers.
                self.solo.run(|_| ()).await?;
                raw(&hash)
            }
            "eth_signTransaction" => raw(&self.sign_transaction(developer, params.get(0)?)?),
            "eth_sign" => raw(&sign(developer, params.get(0)?, &params.get(1)?)?),
            "personal_sign" => raw(&sign(developer, params.get(1)?, &params.get(0)?)?),
            "impersonateAccount" | "stopImpersonatingAccount" => {
                let (address, mut inner) = (params.get(0)?, developer.inner.lock());
                if name == "impersonateAccount" {
                    inner.impersonated.insert(address);
                } else {
                    inner.impersonated.remove(&address);
                }
                raw(&(name == "impersonateAccount" || method.starts_with("hardhat_")))
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

    async fn edit(&self, name: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let address: Address = params.get(0)?;
        type Edit = Box<
            dyn FnOnce(&mut crate::state::StateCache<'_>) -> Result<(), crate::state::ReadError>
                + Send,
        >;
        let edit: Edit = match name {
            "setBalance" => {
                let balance = params.get::<Number>(1)?.0;
                Box::new(move |cache| cache.edit(address, |info| info.balance = balance))
            }
            "addBalance" => {
                let more = params.get::<Number>(1)?.0;
                Box::new(move |cache| {
                    cache.edit(address, |info| {
                        info.balance = info.balance.saturating_add(more)
                    })
                })
            }
            "setNonce" => {
                let nonce = params.get::<Number>(1)?.small()?;
                Box::new(move |cache| cache.edit(address, |info| info.nonce = nonce))
            }
            "setCode" => {
                let code: Bytes = params.get(1)?;
                let code = revm::bytecode::Bytecode::new_raw_checked(code);
                let code =
                    code.map_err(|error| RpcError::params(format!("invalid argument 1: {error}")))?;
                Box::new(move |cache| {
                    cache.edit(address, |info| {
                        info.code_hash = code.hash_slow();
                        info.code = Some(code);
                    })
                })
            }
            _ => {
                let slot = params.get::<Number>(1)?.0;
                let value: B256 = params.get(2)?;
                Box::new(move |cache| cache.set_storage(address, slot, value.into()))
            }
        };
        let forget_pool = name == "setNonce";
        self.solo
            .run(move |sealer| {
                if forget_pool {
                    sealer.pool.forget(&address);
                }
                sealer.patch(edit)
            })
            .await??;
        raw(&true)
    }

    async fn time(
        &self,
        method: &str,
        name: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        match name {
            "increaseTime" => {
                let by = i64::try_from(params.get::<Number>(0)?.small()?);
                let by = by.map_err(|_| RpcError::params("number too large"))?;
                let total = self.clock.increase(by);
                // Hardhat answers a string, anvil a number; ethers and viem read neither.
                if method.starts_with("evm_") {
                    raw(&total.to_string())
                } else {
                    raw(&total)
                }
            }
            "setTime" => raw(&self.clock.set(params.get::<Number>(0)?.small()?)),
            "setNextBlockTimestamp" => {
                let (time, now) = (
                    params.get::<Number>(0)?.small()?,
                    self.head().head.header.timestamp,
                );
                if time < now {
                    return Err(RpcError::server(format!(
                        "Timestamp {time} is lower than the previous block's timestamp {now}"
                    )));
                }
                self.clock.set_next(time);
                raw(&quantity(time))
            }
            "setBlockTimestampInterval" => {
                self.clock
                    .set_interval(Some(params.get::<Number>(0)?.small()?));
                raw(&())
            }
            "removeBlockTimestampInterval" => {
                self.clock.set_interval(None);
                raw(&true)
            }
            _ => self.mine(method, params).await,
        }
    }

    /// `evm_mine(time | options)`, or `hardhat_mine(count, interval)`.
    async fn mine(&self, method: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Options {
            Time(Number),
            Object {
                timestamp: Option<Number>,
                blocks: Option<Number>,
            },
        }
        let (count, time, interval) = if method.starts_with("evm_") {
            match params.opt::<Options>(0)? {
                None => (1, None, None),
                Some(Options::Time(time)) => (1, Some(time.small()?), None),
                Some(Options::Object { timestamp, blocks }) => {
                    let count = blocks.map(Number::small).transpose()?.unwrap_or(1);
                    (count, timestamp.map(Number::small).transpose()?, None)
                }
            }
        } else {
            let count = params
                .opt::<Number>(0)?
                .map(Number::small)
                .transpose()?
                .unwrap_or(1);
            (
                count,
                None,
                params.opt::<Number>(1)?.map(Number::small).transpose()?,
            )
        };
        if count > MINE_BLOCKS {
            return Err(RpcError::limit(format!(
                "too many blocks (limit {MINE_BLOCKS})"
            )));
        }
        if let Some(time) = time {
            self.clock.set_next(time);
        }
        for i in 0..count {
            let step = interval.filter(|_| i > 0);
            let sealed = self.solo.run(move |sealer: &mut Sealer| {
                if let Some(step) = step {
                    let last = sealer.core.store.head().head.header.timestamp;
                    sealer.clock.set_next(last.saturating_add(step));
                }
                sealer.seal_now()
            });
            sealed.await??;
        }
        if method.starts_with("evm_") {
            raw(&"0x0")
        } else {
            raw(&true)
        }
    }

    async fn time_travel(
        &self,
        developer: &Developer,
        name: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        match name {
            "snapshot" => {
                let mark = self
                    .solo
                    .run(|sealer| sealer.core.store.head().mark())
                    .await?;
                let mut inner = developer.inner.lock();
                inner.last_snapshot += 1;
                let (id, offset) = (inner.last_snapshot, self.clock.offset());
                inner.snapshots.push(Snapshot { id, mark, offset });
                if inner.snapshots.len() > SNAPSHOTS {
                    inner.snapshots.remove(0);
                }
                self.core
                    .store
                    .pin(inner.snapshots.first().map(|snapshot| snapshot.mark));
                raw(&quantity(id))
            }
            "revert" => {
                let id = params.get::<Number>(0)?.small()?;
                let snapshot = {
                    let mut inner = developer.inner.lock();
                    let at = inner
                        .snapshots
                        .iter()
                        .position(|snapshot| snapshot.id == id);
                    let Some(at) = at else { return raw(&false) };
                    let snapshot = inner.snapshots[at];
                    // A snapshot is used once, and those after it are gone with it.
                    inner.snapshots.truncate(at);
                    snapshot
                };
                self.go_back(snapshot.mark, snapshot.offset).await?;
                let oldest = developer
                    .inner
                    .lock()
                    .snapshots
                    .first()
                    .map(|snapshot| snapshot.mark);
                self.core.store.pin(oldest);
                raw(&true)
            }
            _ => {
                if params
                    .opt::<serde_json::Value>(0)?
                    .is_some_and(|options| options.get("forking").is_some())
                {
                    return Err(RpcError::params("forking another chain is not supported"));
                }
                *developer.inner.lock() = Inner::default();
                self.core.store.pin(None);
                self.go_back(0, 0).await?;
                raw(&true)
            }
        }
    }

    /// Back to a mark; 0 is the genesis.
    async fn go_back(&self, mark: u64, offset: i64) -> RpcResult<()> {
        self.solo
            .run(move |sealer: &mut Sealer| {
                sealer.clock.rewind(offset);
                if mark == 0 {
                    sealer.restart()
                } else {
                    sealer.revert(mark)
                }
            })
            .await??;
        Ok(())
    }

    async fn setting(&self, name: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        match name {
            "setAutomine" => {
                let on: bool = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.automine = on)
                    .await?;
            }
            "setIntervalMining" => {
                // Hardhat counts milliseconds, and so do we.
                let time = params.get::<Number>(0)?.small()?;
                let time = (time > 0).then(|| Duration::from_millis(time));
                self.solo
                    .run(move |sealer| sealer.set_block_time(time))
                    .await?;
            }
            "setNextBlockBaseFeePerGas" => {
                let fee = params.get::<Number>(0)?.small()?;
                self.solo
                    .run(move |sealer| sealer.settings.next_base_fee = Some(fee))
                    .await?;
                self.shape.write().base_fee = Some(fee);
            }
            "setCoinbase" => {
                let beneficiary: Address = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.beneficiary = beneficiary)
                    .await?;
                self.shape.write().beneficiary = beneficiary;
            }
            "setPrevRandao" => {
                let value: B256 = params.get(0)?;
                self.solo
                    .run(move |sealer| sealer.settings.next_prev_randao = Some(value))
                    .await?;
            }
            "setBlockGasLimit" => {
                let limit = params.get::<Number>(0)?.small()?;
                self.solo
                    .run(move |sealer| sealer.settings.gas_limit = limit)
                    .await?;
                self.shape.write().gas_limit = limit;
            }
            "dropAllTransactions" => self.pool.clear(),
            // Base fee and log lines are what they are.
            _ => {}
        }
        raw(&true)
    }

    /// Fills what a request leaves open.
    fn fill(&self, mut request: TransactionRequest) -> RpcResult<(Address, TransactionRequest)> {
        let developer_first = || {
            self.developer
                .as_ref()
                .and_then(|developer| developer.addresses().first().copied())
        };
        let from = request
            .from
            .or_else(developer_first)
            .ok_or_else(|| RpcError::server("unknown account"))?;
        request.from = Some(from);
        let place = self.place(Some(BlockId::pending()))?;
        if request.nonce.is_none() {
            let nonce = crate::state::StateReader::account(&place.state, from)?
                .map_or(0, |account| account.nonce);
            request.nonce = Some(
                self.pool
                    .next_nonce(&from)
                    .map_or(nonce, |next| next.max(nonce)),
            );
        }
        request.chain_id = Some(self.core.rules.chain_id);
        if request.to.is_none() {
            request.to = Some(alloy_primitives::TxKind::Create);
        }
        if request.gas_price.is_none() {
            let tip = request
                .max_priority_fee_per_gas
                .unwrap_or_else(|| self.priority_fee());
            request.max_priority_fee_per_gas = Some(tip);
            request
                .max_fee_per_gas
                .get_or_insert(u128::from(place.ctx.base_fee) * 2 + tip);
        }
        if request.gas.is_none() {
            let simulation = Simulation::new(&self.core.rules, &place.state, &place.ctx);
            request.gas = Some(simulation.estimate(&request)?);
        }
        Ok((from, request))
    }

    fn signed(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<Recovered<TxEnvelope>> {
        let (from, request) = self.fill(request)?;
        let typed = request.build_typed_tx();
        let mut typed = typed.map_err(|_| {
            RpcError::params("invalid argument 0: fields of several transaction types")
        })?;
        let signature = match developer.key(from) {
            Ok(key) => key
                .sign_transaction_sync(&mut typed)
                .map_err(|error| RpcError::internal(error.to_string()))?,
            Err(unknown) => {
                let inner = developer.inner.lock();
                if !inner.impersonate_all && !inner.impersonated.contains(&from) {
                    return Err(unknown);
                }
                // No key, no signature: one that names the sender, so that hashes differ between senders.
                Signature::new(U256::from_be_slice(from.as_slice()), U256::ONE, false)
            }
        };
        let tx: TxEnvelope = typed.into_signed(signature).into();
        self.validation(|validation| validation.check_of(&tx, from))?;
        Ok(Recovered::new_unchecked(tx, from))
    }

    fn send_transaction(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<B256> {
        Ok(self.enqueue(self.signed(developer, request)?)?)
    }

    fn sign_transaction(
        &self,
        developer: &Developer,
        request: TransactionRequest,
    ) -> RpcResult<Bytes> {
        developer.key(request.from.unwrap_or_default())?;
        let tx = self.signed(developer, request)?;
        Ok(alloy::eips::eip2718::Encodable2718::encoded_2718(tx.inner()).into())
    }
}

/// EIP-191.
fn sign(developer: &Developer, address: Address, message: &Bytes) -> RpcResult<Bytes> {
    let signature = developer.key(address)?.sign_message_sync(message);
    Ok(signature
        .map_err(|error| RpcError::internal(error.to_string()))?
        .as_bytes()
        .into())
}
