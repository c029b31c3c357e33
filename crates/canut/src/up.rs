//! `canut up`: a market of one's own, in one process.

use crate::{logging, signals::Signals};
use alloy_primitives::Address;
use canut_chain::{Config, DEV_MNEMONIC, Node, mnemonic_keys};
use canut_hub::{Caller, Deployment, Hub, Plan, Sender, SenderConfig, connect, deploy};
use canut_protocol::Nrlc;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

/// Run a market of your own: an Ethereum node with the hub on it, and accounts that have money.
///
/// Nothing needs to be installed. The first start puts the contracts on the chain; a later start with the same --dir finds
/// them there and goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut up
      A market that is forgotten when you stop it.
  canut up --dir ./market
      A market that is kept in ./market.
  canut up --json
      One line for scripts once everything is ready: rpc, chain_id, hub, token, accounts.

The accounts are those of the mnemonic that every development chain uses. Everybody knows their keys.")]
pub(crate) struct Args {
    /// Folder that keeps everything; created if it is not there. Without it the market is kept in memory
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// Address of the node's JSON-RPC; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8545")]
    rpc: SocketAddr,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// Accounts with money.
const ACCOUNTS: u32 = 10;
/// What each is given, in RLC. The rest of the supply stays with the first, who owns the hub.
const RLC_EACH: u64 = 100_000;

/// Runs the market until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start(if args.json {
        "warn"
    } else {
        "canut_hub=info,warn"
    });
    let mut signals = Signals::listen()?;
    let mut config = Config::dev()?;
    config.dir = args.dir.as_ref().map(|dir| dir.join("chain"));
    config.http = args.rpc;
    let node = Node::start(config)
        .await
        .wrap_err("the node does not start")?;
    let stopped = tokio::select! {
        served = serve(&args, &node) => served,
        () = signals.next() => Ok(()),
    };
    node.shutdown().await;
    stopped
}

/// Prepares the market, says that it is there, and waits for the node to fail.
async fn serve(args: &Args, node: &Node) -> Result<()> {
    let deployment = prepare(node)
        .await
        .wrap_err("the market could not be put on the chain")?;
    print(args, node, &deployment).wrap_err("writing to standard output")?;
    Err(node.failed().await.into())
}

/// Puts the contracts on the chain and gives every account its RLC; does only what is missing.
async fn prepare(node: &Node) -> Result<Deployment> {
    let keys = mnemonic_keys(DEV_MNEMONIC, ACCOUNTS)?;
    let addresses: Vec<Address> = keys.iter().map(|key| key.address()).collect();
    let Some(owner) = keys.into_iter().next() else {
        eyre::bail!("no account")
    };
    let provider = connect(&node.http_url()).await?;
    // The node answers from the same process and its blocks are final at once.
    let config = SenderConfig {
        poll: Duration::from_millis(5),
        ..SenderConfig::default()
    };
    let sender = Sender::new(provider.clone(), owner, config).await?;
    let deployment = deploy(provider.clone(), &sender, &Plan::new(sender.address())).await?;
    let caller = Caller::new(Hub::new(provider, deployment), sender);
    for account in addresses.into_iter().skip(1) {
        let has = caller.hub().token_balance(account).await?;
        let used = caller.hub().account(account).await?;
        if has.is_zero() && used.stake.is_zero() && used.locked.is_zero() {
            caller.transfer_token(account, Nrlc::rlc(RLC_EACH)).await?;
        }
    }
    Ok(deployment)
}

fn print(args: &Args, node: &Node, deployment: &Deployment) -> Result<()> {
    let keys = mnemonic_keys(DEV_MNEMONIC, ACCOUNTS)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let accounts: Vec<_> = keys
            .iter()
            .map(|key| json!({ "address": key.address(), "private_key": key.to_bytes() }))
            .collect();
        let ready = json!({
            "rpc": node.http_url(),
            "chain_id": deployment.chain_id,
            "hub": deployment.hub,
            "token": deployment.token,
            "accounts": accounts,
        });
        writeln!(out, "{ready}")?;
        return Ok(out.flush()?);
    }
    writeln!(out, "The market is up.\n")?;
    writeln!(
        out,
        "JSON-RPC   {} (WebSocket on the same port)",
        node.http_url()
    )?;
    writeln!(out, "Chain id   {}", deployment.chain_id)?;
    writeln!(out, "Hub        {}", deployment.hub)?;
    writeln!(out, "Token      {}", deployment.token)?;
    match &args.dir {
        Some(dir) => writeln!(out, "Kept in    {}", dir.display())?,
        None => writeln!(out, "Kept in    memory: it ends with this process")?,
    }
    writeln!(
        out,
        "\nAccounts, with 10,000 ether and {RLC_EACH} RLC each (everybody knows these keys):"
    )?;
    for key in &keys {
        writeln!(out, "  {}  {}", key.address(), key.to_bytes())?;
    }
    writeln!(out, "\nCtrl-C stops it.")?;
    Ok(out.flush()?)
}
