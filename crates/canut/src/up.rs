//! `canut up`: a market of one's own, in one process.

use crate::{
    local::{Local, NAMED, RLC_EACH, Settings},
    logging,
    signals::Signals,
};
use canut_client::Home;
use canut_pool::Way;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{io::Write, net::SocketAddr, path::PathBuf, thread};

/// Run a market of your own: an Ethereum node with the hub on it, a store, an order book, a vault, a pool and its workers.
///
/// Nothing needs to be installed. The first start puts the contracts on the chain; a later start with the same --dir finds
/// them there and goes on where the market stopped, tasks included.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut up
      A market that is forgotten when you stop it.
  canut up --dir ./market --workers 8
      A market that is kept in ./market, with eight workers.
  canut run app.wasm --trust 75%
      In another terminal: have something computed on it. Three new workers reach trust 8, four 16.
  canut up --json
      One line for scripts once everything is ready: rpc, chain_id, hub, token, market, store, vault, pool, workerpool, accounts.

The accounts are those of the mnemonic that every development chain uses. Everybody knows their keys.")]
pub(crate) struct Args {
    /// Folder that keeps everything; created if it is not there. Without it the market is forgotten in the end
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// Workers, each with one slot [default: one for each core, at least 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: Option<u16>,

    /// Address of the node's JSON-RPC; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8545")]
    rpc: SocketAddr,

    /// Address of the order book
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8546")]
    market: SocketAddr,

    /// Address of the store, an IPFS gateway
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8547")]
    store: SocketAddr,

    /// Address of the vault, which keeps secrets
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8549")]
    vault: SocketAddr,

    /// Address of the pool
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8548")]
    pool: SocketAddr,

    /// Serve deals by transactions of every worker, as any PoCo pool does, and not by signed votes on ranges of tasks
    #[arg(long)]
    open: bool,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// Under which name other commands find the market.
const NETWORK: &str = "up";

/// Runs the market until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start(if args.json {
        "warn"
    } else {
        "canut_hub=info,warn"
    });
    let mut signals = Signals::listen()?;
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().wrap_err("no folder for the market")?),
    };
    let kept = args.dir.clone();
    let folder = temporary.as_ref().map(|folder| folder.path().to_owned());
    let settings = Settings {
        folder: kept.or(folder).unwrap_or_default(),
        rpc: args.rpc,
        market: args.market,
        store: args.store,
        vault: args.vault,
        pool: args.pool,
        workers: args.workers.map_or_else(default_workers, usize::from),
        cheats: 0,
        way: if args.open {
            Way::Open
        } else {
            Way::Certificate
        },
    };
    let local = tokio::select! {
        opened = Local::open(settings) => opened?,
        () = signals.next() => return Ok(()),
    };
    let noted = note(&local);
    print(&args, &local).wrap_err("writing to standard output")?;
    let stopped = tokio::select! {
        failed = local.failed() => Err(failed),
        () = signals.next() => Ok(()),
    };
    if let Some(home) = noted {
        // Another market may have taken its place meanwhile, or somebody may have removed it.
        if home
            .network(NETWORK)
            .is_ok_and(|noted| noted == local.network())
        {
            let _ = home.remove_network(NETWORK);
        }
    }
    local.close().await;
    stopped
}

/// Writes down where the market is, so that other commands of this person find it without being told.
fn note(local: &Local) -> Option<Home> {
    let written = Home::find()
        .map_err(canut_client::Error::from)
        .and_then(|home| {
            home.save_network(NETWORK, &local.network())?;
            Ok(home)
        });
    written
        .inspect_err(|error| {
            tracing::warn!(%error, "other commands must be told where this market is");
        })
        .ok()
}

/// One for each core, and enough to certify something.
fn default_workers() -> usize {
    thread::available_parallelism().map_or(3, |cores| cores.get().max(3))
}

fn print(args: &Args, local: &Local) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let deployment = &local.deployment;
    if args.json {
        let accounts: Vec<_> = local
            .accounts
            .named()
            .map(|key| json!({ "address": key.address(), "private_key": key.to_bytes() }))
            .collect();
        let ready = json!({
            "rpc": local.rpc(),
            "chain_id": deployment.chain_id,
            "hub": deployment.hub,
            "token": deployment.token,
            "market": local.market(),
            "store": local.store(),
            "vault": local.vault(),
            "pool": local.pool(),
            "workerpool": local.workerpool,
            "accounts": accounts,
        });
        writeln!(out, "{ready}")?;
        return Ok(out.flush()?);
    }
    writeln!(out, "The market is up.\n")?;
    writeln!(
        out,
        "JSON-RPC   {} (WebSocket on the same port)",
        local.rpc()
    )?;
    writeln!(out, "Chain id   {}", deployment.chain_id)?;
    writeln!(out, "Hub        {}", deployment.hub)?;
    writeln!(out, "Token      {}", deployment.token)?;
    writeln!(out, "Market     {}", local.market())?;
    writeln!(out, "Store      {}", local.store())?;
    writeln!(out, "Vault      {}", local.vault())?;
    writeln!(
        out,
        "Pool       {}, {} workers",
        local.pool(),
        local.workers()
    )?;
    match &args.dir {
        Some(dir) => writeln!(out, "Kept in    {}", dir.display())?,
        None => writeln!(
            out,
            "Kept in    a temporary folder: it ends with this process"
        )?,
    }
    writeln!(
        out,
        "\nAccounts, with 10,000 ether and {RLC_EACH} RLC each (everybody knows these keys). The first owns the hub, the last \
         of the {NAMED} the workerpool:"
    )?;
    for key in local.accounts.named() {
        writeln!(out, "  {}  {}", key.address(), key.to_bytes())?;
    }
    writeln!(out, "\nCtrl-C stops it.")?;
    Ok(out.flush()?)
}
