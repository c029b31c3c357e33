//! `canut worker bond` and `canut worker unbond`: what answers for a worker's votes.

use std::path::PathBuf;

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use canut_hub::{Caller, Hub, Sender, SenderConfig, connect};
use canut_protocol::Nrlc;
use canut_worker::bonding::{BondError, Changed, bond, unbond};
use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, bail};

use super::settings::Settings;
use crate::{
    client::{clock, price, show},
    service::KeyArgs,
};

/// Where the bond is, and whose key changes it.
#[derive(Debug, ClapArgs)]
struct Place {
    /// File of the worker's settings, as of `canut worker --config`: hub, workerpool, node and key are read from it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The node: an http or ws URL [default: ws://127.0.0.1:8545]
    #[arg(long, value_name = "URL", env = "CANUT_RPC")]
    rpc: Option<String>,

    /// The hub on that chain
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", value_parser = crate::client::address)]
    hub: Option<Address>,

    /// The workerpool that the bond is in
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    workerpool: Option<Address>,

    /// File that holds the private key as 64 hexadecimal digits. Without it, the variable CANUT_PRIVATE_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Print one line of JSON, and nothing else
    #[arg(long)]
    json: bool,
}

impl Place {
    /// The hub as `payer` calls it, or who has the key; the workerpool; the key.
    async fn open(self, payer: Option<&PathBuf>) -> Result<(Caller, Address, PrivateKeySigner)> {
        let settings = Settings::at(self.rpc, self.hub, self.workerpool, self.key_file)
            .with_file(self.config.as_ref())?;
        let hub = settings
            .hub
            .ok_or_eyre("which hub? Give --hub ADDRESS, or set CANUT_HUB")?;
        let workerpool = settings
            .workerpool
            .ok_or_eyre("which workerpool? Give --workerpool ADDRESS")?;
        let key = settings.key().read()?;
        let hub = Hub::at(connect(&settings.rpc()).await?, hub).await?;
        let pays = match payer {
            Some(file) => KeyArgs::of(file).read()?,
            None => key.clone(),
        };
        let sender = Sender::new(hub.provider().clone(), pays, SenderConfig::default()).await?;
        Ok((Caller::new(hub, sender), workerpool, key))
    }
}

/// Add to a worker's bond in its pool, out of the account on the hub.
///
/// The bond answers for the worker's votes: a wrong vote costs one stake for each task of its range, and ten at least. `canut
/// worker` makes a bond when it starts; this one adds to it, or makes it for somebody else, who then needs no ether.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut worker bond 20RLC --config worker.toml
  canut worker bond 20RLC --hub 0x… --workerpool 0x… --worker 0x(40 digits)
      For another worker, whose the money is from then on.")]
pub(super) struct Bond {
    /// How much, for example 20RLC
    #[arg(value_parser = price)]
    amount: Nrlc,

    /// Whose bond [default: that of the key]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    worker: Option<Address>,

    #[command(flatten)]
    place: Place,
}

/// Get a worker's bond back: ask for it, and a week later take it out with the same command.
///
/// Votes can be contested for days after they were given, so what is asked back answers for them for another week, and for no new
/// ones. After that week the command again moves it to the worker's free account on the hub; `canut account withdraw` gets it from
/// there. Asking for more meanwhile starts the week anew for all of it.
///
/// Stop the worker first: each time it starts it brings its bond up to --bond, or to half of what it has on the hub.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut worker unbond --config worker.toml
      Asks for everything; a week later the same line takes it out.
  canut worker unbond 5RLC --config worker.toml
      Only a part: the worker goes on with what is left.
  canut worker unbond --config worker.toml --payer owner.key
      The worker has no ether: it signs what it wishes, and another key pays for the transaction.")]
pub(super) struct Unbond {
    /// How much [default: everything]
    #[arg(value_parser = price)]
    amount: Option<Nrlc>,

    /// File of the private key that pays for the transaction [default: the worker's own]
    #[arg(long, value_name = "FILE")]
    payer: Option<PathBuf>,

    #[command(flatten)]
    place: Place,
}

pub(super) async fn add(args: Bond) -> Result<()> {
    let json = args.place.json;
    let (caller, workerpool, _) = args.place.open(None).await?;
    let worker = args.worker.unwrap_or_else(|| caller.address());
    let changed = bond(&caller, workerpool, worker, args.amount).await?;
    show(json, &changed, || text(&changed, clock::now()))
}

pub(super) async fn take(args: Unbond) -> Result<()> {
    let json = args.place.json;
    let (caller, workerpool, key) = args.place.open(args.payer.as_ref()).await?;
    let changed = match unbond(&caller, workerpool, &key, args.amount).await {
        Err(BondError::Waiting {
            pending,
            ready_at,
            now,
        }) => bail!(
            "{pending} were asked back, and answer for votes given before for another {}: the same command takes them out from {} on",
            clock::length(ready_at.saturating_sub(now)),
            clock::moment(ready_at)
        ),
        changed => changed?,
    };
    show(json, &changed, || text(&changed, clock::now()))
}

fn text(changed: &Changed, now: u64) -> String {
    let Changed {
        worker,
        workerpool,
        added,
        asked,
        withdrawn,
        bond,
        pending,
        ready_at,
        ..
    } = changed;
    let mut text = String::new();
    for (amount, what) in [
        (added, "bonded."),
        (withdrawn, "taken out: free on the hub again."),
        (asked, "asked back."),
    ] {
        if !amount.is_zero() {
            text += &format!("{amount} {what}\n");
        }
    }
    text += &format!("Worker     {worker}\nWorkerpool {workerpool}\nBond       {bond}\n");
    if !pending.is_zero() {
        let when = clock::deadline(*ready_at, now);
        text += &format!(
            "Asked back {pending}, to be taken out with `canut worker unbond` from {when} on\n"
        );
    }
    text
}
