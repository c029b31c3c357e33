//! `canut worker status`: what a worker does, has, earned and lost, and why it is not asked for more.

use std::{fmt::Write, path::PathBuf};

use alloy_primitives::Address;
use canut_client::Pool;
use canut_hub::{Hub, connect};
use canut_protocol::Nrlc;
use canut_worker::account::{Earnings, earnings};
use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, WrapErr};
use serde::Serialize;
use serde_json::Value;

use super::{sessions, settings::Settings};
use crate::client::{plain, show};

/// What the pool says where its owner need do nothing.
const NOTHING: &str = "nothing";
/// Losses shown to people.
const SHOWN: usize = 5;

/// Show what a worker does, has, earned and lost and why, and why its pool does not ask it for more.
///
/// Money is told by the chain, the rest by the pool. The worker itself need not run.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut worker status --config worker.toml
  canut worker status --config worker.toml --json | jq .earnings.losses")]
pub(super) struct Args {
    /// File of settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// Which worker [default: that of the key]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    worker: Option<Address>,

    /// Print one line of JSON, and nothing else
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    worker: Address,
    /// On the hub, and free.
    free: Nrlc,
    /// On the hub, answering for votes and bonds.
    locked: Nrlc,
    /// Of that, bonded to the pool.
    bond: Nrlc,
    earnings: Earnings,
    /// What the pool says of it.
    pool: Option<Value>,
    /// Why the pool says nothing.
    silence: Option<String>,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let settings = args.settings.with_file(args.config.as_ref())?;
    let worker = match args.worker {
        Some(worker) => worker,
        None => settings.key().read()?.address(),
    };
    let hub = settings.hub.ok_or_eyre("which hub? Give --hub ADDRESS")?;
    let hub = Hub::at(connect(&settings.rpc()).await?, hub).await?;
    let account = hub.account(worker).await?;
    let workerpool = settings
        .workerpool
        .ok_or_eyre("which workerpool? Give --workerpool ADDRESS")?;
    let bond = hub.bond(workerpool, worker).await?.whole();
    let told = match &settings.pool {
        Some(pool) => ask(pool, worker).await,
        None => Err(eyre::eyre!("which pool? Give --pool URL")),
    };
    let silence = told.as_ref().err().map(|error| format!("{error:#}"));
    let status = Status {
        worker,
        free: account.stake,
        locked: account.locked,
        bond,
        earnings: earnings(&hub, worker, settings.start_block())
            .await
            .wrap_err("what the worker earned cannot be read")?,
        pool: told.ok(),
        silence,
    };
    show(args.json, &status, || text(&status))
}

/// Asks the pool, whose sessions are on the same port.
async fn ask(pool: &str, worker: Address) -> Result<Value> {
    let sessions = sessions(pool).map_err(eyre::Report::msg)?;
    let port = sessions.trim_end_matches(canut_pool::session::PATH);
    let port = port.replacen("ws", "http", 1);
    Ok(Pool::new(&port)?.worker(worker).await?)
}

fn text(status: &Status) -> String {
    let Status {
        worker,
        free,
        locked,
        bond,
        earnings,
        pool,
        silence,
    } = status;
    let mut text = format!(
        "Worker     {worker}\nOn the hub {free} free, {locked} locked, of that {bond} bonded to the pool\nEarned     {} in {} payments\nLost       {}",
        earnings.earned, earnings.payments, earnings.lost
    );
    // Writing to a string does not fail.
    for loss in earnings.losses.iter().take(SHOWN) {
        let _ = write!(
            text,
            "\n           {} on {} in block {}: {}",
            loss.amount, loss.on, loss.block, loss.why
        );
    }
    match (pool, silence) {
        (Some(told), _) => {
            let count = |field: &str| told[field].as_array().map_or(0, Vec::len);
            let word = |field: &str| told[field].as_str().map(plain).unwrap_or_default();
            let _ = write!(
                text,
                "\nRunning    {} of {} slots\nPool       the worker {}",
                count("computing") + count("tasks"),
                told["slots"],
                word("meaning"),
            );
            let remedy = word("remedy");
            if remedy != NOTHING {
                let _ = write!(text, ": {remedy}");
            }
        }
        (None, Some(silence)) => {
            let _ = write!(text, "\nPool       {}", plain(silence));
        }
        (None, None) => {}
    }
    text
}
