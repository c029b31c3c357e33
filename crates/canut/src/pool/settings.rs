//! Settings of a pool: flags, and a TOML file with the same names. A flag wins.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::ParseBoolError,
    time::Duration,
};

use alloy_primitives::Address;
use canut_pool::{Config, STRIDE, Way};
use canut_protocol::range::MAX_COUNT;
use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, ensure};
use serde::{Deserialize, Serialize};

use super::offers::{Offer, OfferText};
use crate::service::KeyArgs;

/// What is where when nobody says.
const RPC: &str = "ws://127.0.0.1:8545";
const STORE: &str = "http://127.0.0.1:8547";
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8548);

/// What can be said of a pool. In a file, the names are those of the flags without dashes in front.
#[derive(Clone, Debug, Default, ClapArgs, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The node: an http or ws URL. Over ws events are told at once [default: ws://127.0.0.1:8545]
    #[arg(long, value_name = "URL", env = "CANUT_RPC")]
    rpc: Option<String>,

    /// The hub on that chain
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", value_parser = crate::client::address)]
    hub: Option<Address>,

    /// File that holds the private key as 64 hexadecimal digits. Without it, the variable CANUT_PRIVATE_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// The workerpool; deals of no other are touched
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    workerpool: Option<Address>,

    /// The store of apps, inputs and results: URL of its gateway [default: http://127.0.0.1:8547]
    #[arg(long, value_name = "URL", env = "CANUT_STORE")]
    store: Option<String>,

    /// Folder of the pool's database; created if it is not there
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8548]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,

    /// Where the world reaches this port, for iExec's tools, behind a proxy for instance
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Block to read the chain from at the first start: not after the pool's first deal [default: 0]
    #[arg(long, value_name = "N")]
    start_block: Option<u64>,

    /// Blocks that must follow a block before the pool acts on it; 0 is right where blocks are final [default: 0]
    #[arg(long, value_name = "N")]
    confirmations: Option<u64>,

    /// Seconds that a worker may be away before its tasks are given to others [default: 20]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,

    /// Never ask somebody else as well where a worker takes longer than nine of ten did; in a file, `hedge = false`
    #[arg(long = "no-hedge", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", value_parser = opposite)]
    hedge: Option<bool>,

    /// Serve new deals by transactions of every worker, as any PoCo pool does, and not by signed votes on ranges of tasks
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    open: Option<bool>,

    /// Most tasks of a range that workers vote on at once [default: 64]
    #[arg(long, value_name = "N")]
    stride: Option<u16>,

    /// Workers that are let in, separated by commas [default: everybody]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = crate::client::address)]
    allow: Option<Vec<Address>>,

    /// Least speed of one core of a worker's machine, in million WebAssembly instructions a second; machines that were not
    /// measured are not let in then [default: any]
    #[arg(long, value_name = "MILLIONS")]
    min_speed: Option<u64>,

    /// Per cent of ranges that get one vote more than they need, where one worker would decide alone [default: 20]
    #[arg(long, value_name = "PERCENT")]
    audit_alone: Option<u8>,

    /// The same, where several workers agree [default: 5]
    #[arg(long, value_name = "PERCENT")]
    audit_joined: Option<u8>,

    /// The market that the offers of the file are published on
    #[arg(long, value_name = "URL", env = "CANUT_MARKET")]
    market: Option<String>,

    /// Seconds between two looks at the offers [default: 60]
    #[arg(long, value_name = "SECONDS")]
    refresh: Option<u64>,

    /// What is kept for sale.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<OfferText>,
}

/// A flag says what a file denies.
fn opposite(text: &str) -> Result<bool, ParseBoolError> {
    text.parse::<bool>().map(|flag| !flag)
}

/// Seconds between two looks at the offers.
const REFRESH: u64 = 60;
const MILLION: u64 = 1_000_000;
/// Parts of a million in a per cent.
const PERCENT: u32 = 10_000;

