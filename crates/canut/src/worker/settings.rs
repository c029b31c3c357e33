//! Settings of a worker: flags, and a TOML file with the same names. A flag wins.

mod texts;

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use alloy_primitives::Address;
use canut_protocol::Nrlc;
use canut_sandbox::EngineKind;
use canut_worker::{
    Hours,
    lending::{self, DiskShares, TooLittle},
    page::Page,
};
use clap::{Args as ClapArgs, ValueEnum};
use eyre::Result;
use serde::{Deserialize, Serialize};

use crate::{client::price, service::KeyArgs, settings::layered};

/// Bytes in so many GiB.
const fn bytes(gib: u64) -> u64 {
    gib.saturating_mul(1 << 30)
}

/// What is where when nobody says.
const RPC: &str = "ws://127.0.0.1:8545";
/// Seconds that a worker goes on after being told to stop, unless it is said.
const DRAIN: u64 = 300;
/// Where the page is when nobody says.
const PAGE: &str = "127.0.0.1:8550";
const STORE: &str = "http://127.0.0.1:8547";

/// A way to run apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RuntimeName {
    /// WebAssembly
    Wasm,
    /// Container images
    Oci,
}

/// A program that starts containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EngineName {
    /// gVisor
    Runsc,
    /// The reference
    Runc,
    /// The same in C
    Crun,
}

impl From<EngineName> for EngineKind {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Runsc => Self::Runsc,
            EngineName::Runc => Self::Runc,
            EngineName::Crun => Self::Crun,
        }
    }
}

/// What can be said of a worker. In a file, the names are those of the flags without dashes in front.
#[derive(Clone, Debug, Default, ClapArgs, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The pool: its address, as `canut pool` prints it; http and ws URLs mean the same
    #[arg(long, value_name = "URL")]
    pub(super) pool: Option<String>,

    /// The node: an http or ws URL. Over ws events are told at once [default: ws://127.0.0.1:8545]
    #[arg(long, value_name = "URL", env = "CANUT_RPC")]
    rpc: Option<String>,

    /// The hub on that chain
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", value_parser = crate::client::address)]
    pub(super) hub: Option<Address>,

    /// File that holds the private key as 64 hexadecimal digits. Without it, the variable CANUT_PRIVATE_KEY
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,

    /// The workerpool; deals of no other are touched
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    pub(super) workerpool: Option<Address>,

    /// The store of apps, inputs and results: URL of its gateway [default: http://127.0.0.1:8547]
    #[arg(long, value_name = "URL", env = "CANUT_STORE")]
    store: Option<String>,

    /// The vault, which shows the keys that results are encrypted with. Without it deals that ask for that are not computed
    #[arg(long, value_name = "URL", env = "CANUT_VAULT")]
    pub(super) vault: Option<String>,

    /// A relay, which sends the worker's votes to the hub when the pool stalls and the worker has no ether for it. May be given
    /// several times
    #[arg(long = "relay", value_name = "URL")]
    #[serde(rename = "relay")]
    pub(super) relays: Option<Vec<String>>,

    /// Folder of what the worker has to remember; created if it is not there. One worker at a time may use it
    #[arg(long, value_name = "FOLDER")]
    pub(super) dir: Option<PathBuf>,

    /// Tasks computed at the same time [default: one for each core]
    #[arg(long, value_name = "N")]
    slots: Option<NonZeroUsize>,

    /// What apps may be, separated by commas [default: all that works here]
    #[arg(long, value_name = "RUNTIME", value_delimiter = ',')]
    pub(super) runtimes: Option<Vec<RuntimeName>>,

    /// Programs that start containers, the preferred one first [default: runsc,runc,crun]
    #[arg(long, value_name = "ENGINE", value_delimiter = ',')]
    engines: Option<Vec<EngineName>>,

    /// Take tasks of the open way only: contribute and reveal by transactions of its own
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) open: Option<bool>,

    /// What to have bonded to the pool from the start on, for example 20RLC, out of the account on the hub
    /// [default: half of what is there]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(with = "texts::price")]
    pub(super) bond: Option<Nrlc>,

    /// Largest stake on one task, for example 2RLC. A vote on a range puts one such stake for each task at risk, and ten at least
    /// [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(with = "texts::price")]
    pub(super) max_stake: Option<Nrlc>,

    /// Least price of a task, for example 0.01RLC; the worker gets its share of that [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(with = "texts::price")]
    pub(super) min_price: Option<Nrlc>,

    /// Apps that are not run, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = crate::client::address)]
    pub(super) refuse_apps: Option<Vec<Address>>,

    /// GiB of memory that apps may take together. A run may take 3, so 6 are enough for two slots [default: 3 for each slot]
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,

    /// GiB of the disk that the worker may take in its folder, with all that it keeps [default: as much as there is]
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    disk: Option<u64>,

    /// GiB of fetched files that are kept [default: a quarter of --disk, or 16]
    #[arg(long, value_name = "GIB")]
    cache: Option<u64>,

    /// When tasks are taken, by the clock of this machine, for example 22:00-07:00,12:00-13:00 [default: always]
    #[arg(long, value_name = "FROM-TO", value_delimiter = ',')]
    #[serde(with = "texts::hours")]
    pub(super) hours: Option<Vec<Hours>>,

    /// Take tasks only while others use little of this machine: less than a quarter of its processors, and no key on a terminal
    /// for five minutes. The worker and its apps then have the lowest priority
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) idle_only: Option<bool>,

    /// Measure this machine at the first start, and again when it changed, and tell the pool [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) benchmark: Option<bool>,

    /// Show a page about the worker there; without an address at 127.0.0.1:8550. Whoever reaches another address reads it too
    /// [default: no page]
    #[arg(long, num_args = 0..=1, default_missing_value = PAGE, value_name = "IP:PORT")]
    pub(super) page: Option<SocketAddr>,

    /// Block to count earnings and losses from [default: 0]
    #[arg(long, alias = "from-block", value_name = "N")]
    start_block: Option<u64>,

    /// Seconds to go on with what was taken, after Ctrl-C or SIGTERM; 0 stops at once [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(super) drain: Option<u64>,

    /// Fetch inputs from private networks and from this machine as well. Strangers then reach what this machine reaches
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) private_networks: Option<bool>,
}

