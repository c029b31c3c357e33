//! Settings of a worker: flags, and a TOML file with the same names. A flag wins.

use std::{fs, num::NonZeroUsize, path::PathBuf, time::Duration};

use alloy_primitives::Address;
use canut_protocol::Nrlc;
use canut_sandbox::EngineKind;
use canut_worker::Hours;
use clap::{Args as ClapArgs, ValueEnum};
use eyre::{Result, WrapErr, bail};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{client::price, service::KeyArgs};

/// Largest file of settings, in bytes.
const MAX_FILE: u64 = 64 << 10;
/// What is where when nobody says.
const RPC: &str = "ws://127.0.0.1:8545";
/// Seconds that a worker goes on after being told to stop, unless it is said.
const DRAIN: u64 = 300;
const STORE: &str = "http://127.0.0.1:8547";

/// A way to run apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RuntimeName {
    /// WebAssembly
    Wasm,
    /// Container images
    Oci,
}

/// A program that starts containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
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
#[derive(Clone, Debug, Default, ClapArgs, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The pool: its address, as `canut pool` prints it; http and ws URLs mean the same
    #[arg(long, value_name = "URL")]
    pub(super) pool: Option<String>,

    /// The node: an http or ws URL. Over ws events are told at once [default: ws://127.0.0.1:8545]
    #[arg(long, value_name = "URL", env = "CANUT_RPC")]
    rpc: Option<String>,

    /// The hub on that chain
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB")]
    pub(super) hub: Option<Address>,

    /// File that holds the private key as 64 hexadecimal digits. Without it, the variable CANUT_PRIVATE_KEY
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,

    /// The workerpool; deals of no other are touched
    #[arg(long, value_name = "ADDRESS")]
    pub(super) workerpool: Option<Address>,

    /// The store of apps, inputs and results: URL of its gateway [default: http://127.0.0.1:8547]
    #[arg(long, value_name = "URL", env = "CANUT_STORE")]
    store: Option<String>,

    /// The vault, which shows the keys that results are encrypted with. Without it deals that ask for that are not computed
    #[arg(long, value_name = "URL", env = "CANUT_VAULT")]
    pub(super) vault: Option<String>,

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
    #[serde(deserialize_with = "price_text")]
    pub(super) bond: Option<Nrlc>,

    /// Largest stake on one task, for example 2RLC. A vote on a range puts one such stake for each task at risk, and ten at least
    /// [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(deserialize_with = "price_text")]
    pub(super) max_stake: Option<Nrlc>,

    /// Least price of a task, for example 0.01RLC; the worker gets its share of that [default: any]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    #[serde(deserialize_with = "price_text")]
    pub(super) min_price: Option<Nrlc>,

    /// Apps that are not run, separated by commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) refuse_apps: Option<Vec<Address>>,

    /// GiB of fetched files that are kept [default: 16]
    #[arg(long, value_name = "GIB")]
    pub(super) cache: Option<u64>,

    /// When tasks are taken, by the clock of this machine, for example 22:00-07:00,12:00-13:00 [default: always]
    #[arg(long, value_name = "FROM-TO", value_delimiter = ',')]
    #[serde(deserialize_with = "hours_text")]
    pub(super) hours: Option<Vec<Hours>>,

    /// Take tasks only while others use little of this machine: less than a quarter of its processors, and no key on a terminal
    /// for five minutes. The worker and its apps then have the lowest priority
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) idle_only: Option<bool>,

    /// Seconds to go on with what was taken, after Ctrl-C or SIGTERM; 0 stops at once [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(super) drain: Option<u64>,

    /// Fetch inputs from private networks and from this machine as well. Strangers then reach what this machine reaches
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(super) private_networks: Option<bool>,
}

fn price_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Nrlc>, D::Error> {
    let text = String::deserialize(from)?;
    price(&text).map(Some).map_err(D::Error::custom)
}

fn hours_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Hours>>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let hours = texts.iter().map(|text| text.parse());
    hours
        .collect::<Result<_, _>>()
        .map(Some)
        .map_err(D::Error::custom)
}

impl Settings {
    /// How long to go on after being told to stop.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.drain.unwrap_or(DRAIN))
    }

    /// These, and of the file what they leave open.
    pub(super) fn with_file(self, file: Option<&PathBuf>) -> Result<Self> {
        let Some(path) = file else {
            return Ok(self);
        };
        let shown = path.display();
        let size = fs::metadata(path)
            .wrap_err_with(|| format!("the settings {shown}"))?
            .len();
        if size > MAX_FILE {
            bail!("the settings {shown} are too large to be settings");
        }
        let text = fs::read_to_string(path).wrap_err_with(|| format!("the settings {shown}"))?;
        let file: Self = toml::from_str(&text).wrap_err_with(|| format!("the settings {shown}"))?;
        Ok(self.or(file))
    }

    fn or(self, file: Self) -> Self {
        Self {
            pool: self.pool.or(file.pool),
            rpc: self.rpc.or(file.rpc),
            hub: self.hub.or(file.hub),
            key_file: self.key_file.or(file.key_file),
            workerpool: self.workerpool.or(file.workerpool),
            store: self.store.or(file.store),
            vault: self.vault.or(file.vault),
            dir: self.dir.or(file.dir),
            slots: self.slots.or(file.slots),
            runtimes: self.runtimes.or(file.runtimes),
            engines: self.engines.or(file.engines),
            open: self.open.or(file.open),
            bond: self.bond.or(file.bond),
            max_stake: self.max_stake.or(file.max_stake),
            min_price: self.min_price.or(file.min_price),
            refuse_apps: self.refuse_apps.or(file.refuse_apps),
            cache: self.cache.or(file.cache),
            hours: self.hours.or(file.hours),
            idle_only: self.idle_only.or(file.idle_only),
            drain: self.drain.or(file.drain),
            private_networks: self.private_networks.or(file.private_networks),
        }
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
        fs::write(&path, text).unwrap();
        let flags = Settings {
            slots: NonZeroUsize::new(3),
            ..Settings::default()
        };
        flags.with_file(Some(&path))
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let settings =
            read("slots = 8\nmin-price = \"0.5RLC\"\nruntimes = [\"oci\"]\nengines = [\"runc\"]")
                .unwrap();
        assert_eq!(settings.slots, NonZeroUsize::new(3));
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
