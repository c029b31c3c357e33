//! Settings of a worker: flags, and a TOML file with the same names. A flag wins.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use alloy_primitives::Address;
use canut_protocol::Nrlc;
use canut_sandbox::EngineKind;
use canut_worker::{Hours, page::Page};
use clap::{Args as ClapArgs, ValueEnum};
use eyre::Result;
use serde::{Deserialize, Serialize};

use crate::{client::price, service::KeyArgs, settings::layered};

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
    pub(super) slots: Option<NonZeroUsize>,

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
    #[serde(with = "price_text")]
    pub(super) bond: Option<Nrlc>,

    /// Largest stake on one task, for example 2RLC. A vote on a range puts one such stake for each task at risk, and ten at least
    /// [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(with = "price_text")]
    pub(super) max_stake: Option<Nrlc>,

    /// Least price of a task, for example 0.01RLC; the worker gets its share of that [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(with = "price_text")]
    pub(super) min_price: Option<Nrlc>,

    /// Apps that are not run, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = crate::client::address)]
    pub(super) refuse_apps: Option<Vec<Address>>,

    /// GiB of fetched files that are kept [default: 16]
    #[arg(long, value_name = "GIB")]
    pub(super) cache: Option<u64>,

    /// When tasks are taken, by the clock of this machine, for example 22:00-07:00,12:00-13:00 [default: always]
    #[arg(long, value_name = "FROM-TO", value_delimiter = ',')]
    #[serde(with = "hours_text")]
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

/// A price as people write it.
mod price_text {
    use canut_protocol::Nrlc;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::client::price;

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(
        amount: &Option<Nrlc>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        amount.map(|amount| amount.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Nrlc>, D::Error> {
        let text = String::deserialize(from)?;
        price(&text).map(Some).map_err(D::Error::custom)
    }
}

/// Hours as people write them.
mod hours_text {
    use canut_worker::Hours;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(
        hours: &Option<Vec<Hours>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = hours
            .as_ref()
            .map(|hours| hours.iter().map(ToString::to_string).collect::<Vec<_>>());
        texts.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<Hours>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let hours = texts.iter().map(|text| text.parse());
        hours
            .collect::<Result<_, _>>()
            .map(Some)
            .map_err(D::Error::custom)
    }
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