impl Settings {
    /// What the pool is started with.
    pub(super) fn config(&self) -> Result<Config> {
        let hub = self
            .hub
            .ok_or_eyre("which hub? Give --hub ADDRESS, or set CANUT_HUB")?;
        let workerpool = self.workerpool.ok_or_eyre(
            "which workerpool? Give --workerpool ADDRESS; `canut workerpool create` makes one",
        )?;
        let dir = self
            .dir
            .as_ref()
            .ok_or_eyre("which folder? Give --dir FOLDER")?;
        let key = KeyArgs {
            key_file: self.key_file.clone(),
        };
        let rpc = self.rpc.as_deref().unwrap_or(RPC);
        let store = self.store.as_deref().unwrap_or(STORE);
        let mut config = Config::new(rpc, hub, workerpool, key.read()?, store, dir);
        if self.open.unwrap_or_default() {
            config.way = Way::Open;
        }
        config.listen = self.listen.unwrap_or(LISTEN);
        config.url.clone_from(&self.url);
        config.start_block = self.start_block.unwrap_or_default();
        config.follow.depth = self.confirmations.unwrap_or_default();
        config.settings.grace = self.grace.unwrap_or(config.settings.grace);
        config.ranges.grace = config.settings.grace;
        config.ranges.hedge = self.hedge.unwrap_or(config.ranges.hedge);
        config.settings.hedge = config.ranges.hedge;
        config.stride = self.stride.unwrap_or(STRIDE);
        ensure!(
            (1..=MAX_COUNT).contains(&config.stride),
            "a stride of {} tasks: it is 1 to {MAX_COUNT}",
            config.stride
        );
        for (given, rate) in [
            (self.audit_alone, &mut config.rates.alone),
            (self.audit_joined, &mut config.rates.joined),
        ] {
            let percent = given.map_or(*rate, |percent| u32::from(percent) * PERCENT);
            ensure!(
                percent <= 100 * PERCENT,
                "more than 100 % cannot be audited"
            );
            *rate = percent;
        }
        config.min_speed = self
            .min_speed
            .map(|millions| millions.saturating_mul(MILLION));
        config.admitted = self.allow.clone().map(BTreeSet::from_iter);
        Ok(config)
    }
}

impl Settings {
    /// What is to be kept for sale on which market, and how often that is looked after; `None` without offers.
    pub(super) fn offers(&self) -> Result<Option<Offers>> {
        if self.offers.is_empty() {
            return Ok(None);
        }
        let market = self.market.clone();
        let refresh = self.refresh.unwrap_or(REFRESH);
        ensure!(refresh > 0, "`refresh` is at least one second");
        Ok(Some(Offers {
            market: market.ok_or_eyre(
                "which market are the offers for? Give --market URL, or set CANUT_MARKET",
            )?,
            every: Duration::from_secs(refresh),
            offers: self
                .offers
                .iter()
                .map(Offer::try_from)
                .collect::<Result<_>>()?,
        }))
    }
}

/// What the pool sells by itself.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    pub(super) market: String,
    pub(super) every: Duration,
    pub(super) offers: Vec<Offer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            hub: Some(Address::ZERO),
            workerpool: Some(Address::ZERO),
            dir: Some("pool".into()),
            ..Settings::default()
        }
    }

    #[test]
    fn a_flag_says_what_a_file_denies() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            settings: Settings,
        }
        let flags = |flags: &[&str]| {
            let line = [&["pool"], flags].concat();
            <Line as clap::Parser>::parse_from(line).settings.hedge
        };
        assert_eq!(flags(&[]), None);
        assert_eq!(flags(&["--no-hedge"]), Some(false));
        assert_eq!(flags(&["--no-hedge", "false"]), Some(true));
        let file: Settings = toml::from_str("hedge = false").unwrap();
        assert_eq!(file.hedge, Some(false));
    }

    #[test]
    fn what_no_pool_can_do_is_refused_before_it_starts() {
        // Keys come last.
        let told = |settings: Settings| format!("{:#}", settings.config().unwrap_err());
        assert!(told(Settings::default()).contains("--hub"));
        let nowhere = Settings {
            dir: None,
            ..settings()
        };
        assert!(told(nowhere).contains("--dir"));
    }
}
