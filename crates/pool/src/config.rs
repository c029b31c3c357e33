//! What a pool needs to know to run.

use std::{collections::BTreeSet, net::SocketAddr, num::NonZeroU32, path::PathBuf};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use canut_hub::{SenderConfig, events::FollowConfig};
use canut_protocol::range::audit::Rates;

use crate::{archive::ArchiveLimits, ranges::RangeSettings, schedule::Settings};

/// Most tasks of a range, unless told otherwise: gas for one task falls to that of its place in a bitmap, and a disagreement
/// still concerns few tasks.
pub const STRIDE: u16 = 64;

/// Settings of a pool's service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on, for sessions and HTTP.
    pub listen: SocketAddr,
    /// Where the world reaches it, for iExec's tools: a URL. Without one they are told the host that they asked.
    pub url: Option<String>,
    /// HTTP requests per minute from one address; this machine is exempt.
    pub requests_per_minute: NonZeroU32,
    /// The node: an `http` or `ws` URL.
    pub rpc: String,
    /// The hub.
    pub hub: Address,
    /// The workerpool.
    pub workerpool: Address,
    /// Key of its owner. Nobody else may send transactions with it meanwhile.
    pub key: PrivateKeySigner,
    /// The store that workers upload results to: URL of its gateway.
    pub store: String,
    /// The folder of its database.
    pub folder: PathBuf,
    /// Block to read the chain from, when nothing was read before: not after the pool's first deal.
    pub start_block: u64,
    /// Workers that are let in; everybody, if nobody is named.
    pub admitted: Option<BTreeSet<Address>>,
    /// Least speed of one core of a worker's machine, in WebAssembly instructions a second as measured by its
    /// [benchmark](canut_protocol::benchmark); without one, machines that were not measured are let in as well.
    pub min_speed: Option<u64>,
    /// How new deals are served.
    pub way: Way,
    /// Scheduling in the open way.
    pub settings: Settings,
    /// Scheduling in the certificate way.
    pub ranges: RangeSettings,
    /// How many ranges are audited.
    pub rates: Rates,
    /// Most tasks of a range: 1 to 4 096. It is promised on chain for a day, hence holds from the day after tomorrow on.
    pub stride: u16,
    /// Following the chain.
    pub follow: FollowConfig,
    /// Sending transactions.
    pub sender: SenderConfig,
    /// Sessions.
    pub sessions: SessionLimits,
    /// Largest result.
    pub results: ArchiveLimits,
}

/// How tasks are certified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// By signed votes on whole ranges of tasks, settled by one transaction. Deals that cannot be served so go the open way.
    #[default]
    Certificate,
    /// By transactions of every worker: the way of any PoCo client.
    Open,
}

/// Bounds of sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Sessions at the same time.
    pub count: usize,
    /// Connections at the same time from one address; the machine itself is not limited.
    pub per_address: usize,
    /// Seconds between two signs of life from the pool; thrice as long a silence of the worker ends the session.
    pub heartbeat: u64,
    /// Messages that may wait for one worker before it is too slow.
    pub queue: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            count: 10_000,
            per_address: 2_048,
            heartbeat: 10,
            queue: 1_024,
        }
    }
}

impl Config {
    /// The settings of a pool on a chain with final blocks, listening on a free local port.
    pub fn new(
        rpc: impl Into<String>,
        hub: Address,
        workerpool: Address,
        key: PrivateKeySigner,
        store: impl Into<String>,
        folder: impl Into<PathBuf>,
    ) -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).unwrap();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: None,
            requests_per_minute: PER_MINUTE,
            rpc: rpc.into(),
            hub,
            workerpool,
            key,
            store: store.into(),
            folder: folder.into(),
            start_block: 0,
            admitted: None,
            min_speed: None,
            way: Way::default(),
            settings: Settings::default(),
            ranges: RangeSettings::new(canut_store::directory::link),
            rates: Rates::default(),
            stride: STRIDE,
            follow: FollowConfig::default(),
            sender: SenderConfig::default(),
            sessions: SessionLimits::default(),
            results: ArchiveLimits::default(),
        }
    }
}
