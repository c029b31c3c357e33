//! The JSON-RPC server: `eth_*`, `net_*`, `web3_*`, `txpool_*`, `debug_*`, and methods for
//! developers.

mod accounts;
mod arity;
mod blocks;
mod budget;
mod calls;
mod connections;
mod convert;
mod debug;
mod dev;
mod errors;
mod fees;
mod fill;
mod filters;
mod logs;
mod message;
mod params;
mod pool;
mod server;
mod socket;
mod transactions;

use crate::{
    clock::Clock,
    engine::Core,
    executor::BlockCtx,
    mempool::Pool,
    metrics::Metrics,
    shape::Shape,
    solo::Solo,
    store::{SealedBlock, Snapshot, Version},
};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use errors::{RpcError, RpcResult};
use message::{Call, raw};
use params::Params;
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Semaphore, broadcast};

pub(crate) use dev::Developer;
pub(crate) use filters::Filters;
pub(crate) use server::{Server, serve};

/// What a client may ask at once. Beyond, the answer is an error that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one request.
    pub request_bytes: usize,
    /// Calls of one batch.
    pub batch: usize,
    /// Bytes of one answer; a batch shares them.
    pub response_bytes: usize,
    /// Blocks that `eth_getLogs` looks at.
    pub log_blocks: u64,
    /// Logs that it answers.
    pub logs: usize,
    /// Addresses, or topics of a position, in a filter.
    pub filter_values: usize,
    /// Filters in all.
    pub filters: usize,
    /// A filter that nobody asks for lives this long.
    pub filter_life: Duration,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// A connection from which nothing comes, and to which nothing goes, is closed after this time.
    pub idle: Duration,
    /// Connections in all.
    pub connections: usize,
    /// Calls that execute or search, at once.
    pub heavy: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 5 << 20,
            batch: 1000,
            response_bytes: 25 << 20,
            log_blocks: 100_000,
            logs: 20_000,
            filter_values: 1000,
            filters: 10_000,
            filter_life: Duration::from_secs(300),
            subscriptions: 128,
            idle: Duration::from_secs(120),
            connections: 4096,
            heavy: 16,
        }
    }
}

/// Everything that methods work on.
pub(crate) struct Api {
    pub(crate) core: Arc<Core>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) solo: Solo,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) filters: Filters,
    /// Hashes of transactions that entered the pool.
    pub(crate) pending: broadcast::Sender<B256>,
    pub(crate) heavy: Arc<Semaphore>,
    /// Keys and methods of a development chain.
    pub(crate) developer: Option<Developer>,
    pub(crate) shape: Arc<Shape>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A state that a call names, and the block to run in.
pub(crate) struct Place {
    pub(crate) state: Snapshot,
    pub(crate) ctx: BlockCtx,
}

/// Methods that execute or search: they run beside the others, a few at a time.
fn is_heavy(method: &str) -> bool {
    matches!(
        method,
        "eth_call"
            | "eth_estimateGas"
            | "eth_createAccessList"
            | "eth_fillTransaction"
            | "eth_getLogs"
            | "eth_getFilterLogs"
            | "eth_getFilterChanges"
            | "eth_getProof"
    ) || method.starts_with("debug_")
        || method.starts_with("txpool_")
}

impl Api {
    /// Answers a call that needs no connection of its own.
    pub(crate) async fn answer(self: &Arc<Self>, call: &Call<'_>) -> RpcResult<Box<RawValue>> {
        let result = self.run(&call.method, &call.params).await;
        self.count(&call.method, &result);
        result
    }

    async fn run(self: &Arc<Self>, method: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let most = arity::most(method).ok_or_else(|| RpcError::no_method(method))?;
        if matches!(method, "eth_subscribe" | "eth_unsubscribe") {
            return Err(RpcError::no_notifications());
        }
        if dev::is_dev(method) {
            let developer = self.developer.as_ref();
            let developer = developer.ok_or_else(|| RpcError::no_method(method))?;
            params.at_most(most)?;
            return self.developer_answer(developer, method, params).await;
        }
        params.at_most(most)?;
        if is_heavy(method) {
            self.beside(method, params).await
        } else {
            self.light(method, params)
        }
    }

    fn count(&self, method: &str, result: &RpcResult<Box<RawValue>>) {
        // Unknown names are not counted by name: a client could invent any number.
        let unknown = matches!(result, Err(error) if error.code == -32601);
        let label = if unknown { "unknown" } else { method };
        self.metrics.calls.with_label_values(&[label]).inc();
        if result.is_err() {
            self.metrics.errors.with_label_values(&[label]).inc();
        }
    }