impl Settings {
    /// How long to go on after being told to stop.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.drain.unwrap_or(DRAIN))
    }

    /// What names a bond and the key that changes it.
    pub(super) fn at(
        rpc: Option<String>,
        hub: Option<Address>,
        workerpool: Option<Address>,
        key_file: Option<PathBuf>,
    ) -> Self {
        Self {
            rpc,
            hub,
            workerpool,
            key_file,
            ..Self::default()
        }
    }

    /// These, and of the file what they leave open.
    pub(super) fn with_file(self, file: Option<&PathBuf>) -> Result<Self> {
        layered(self, file.map(PathBuf::as_path))
    }

    /// The page, if there is to be one.
    pub(super) fn page(&self) -> Option<Page> {
        let start_block = self.start_block();
        self.page.map(|listen| Page {
            listen,
            start_block,
        })
    }

    pub(super) fn start_block(&self) -> u64 {
        self.start_block.unwrap_or_default()
    }

    /// Tasks computed at the same time: as many as is said, or as cores and memory allow.
    pub(super) fn slots(&self) -> Result<NonZeroUsize, TooLittle> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        lending::slots(self.slots, cores, self.memory())
    }

    /// Bytes of memory that apps may take together, if that is said.
    pub(super) fn memory(&self) -> Option<u64> {
        self.memory.map(bytes)
    }

    /// How the disk is divided, if it is limited.
    pub(super) fn disk(&self) -> Result<Option<DiskShares>, TooLittle> {
        let Some(disk) = self.disk else {
            return Ok(None);
        };
        let has_images = self.offers(RuntimeName::Oci);
        let shares = DiskShares::of(bytes(disk), self.cache(), self.slots()?, has_images);
        shares.map(Some)
    }

    /// Bytes of fetched files that are kept, if that is said.
    pub(super) fn cache(&self) -> Option<u64> {
        self.cache.map(bytes)
    }

    /// Whether apps may be such, where that works.
    pub(super) fn offers(&self, runtime: RuntimeName) -> bool {
        let names = self.runtimes.as_ref();
        names.is_none_or(|names| names.contains(&runtime))
    }

    pub(super) fn rpc(&self) -> String {
        self.rpc.clone().unwrap_or_else(|| RPC.to_owned())
    }

    pub(super) fn store(&self) -> String {
        self.store.clone().unwrap_or_else(|| STORE.to_owned())
    }

    pub(super) fn key(&self) -> KeyArgs {
        KeyArgs {
            key_file: self.key_file.clone(),
        }
    }

    pub(super) fn engines(&self) -> Vec<EngineKind> {
        match &self.engines {
            Some(names) => names.iter().copied().map(EngineKind::from).collect(),
            None => EngineKind::ALL.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Settings {
            slots: NonZeroUsize::new(3),
            max_stake: Some(Nrlc::rlc(2)),
            hours: Some(vec!["22:00-07:00".parse().unwrap()]),
            ..Settings::default()
        };
        flags.with_file(Some(&path))
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let settings =
            read("slots = 8\nmax-stake = \"9RLC\"\nhours = []\nmin-price = \"0.5RLC\"\nruntimes = [\"oci\"]\nengines = [\"runc\"]")
                .unwrap();
        assert_eq!(settings.slots, NonZeroUsize::new(3));
        assert_eq!(settings.max_stake, Some(Nrlc::rlc(2)));
        assert_eq!(
            settings.hours.as_ref().unwrap()[0].to_string(),
            "22:00-07:00"
        );
        assert_eq!(settings.min_price, Some(Nrlc::new(500_000_000)));
        assert_eq!(settings.runtimes, Some(vec![RuntimeName::Oci]));
        assert_eq!(settings.engines(), [EngineKind::Runc]);
        assert_eq!(settings.rpc(), RPC);
    }

    #[test]
    fn what_is_lent_bounds_what_is_used() {
        let lent = read("memory = 9\ndisk = 40\ncache = 8").unwrap();
        assert_eq!(lent.slots().unwrap().get(), 3);
        let shares = lent.disk().unwrap().unwrap();
        assert_eq!(
            [shares.images, shares.cache, shares.work],
            [20, 8, 12].map(bytes)
        );
        let small = read("memory = 8").unwrap().slots().unwrap_err();
        assert_eq!(
            small.to_string(),
            "8 GiB of memory are lent, 3 slots may take 9"
        );
        let small = read("disk = 10").unwrap().disk().unwrap_err();
        assert!(small.remedy().contains("--disk"), "{small}");
        let plain = read("disk = 8\nruntimes = [\"wasm\"]").unwrap();
        assert_eq!(plain.disk().unwrap().unwrap().images, 0);
    }

    #[test]
    fn what_a_file_says_wrong_is_not_passed_over() {
        for text in [
            "slot = 8",
            "min-price = \"cheap\"",
            "runtimes = [\"docker\"]",
            "slots = 0",
            "]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
