//! What a worker needs to know to run.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use canut_hub::{SenderConfig, events::FollowConfig};
use canut_protocol::{Nrlc, benchmark::SignedBenchmark};
use canut_sandbox::Runtime;

use crate::{page::Page, presence::Presence, screen::Terms};

/// Settings of a worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// The pool: `ws` URL of its sessions.
    pub pool: String,
    /// The node: an `http` or `ws` URL.
    pub rpc: String,
    /// The hub.
    pub hub: Address,
    /// The workerpool, the only one whose tasks are taken.
    pub workerpool: Address,
    /// Key of the worker. One worker at a time may use it.
    pub key: PrivateKeySigner,
    /// The store: URL of a gateway that serves apps and inputs, and takes results.
    pub store: String,
    /// The vault, which shows the keys that results are encrypted with. Without one such deals are not computed.
    pub vault: Option<String>,
    /// URLs of relays, which send what the worker signed when its pool stalls and it has no ether itself.
    pub relays: Vec<String>,
    /// The folder of records, results and cached files.
    pub folder: PathBuf,
    /// What runs the apps.
    pub runtime: Arc<dyn Runtime>,
    /// Tasks computed at the same time.
    pub slots: NonZeroUsize,
    /// Ranges voted on before the first of them is paid: what a pool that cheats can take is the pay for so many. With 0 the
    /// worker takes tasks of the open way only.
    pub open: usize,
    /// What the worker has bonded to the pool from the start on, as far as it has the means; half of what it has on the hub if
    /// nothing is said. A bond answers for its votes: it limits what it can vote on at once. The rest is staked on tasks of
    /// the open way.
    pub bond: Option<Nrlc>,
    /// What tasks must be like.
    pub terms: Terms,
    /// When tasks are taken.
    pub presence: Presence,
    /// What the machine was measured to do, which the pool is told.
    pub benchmark: Option<SignedBenchmark>,
    /// Where the page about the worker is served, if it is.
    pub page: Option<Page>,
    /// Whether inputs may be fetched from private networks, and from this machine.
    pub private_networks: bool,
    /// Largest file fetched, in bytes.
    pub max_file: u64,
    /// Bytes of fetched files that are kept.
    pub cache: u64,
    /// Bytes of its folder that the worker may use for its work, beside the cache and the images. When they are limited, the
    /// cache is as well: files on their way count. `None` for as much as there is.
    pub work: Option<u64>,
    /// Following the chain.
    pub follow: FollowConfig,
    /// Sending transactions.
    pub sender: SenderConfig,
}

/// Where a worker belongs.
#[derive(Clone, Debug)]
pub struct Place {
    /// See [`Config::pool`].
    pub pool: String,
    /// See [`Config::rpc`].
    pub rpc: String,
    /// See [`Config::hub`].
    pub hub: Address,
    /// See [`Config::workerpool`].
    pub workerpool: Address,
    /// See [`Config::store`].
    pub store: String,
}

impl Config {
    /// Votes on no ranges: takes tasks of the open way alone, with all its money for their stakes.
    pub const fn take_tasks_only(&mut self) {
        (self.open, self.bond) = (0, Some(Nrlc::ZERO));
    }

    /// The settings of a worker with a slot for each core, on a chain with final blocks.
    pub fn new(
        place: Place,
        key: PrivateKeySigner,
        folder: impl Into<PathBuf>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let Place {
            pool,
            rpc,
            hub,
            workerpool,
            store,
        } = place;
        Self {
            pool,
            rpc,
            hub,
            workerpool,
            key,
            store,
            vault: None,
            relays: Vec::new(),
            folder: folder.into(),
            runtime,
            slots: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            open: 8,
            bond: None,
            terms: Terms::default(),
            presence: Presence::default(),
            benchmark: None,
            page: None,
            private_networks: false,
            max_file: 4 << 30,
            cache: 16 << 30,
            work: None,
            follow: FollowConfig::default(),
            sender: SenderConfig::default(),
        }
    }
}
