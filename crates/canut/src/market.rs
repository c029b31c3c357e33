//! `canut market`: the order book by itself, and what can be seen of it.

use crate::{client::prices, logging, signals::Signals};
use alloy_primitives::Address;
use canut_hub::{Hub, connect, events::FollowConfig};
use canut_market::{Config, Server, chain::HubChain, sqlite_url};
use canut_protocol::Domain;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail, eyre};
use serde_json::json;
use std::{io::Write, net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

/// Run a market: people publish signed orders, anyone sees them, the best price first.
///
/// The market holds no key and no money: deals are made on the chain, by whoever sends matching orders to the hub. Orders
/// survive a crash; everything else is read from the chain again.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  canut market --rpc ws://127.0.0.1:8545 --hub 0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f --dir ./market
      The market of that hub at http://127.0.0.1:3000, kept in ./market.
  canut market --rpc https://node.example --hub 0x… --start-block 1200000 --confirmations 3 --storage postgres://me@db/market
      Over a public chain whose last blocks may change, kept in PostgreSQL.
  canut market depth
      Look at the prices of a market that runs.
  curl http://127.0.0.1:3000/openapi.json
      What can be asked of it.

Over WebSocket the market knows of a new block at once, over HTTP within --poll. RUST_LOG=debug says more.")]
pub(crate) struct Args {
    #[command(subcommand)]
    look: Option<prices::Verb>,

    /// URL of an Ethereum node: http, https, ws or wss
    #[arg(
        long,
        value_name = "URL",
        env = "CANUT_RPC",
        default_value = "ws://127.0.0.1:8545"
    )]
    rpc: String,

    /// Address of the hub
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", required = true, value_parser = crate::client::address)]
    hub: Option<Address>,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Folder that keeps the orders; created if it is not there
    #[arg(long, value_name = "FOLDER", conflicts_with = "storage")]
    dir: Option<PathBuf>,

    /// Database that keeps the orders: sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME
    #[arg(
        long,
        value_name = "URL",
        env = "CANUT_MARKET_STORAGE",
        hide_env_values = true
    )]
    storage: Option<String>,

    /// First block to read: the one in which the hub was deployed, or an older one
    #[arg(long, alias = "from-block", value_name = "N", default_value_t = 0)]
    start_block: u64,

    /// Blocks that must follow a block before it counts; 0 is fine, because the book takes back what the chain takes back
    #[arg(long, alias = "depth", value_name = "N", default_value_t = 0)]
    confirmations: u64,

    /// How often to look for a new block over HTTP, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    poll: u64,

    /// Open orders of one kind that a wallet may have
    #[arg(long, value_name = "N", default_value_t = 50)]
    max_open_orders: usize,

    /// MiB of orders, of all wallets together, that may be in the book; memory and disk take a few times as much
    #[arg(long, value_name = "MIB", default_value_t = 2_048)]
    max_mib: u64,

    /// Requests per minute from one address; this machine is exempt
    #[arg(long, value_name = "N", default_value = "100")]
    requests_per_minute: NonZeroU32,

    /// Print one line of JSON when ready (market, chain_id, hub), and nothing else
    #[arg(long)]
    json: bool,
}

/// Longest wait between two attempts to reach the node.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the orders are kept.
fn storage(args: &Args) -> Result<String> {
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir)
            .wrap_err_with(|| format!("cannot create the folder {}", dir.display()))?;
        return sqlite_url(&dir.join("market.db"))
            .ok_or_else(|| eyre!("{} is no folder: give another --dir", dir.display()));
    }
    let Some(url) = &args.storage else {
        bail!(
            "where should the orders be kept? Give --dir FOLDER, or --storage with the URL of a database"
        );
    };
    Ok(url.clone())
}

/// Runs the market until it is told to stop.
pub(crate) async fn run(mut args: Args) -> Result<()> {
    if let Some(look) = args.look.take() {
        return prices::run(look).await;
    }
    logging::start(if args.json { "warn" } else { "info" });
    let storage = storage(&args)?;
    // Before anyone is told that the market is there, so that a signal is never missed.
    let mut signals = Signals::listen()?;
    let server = tokio::select! {
        started = start(&args, storage) => started?,
        () = signals.next() => return Ok(()),
    };
    signals.next().await;
    tracing::info!("shutting down");
    server.stop().await;
    Ok(())
}

async fn start(args: &Args, storage: String) -> Result<Server> {
    let provider = connect(&args.rpc).await?;
    let Some(address) = args.hub else {
        bail!("which hub? Give --hub ADDRESS, or set CANUT_HUB");
    };
    let hub = Hub::at(provider, address)
        .await
        .wrap_err_with(|| format!("there is no hub at {address}"))?;
    let domain = hub.domain();
    let follow = FollowConfig {
        depth: args.confirmations,
        poll: Duration::from_millis(args.poll),
        patience: PATIENCE,
        ..FollowConfig::default()
    };
    let mut config = Config::new(domain, storage);
    config.listen = args.listen;
    config.max_open_orders = args.max_open_orders;
    config.max_bytes = args.max_mib.saturating_mul(1 << 20);
    config.requests_per_minute = args.requests_per_minute;
    let chain = HubChain::new(hub, args.start_block, follow);
    let server = Server::start(config, Arc::new(chain))
        .await
        .wrap_err("the market does not start")?;
    print(args, &server, domain).wrap_err("writing to standard output")?;
    Ok(server)
}

fn print(args: &Args, server: &Server, domain: Domain) -> Result<()> {
    let url = format!("http://{}", server.address());
    let (chain_id, hub) = (domain.chain_id, domain.hub);
    let mut out = std::io::stdout().lock();
    if args.json {
        let ready = json!({ "market": url, "chain_id": chain_id, "hub": hub });
        writeln!(out, "{ready}")?;
        return Ok(out.flush()?);
    }
    writeln!(out, "Hub        {hub} on chain {chain_id}")?;
    match &args.dir {
        Some(dir) => writeln!(out, "Kept in    {}", dir.display())?,
        None => writeln!(out, "Kept in    the database of --storage")?,
    }
    writeln!(out, "Documents  {url}/openapi.json")?;
    writeln!(out, "Prometheus {url}/metrics/prometheus")?;
    writeln!(out, "Market listening on {url}")?;
    Ok(out.flush()?)
}
