//! `bench chain`: our node beside anvil, both as processes of their own, by ERC-20 transfers over JSON-RPC.
//!
//! Each node in turn: 16 clients with keys of their own send transfers signed beforehand and wait for every receipt
//! (the rate, and the latency under load); then one client sends one transfer at a time (the latency of an idle node). Ours keeps
//! every block durable before it is acknowledged; anvil keeps nothing.

mod http;
mod load;
mod node;
mod report;
mod transfers;

use eyre::{Result, WrapErr, eyre};
use http::Connection;
use node::Node;
use report::{Figures, Report};
use std::{env, path::PathBuf};
use transfers::Market;

/// What to measure, and where the nodes are.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// Transfers under load, over all clients; memory is read after them. A million takes anvil hours.
    #[arg(long, default_value_t = 16_000)]
    transfers: u64,
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
        let node = Node::anvil(&anvil).await?;
        Some(measure(&args, node).await.wrap_err("anvil")?)
    };
    let ours = measure(&args, Node::ours(&canut).await?)
        .await
        .wrap_err("canut node")?;
    let report = Report {
        transfers: args.per_client() * u64::from(args.clients),
        ours,
        anvil,
    };
    Ok(if args.json {
        report.json()
    } else {
        report.table()
    })
}

impl Args {
    fn per_client(&self) -> u64 {
        self.transfers.div_ceil(u64::from(self.clients.max(1)))
    }
}

async fn measure(args: &Args, node: Node) -> Result<Figures> {
    let mut connection = Connection::open(node.address).await?;
    let market = Market::open(
        &mut connection,
        args.clients.max(1) as usize,
        args.recipients,
    )
    .await?;
    let count = args.per_client();
    let mut loaded = load::sustained(
        node.address,
        market.sign(0, count)?,
        args.window.max(1) as usize,
    )
    .await?;
    let (resident, disk) = (node.resident()?, node.disk()?);
    market.settle(&mut connection, count).await?;

    let alone = market
        .sign(count, args.idle)?
        .into_iter()
        .next()
        .ok_or_else(|| eyre!("no clients"))?;
    let mut idle = load::alone(node.address, alone).await?;
    node.stop().await?;
    Ok(Figures {
        tps: loaded.rate(),
        loaded_p50_ms: loaded.percentile(50),
        loaded_p99_ms: loaded.percentile(99),
        p50_ms: idle.percentile(50),
        p99_ms: idle.percentile(99),
        resident,
        disk,
    })
}
