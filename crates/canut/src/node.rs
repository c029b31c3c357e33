//! `canut node`: the embedded Ethereum node by itself.

use crate::{logging, signals::Signals};
use alloy_primitives::{Address, U256};
use canut_chain::{Config, DEV_CHAIN_ID, DEV_MNEMONIC, Genesis, Node, PrivateKeySigner};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail};
use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

/// Run an Ethereum node: one machine seals the blocks, any Ethereum library can talk to it.
///
/// A block is sealed as soon as a transaction waits, and is on disk before anyone is told of it:
/// what was acknowledged survives a power cut. Blocks, receipts and logs are kept for ever; the
/// state of the last 256 blocks can be read.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut node --dev
      A development chain in memory at http://127.0.0.1:8545: ten rich accounts, time travel, snapshots.
  canut node --dir ./chain --chain-id 4213 --fund 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1000
      A chain of your own, kept in ./chain. Start it again with the same options.
  cast block-number --rpc-url http://127.0.0.1:8545
      Ask it something.

HTTP, WebSocket and Prometheus (/metrics) share one port. RUST_LOG=debug says more.")]
pub(crate) struct Args {
    /// Folder of the chain; created if it is not there. Without it, --dev keeps the chain in memory
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one
    #[arg(
        long,
        alias = "http",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:8545"
    )]
    listen: SocketAddr,

    /// Chain id (EIP-155) that transactions are signed for [default with --dev: 31337]
    #[arg(long, value_name = "N")]
    chain_id: Option<u64>,

    /// A chain for development: ten accounts with 10,000 ether each, whose keys everybody knows,
    /// and the methods evm_*, hardhat_* and anvil_*. Never give it to strangers
    #[arg(long)]
    dev: bool,

    /// Seal a block at least so often, even an empty one, for example 5s or 500ms [default: only
    /// when a transaction waits]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    block_time: Option<Duration>,

    /// Who is paid the priority fees
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, value_parser = crate::client::address)]
    beneficiary: Address,

    /// Give an account ether in the first block; may be repeated
    #[arg(long, value_name = "ADDRESS=ETHER", value_parser = fund)]
    fund: Vec<(Address, U256)>,

    /// Let the pages of this origin ask from a browser; * lets all [default with --dev: *]
    #[arg(long, value_name = "ORIGIN")]
    cors: Option<String>,
}

/// `5s`, `500ms`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| {
        digits
            .parse::<f64>()
            .map_err(|_| format!("{text:?} is no time: write 5s or 500ms"))
    };
    let seconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => number(digits)? / 1000.0,
        (None, Some(digits)) => number(digits)?,
        (None, None) => number(text)?,
    };
    let time =
        Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text:?} is out of range"))?;
    if time < Duration::from_millis(10) {
        Err("at least 10ms".into())
    } else {
        Ok(time)
    }
}

/// `0x…=1.5`
fn fund(text: &str) -> Result<(Address, U256), String> {
    let (address, ether) = text.split_once('=').ok_or("write ADDRESS=ETHER")?;
    let address = address
        .parse()
        .map_err(|error| format!("{address:?} is no address: {error}"))?;
    let wei = alloy_primitives::utils::parse_ether(ether)
        .map_err(|error| format!("{ether:?} is no amount: {error}"))?;
    Ok((address, wei))
}

fn config(args: &Args) -> Result<Config> {
    let mut config = if args.dev {
        Config::dev()?
    } else {
        if args.dir.is_none() {
            bail!(
                "where should the chain be kept? Give --dir FOLDER, or --dev for a chain in memory"
            );
        }
        let Some(chain_id) = args.chain_id else {
            bail!(
                "which chain is it? Give --chain-id N; any number that no public chain uses (see chainlist.org)"
            );
        };
        Config::new(Genesis::new(chain_id, []))
    };
    config.genesis.chain_id = args.chain_id.unwrap_or(config.genesis.chain_id);
    for (address, balance) in &args.fund {
        config.genesis.accounts.entry(*address).or_default().balance = *balance;
    }
    config.dir.clone_from(&args.dir);
    config.http = args.listen;
    config.block_time = args.block_time;
    config.beneficiary = args.beneficiary;
    config.cors = args.cors.clone().or(config.cors);
    Ok(config)
}

/// Runs the node until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start("info");
    let config = config(&args)?;
    let (chain_id, keys) = (
        config.genesis.chain_id,
        config.dev.clone().unwrap_or_default(),
    );
    // Before anyone is told that the node is there, so that a signal is never missed.
    let mut signals = Signals::listen()?;
    let node = Node::start(config)
        .await
        .wrap_err("the node does not start")?;
    print(&args, &node, chain_id, &keys).wrap_err("writing to standard output")?;
    let stopped = tokio::select! {
        failed = node.failed() => Err(failed),
        () = signals.next() => Ok(()),
    };
    tracing::info!("shutting down");
    let head = node.head().0;
    node.shutdown().await;
    tracing::info!(head, "stopped");
    Ok(stopped?)
}

/// What a person wants to know, and a script can read, on standard output.
fn print(args: &Args, node: &Node, chain_id: u64, keys: &[PrivateKeySigner]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.dev {
        writeln!(out, "Mnemonic: {DEV_MNEMONIC}")?;
        writeln!(
            out,
            "Everybody knows these keys: never send anything of value to them.\n"
        )?;
        for (index, key) in keys.iter().enumerate() {
            writeln!(
                out,
                "({index}) {}  {}  10000 ether",
                key.address(),
                key.to_bytes()
            )?;
        }
        writeln!(out)?;
    }
    let note = if chain_id == DEV_CHAIN_ID {
        ""
    } else {
        " (yours)"
    };
    writeln!(out, "Chain id: {chain_id}{note}")?;
    match &args.dir {
        Some(dir) => writeln!(out, "Chain kept in {}", dir.display())?,
        None => writeln!(out, "Chain kept in memory: it ends with this process")?,
    }
    writeln!(
        out,
        "WebSocket on {}, Prometheus at {}/metrics",
        node.ws_url(),
        node.http_url()
    )?;
    writeln!(out, "JSON-RPC listening on {}", node.http_url())?;
    Ok(out.flush()?)
}
