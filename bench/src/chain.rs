//! `bench chain`: our node beside anvil, both as processes of their own, by ERC-20 transfers over JSON-RPC.
//!
//! Each node in turn: 16 clients with keys of their own send transfers signed beforehand and wait for every receipt
//! (the rate, and the latency under load); then one client sends one transfer at a time (the latency of an idle node). Ours keeps
//! every block durable before it is acknowledged; anvil keeps nothing. At the end our chain is run again, block by block, and every
//! root compared; and our node's counters say where its time went.

mod http;
mod load;
mod node;
mod profile;
mod report;
mod transfers;

use canut_chain::{Config, replay};
use eyre::{Result, WrapErr, eyre};
use http::Connection;
use node::Node;
use profile::Profile;
use report::{Figures, Report};
use std::{env, path::PathBuf};
use tempfile::TempDir;
use transfers::Market;

/// What to measure, and where the nodes are.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// Transfers under load, over all clients; memory is read after them.
    #[arg(long, default_value_t = 50_000)]
    transfers: u64,
    /// The same for anvil, if that is less: it keeps slowing down, and a million would take it hours.
    #[arg(long, default_value_t = 4_000)]
    anvil_transfers: u64,
    /// Accounts that receive them. Anvil hashes the whole state for each block, so it slows down as they grow in number.
    #[arg(long, default_value_t = 1000)]
    recipients: u64,
    /// Clients that send at once.
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// Transfers that each client leaves unconfirmed.
    #[arg(long, default_value_t = 16)]
    window: u32,
    /// Transfers of one client on an idle node.
    #[arg(long, default_value_t = 500)]
    idle: u64,
    /// Measure only our node: for counts that anvil does not reach.
    #[arg(long)]
    ours_only: bool,
    /// Our node, built with --release; by default the `canut` beside this program.
    #[arg(long, env = "CANUT_BIN")]
    canut: Option<PathBuf>,
    /// Anvil; by default the one that `npm ci` puts into tests/clients.
    #[arg(long, env = "ANVIL_BIN")]
    anvil: Option<PathBuf>,
}

/// Measures both nodes: a table, or a line of JSON.
///
/// # Errors
/// A node that does not start, refuses a transfer, or loses one.
#[tokio::main]
pub(crate) async fn run(args: Args) -> Result<String> {
    let beside = env::current_exe()?.with_file_name("canut");
    let installed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/clients/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
    );
    let canut = args.canut.clone().unwrap_or(beside);
    let anvil = args.anvil.clone().unwrap_or_else(|| installed.into());
    let anvil = if args.ours_only {
        None
    } else {
        let transfers = args.transfers.min(args.anvil_transfers);
        let node = Node::anvil(&anvil).await?;
        let measured = measure(&args, "anvil", node, transfers).await;
        Some(measured.wrap_err("anvil")?.0)
    };
    let node = Node::ours(&canut).await?;
    let (mut ours, dir) = measure(&args, "ours", node, args.transfers)
        .await
        .wrap_err("canut node")?;
    let dir = dir.ok_or_else(|| eyre!("our node kept no chain"))?;
    say("ours", "running its chain again");
    let genesis = Config::dev()?.genesis;
    ours.replay = Some(replay(dir.path(), &genesis).wrap_err("the chain, run again")?);
    let report = Report { ours, anvil };
    Ok(if args.json {
        report.json()
    } else {
        report.table()
    })
}

/// A run takes minutes: whoever waits should see that it goes on.
fn say(node: &str, what: &str) {
    eprintln!("{node}: {what}");
}

async fn measure(
    args: &Args,
    name: &str,
    node: Node,
    transfers: u64,
) -> Result<(Figures, Option<TempDir>)> {
    let mut connection = Connection::open(node.address).await?;
    let market = Market::open(
        &mut connection,
        args.clients.max(1) as usize,
        args.recipients,
    )
    .await?;
    let count = transfers.div_ceil(u64::from(args.clients.max(1)));
    say(name, "signing");
    let signed = market.sign(0, count)?;
    say(name, &format!("{count} transfers of each client"));
    let ours = node.disk()?.is_some();
    let before = profile(&node, ours).await?;
    let loaded = load::sustained(node.address, signed, args.window.max(1) as usize).await?;
    let after = profile(&node, ours).await?;
    let (resident, disk) = (node.resident()?, node.disk()?);
    // The node closes a connection that was silent all this time.
    let mut connection = Connection::open(node.address).await?;
    market.settle(&mut connection, count).await?;

    let alone = market
        .sign(count, args.idle)?
        .into_iter()
        .next()
        .ok_or_else(|| eyre!("no clients"))?;
    say(name, &format!("{} transfers of one client", args.idle));
    let idle = load::alone(node.address, alone).await?;
    let dir = node.kill().await?;
    let figures = Figures {
        transfers: loaded.count,
        tps: loaded.rate(),
        loaded_p50_ms: loaded.latencies.percentile_ms(50),
        loaded_p99_ms: loaded.latencies.percentile_ms(99),
        p50_ms: idle.latencies.percentile_ms(50),
        p99_ms: idle.latencies.percentile_ms(99),
        resident,
        disk,
        profile: after
            .zip(before)
            .map(|(after, before)| after.since(&before, loaded.count)),
        replay: None,
    };
    Ok((figures, dir))
}

/// Our node's counters; others have none that say the same.
async fn profile(node: &Node, ours: bool) -> Result<Option<Profile>> {
    if ours {
        Ok(Some(Profile::read(node.address, node.pid()?).await?))
    } else {
        Ok(None)
    }
}