    async fn beside(
        self: &Arc<Self>,
        method: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        let stopped = || RpcError::server("the node is shutting down");
        let permit = Arc::clone(&self.heavy)
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let (api, method, params) = (Arc::clone(self), method.to_owned(), params.to_owned());
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            api.heavy(&method, &Params::of(&params))
        });
        work.await
            .map_err(|_| RpcError::internal("the call failed"))?
    }

    fn heavy(&self, method: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        match method {
            "eth_call" => raw(&self.call(params)?),
            "eth_estimateGas" => raw(&self.estimate_gas(params)?),
            "eth_createAccessList" => raw(&self.create_access_list(params)?),
            "eth_fillTransaction" => raw(&self.fill_transaction(params.get(0)?)?),
            "eth_getLogs" => raw(&self.get_logs(&params.get(0)?)?),
            "eth_getFilterChanges" => self.filter_changes(params),
            "eth_getFilterLogs" => raw(&self.filter_logs(params)?),
            "eth_getProof" => raw(&self.get_proof(params)?),
            "debug_traceTransaction" => self.trace_transaction(params),
            "debug_traceCall" => self.trace_call(params),
            "debug_traceBlockByNumber" | "debug_traceBlockByHash" => self.trace_block(params),
            "txpool_status" => raw(&self.pool_status()),
            "txpool_content" => raw(&self.pool_content()),
            "txpool_inspect" => raw(&self.pool_inspect()),
            "txpool_contentFrom" => raw(&self.pool_content_from(params.get(0)?)),
            _ => Err(RpcError::no_method(method)),
        }
    }

    fn light(&self, method: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        match method {
            "eth_sendRawTransaction" => raw(&self.send_raw(params.get(0)?)?),
            "eth_getTransactionReceipt" => self.receipt(params.get(0)?),
            "eth_getTransactionByHash" => raw(&self.transaction(params.get(0)?)?),
            "eth_getRawTransactionByHash" => raw(&self.raw_transaction(params.get(0)?)?),
            "eth_chainId" => raw(&quantity(self.core.rules.chain_id)),
            "eth_blockNumber" => raw(&quantity(self.head().head.number())),
            "eth_getBalance" => raw(&self.balance(params)?),
            "eth_getCode" => raw(&self.code(params)?),
            "eth_getStorageAt" => raw(&self.storage(params)?),
            "eth_getTransactionCount" => raw(&quantity(self.nonce(params)?)),
            "eth_accounts" => raw(&self
                .developer
                .as_ref()
                .map(Developer::accounts)
                .unwrap_or_default()),
            "eth_syncing" => raw(&false),
            "eth_mining" => raw(&true),
            "eth_coinbase" => raw(&self.shape.beneficiary()),
            "eth_protocolVersion" => raw(&"0x44"),
            "eth_gasPrice" => raw(&quantity(self.gas_price())),
            "eth_maxPriorityFeePerGas" => raw(&quantity(self.priority_fee())),
            "eth_blobBaseFee" => raw(&quantity(1u64)),
            "eth_feeHistory" => raw(&self.fee_history(params)?),
            "net_version" => raw(&self.core.rules.chain_id.to_string()),
            "net_listening" => raw(&true),
            "net_peerCount" => raw(&"0x0"),
            "web3_clientVersion" => raw(&client_version()),
            "web3_sha3" => raw(&alloy_primitives::keccak256(params.get::<Bytes>(0)?)),
            "eth_newFilter" => raw(&self.new_log_filter(params.get(0)?)?),
            "eth_newBlockFilter" => raw(&self.new_block_filter()?),
            "eth_newPendingTransactionFilter" => raw(&self.new_pending_filter()?),
            "eth_uninstallFilter" => raw(&self.filters.remove(&params.get::<String>(0)?)),
            _ => self.block_methods(method, params),
        }
    }

    /// The newest durable version.
    pub(crate) fn head(&self) -> Arc<Version> {
        self.core.store.head()
    }

    /// The height that a block id names; `None` if there is no such block.
    pub(crate) fn height(&self, version: &Version, id: BlockId) -> RpcResult<Option<u64>> {
        let head = version.head.number();
        Ok(match id {
            BlockId::Hash(hash) => version.height(&hash.block_hash)?,
            BlockId::Number(BlockNumberOrTag::Earliest) => Some(0),
            BlockId::Number(BlockNumberOrTag::Number(number)) => (number <= head).then_some(number),
            // Every block is final once it is durable.
            BlockId::Number(_) => Some(head),
        })
    }

    /// The state and the block that a call with this id runs in.
    pub(crate) fn place(&self, id: Option<BlockId>) -> RpcResult<Place> {
        let version = self.head();
        let id = id.unwrap_or_default();
        let number = self
            .height(&version, id)?
            .ok_or_else(|| RpcError::no_header(&id))?;
        let present = matches!(
            id,
            BlockId::Number(BlockNumberOrTag::Pending | BlockNumberOrTag::Latest)
        );
        let header = version
            .header(number)?
            .ok_or_else(|| RpcError::no_header(&id))?
            .1;
        let state = Snapshot::at(&version, number).ok_or_else(|| {
            RpcError::server(format!(
                "historical state {} is not available",
                header.state_root
            ))
        })?;
        let mut ctx = crate::engine::context_of(&header);
        if present {
            // Whoever asks about now, asks about what the next block will see.
            ctx.timestamp = self.clock.peek(header.timestamp);
        }
        if id == BlockId::Number(BlockNumberOrTag::Pending) {
            ctx = self.next_context(&version.head);
        }
        Ok(Place { state, ctx })
    }

    /// What the block after `parent` would be made with.
    pub(crate) fn next_context(&self, parent: &SealedBlock) -> BlockCtx {
        let time = self.clock.peek(parent.header.timestamp);
        self.shape.context(&self.core.rules, parent, time)
    }
}

/// A number as JSON-RPC writes it.
pub(crate) fn quantity(value: impl Into<u128>) -> String {
    format!("{:#x}", value.into())
}

/// What `web3_clientVersion` answers.
fn client_version() -> String {
    format!(
        "Canut/v{}/{}-{}/rust",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
