//! The market that is measured, its wallets, and the chain under it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256, keccak256};
use canut_market::{
    Config, Server,
    chain::{AssetKind, Event, memory::MemoryChain},
    sqlite_url,
};
use canut_protocol::{Domain, Nrlc, category};
use eyre::{OptionExt, Result, ensure};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::{Args, orders::PER_WALLET};
use crate::http::Connection;

pub(super) const CHAIN: u64 = 31_337;

/// Stake of a wallet, enough for any of its orders.
const STAKE: u64 = 1_000_000_000_000;

/// A key that owns an app, a dataset and a workerpool.
#[derive(Debug)]
pub(super) struct Wallet {
    key: SecretKey,
    pub(super) address: Address,
    pub(super) app: Address,
    pub(super) dataset: Address,
    pub(super) workerpool: Address,
}

/// An address or a key of its own for each name and number.
fn named(name: &str, number: usize) -> B256 {
    keccak256(format!("{name} {number}"))
}

impl Wallet {
    pub(super) fn new(number: usize) -> Result<Self> {
        let key = SecretKey::from_byte_array(named("key", number).0)?;
        let [_, point @ ..] = key.public_key(SECP256K1).serialize_uncompressed();
        let asset = |name| Address::from_word(named(name, number));
        Ok(Self {
            key,
            address: Address::from_word(keccak256(point)),
            app: asset("app"),
            dataset: asset("dataset"),
            workerpool: asset("workerpool"),
        })
    }

    /// Whether its app is also offered in a TEE.
    pub(super) fn runs_in_tee(&self) -> bool {
        self.app.0[0].is_multiple_of(2)
    }

    /// Signs as wallets do: r, s, and v of 27 or 28.
    pub(super) fn sign(&self, digest: B256) -> [u8; 65] {
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.key);
        let (recovery, rs) = signature.serialize_compact();
        let mut sign = [27; 65];
        sign[..64].copy_from_slice(&rs);
        sign[64] += u8::from(i32::from(recovery) == 1);
        sign
    }
}

/// A market with nothing in its book, and who will fill it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) domain: Domain,
    pub(super) wallets: Arc<[Wallet]>,
    chain: MemoryChain,
    config: Config,
    server: Server,
    _folder: TempDir,
}

impl World {
    pub(super) async fn open(args: &Args, runtime: &Handle) -> Result<Self> {
        let domain = Domain::new(CHAIN, Address::repeat_byte(0x4b));
        let count = args.orders.div_ceil(PER_WALLET).max(2);
        let wallets: Arc<[_]> = (0..count).map(Wallet::new).collect::<Result<_>>()?;
        let chain = MemoryChain::default();
        chain.mine(genesis(&wallets));
        let folder = tempfile::tempdir()?;
        let storage = match &args.storage {
            Some(url) => url.clone(),
            None => sqlite_url(&folder.path().join("market.sqlite")).ok_or_eyre("no folder")?,
        };
        let config = Config::new(domain, storage);
        let server = start(&config, &chain, runtime).await?;
        Ok(Self {
            domain,
            wallets,
            chain,
            config,
            server,
            _folder: folder,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Replaces the newest block by another one; how long the market takes to follow.
    pub(super) async fn reorganise(&self) -> Duration {
        let head = self.chain.mine(Vec::new());
        if let Some(tip) = self.chain.tip() {
            self.server.reached(tip).await;
        }
        let start = Instant::now();
        self.chain.reorganise(head - 1, vec![Vec::new()]);
        if let Some(tip) = self.chain.tip() {
            self.server.reached(tip).await;
        }
        start.elapsed()
    }

    /// Stops the market and starts it again; how long the start takes, and how many orders are open then.
    pub(super) async fn restart(self, runtime: &Handle) -> Result<(Duration, u64)> {
        let before = open_orders(self.server.address()).await?;
        self.server.stop().await;
        let begin = Instant::now();
        let server = start(&self.config, &self.chain, runtime).await?;
        let started = begin.elapsed();
        let after = open_orders(server.address()).await?;
        ensure!(
            before == after,
            "{before} orders were open, after a restart {after} are"
        );
        server.stop().await;
        Ok((started, after))
    }
}

/// Starts it on its own runtime, and waits until it knows the chain.
async fn start(config: &Config, chain: &MemoryChain, runtime: &Handle) -> Result<Server> {
    let (config, view) = (config.clone(), Arc::new(chain.clone()));
    let server = runtime.spawn(Server::start(config, view)).await??;
    if let Some(tip) = chain.tip() {
        server.reached(tip).await;
    }
    Ok(server)
}

async fn open_orders(address: SocketAddr) -> Result<u64> {
    let path = format!("/metrics?chainId={CHAIN}");
    let (_, body) = Connection::open(address).await?.get(&path).await?;
    let counts: Value = serde_json::from_slice(&body)?;
    let kinds = [
        "apporders",
        "datasetorders",
        "workerpoolorders",
        "requestorders",
    ];
    Ok(kinds.iter().filter_map(|kind| counts[*kind].as_u64()).sum())
}

fn genesis(wallets: &[Wallet]) -> Vec<Event> {
    let categories = (0..).zip(category::defaults());
    let mut events: Vec<_> = categories
        .map(|(id, category)| Event::Category {
            id,
            category,
            transaction: B256::ZERO,
        })
        .collect();
    for wallet in wallets {
        let owner = wallet.address;
        for (kind, asset) in [
            (AssetKind::App, wallet.app),
            (AssetKind::Dataset, wallet.dataset),
            (AssetKind::Workerpool, wallet.workerpool),
        ] {
            events.push(Event::Owner { kind, asset, owner });
        }
        events.push(Event::Stake {
            from: Address::ZERO,
            to: owner,
            amount: Nrlc::new(STAKE),
        });
    }
    events
}
