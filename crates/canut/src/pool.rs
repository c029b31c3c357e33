//! `canut pool`: the scheduler of a workerpool.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use canut_pool::{Config, STRIDE, Way};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;

use crate::{
    logging,
    service::{ChainArgs, PlaceArgs},
    signals::Signals,
};

/// Run a pool: follow the deals of a workerpool, give their tasks to workers until trust is met, and settle.
///
/// Workers vote on whole ranges of tasks by signed messages, and the pool settles each range by one transaction. Only workers
/// with a bond in the pool are asked: `canut worker` makes one. Deals that cannot be served so (enclaves, inputs that can change)
/// are served by transactions of every worker, as all are with --open.
///
/// The key is the workerpool owner's. Its stake on the hub backs what it sells. The pool writes down what it decides and reads
/// the rest from the chain: stop it, kill it, lose its folder; started again it goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  CANUT_PRIVATE_KEY=0x… canut workerpool create 'my machines'
      Once, before the first start: it prints the address for --workerpool.
  CANUT_PRIVATE_KEY=0x… canut pool --hub 0x… --workerpool 0x… --dir ./pool --listen 0.0.0.0:8548
      A pool that workers on other machines reach.
  CANUT_PRIVATE_KEY=0x… canut workerpool publish 0x… --price 1RLC --trust 2 --volume 100
      Sell its computing: without an offer nobody buys.

Workers dial in at /session; /tasks/ID, /health and /metrics answer on the same port.")]
pub(crate) struct Args {
    #[command(flatten)]
    place: PlaceArgs,

    /// Folder of the pool's database; created if it is not there
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8548")]
    listen: SocketAddr,

    /// Where the world reaches this port, for iExec's tools, behind a proxy for instance
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Block to read the chain from at the first start: not after the pool's first deal
    #[arg(long, value_name = "N", default_value_t = 0)]
    start_block: u64,

    /// Blocks that must follow a block before the pool acts on it: 0 where blocks are final
    #[arg(long, value_name = "N", default_value_t = 0)]
    confirmations: u64,

    /// Seconds that a worker may be away before its tasks are given to others
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    grace: u64,

    /// Serve new deals by transactions of every worker, as any PoCo pool does, and not by signed votes on ranges of tasks
    #[arg(long)]
    open: bool,

    /// Most tasks of a range that workers vote on at once
    #[arg(long, value_name = "N", default_value_t = STRIDE, value_parser = clap::value_parser!(u16).range(1..=4096))]
    stride: u16,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs the pool until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start("info");
    let mut signals = Signals::listen()?;
    let key = args.place.key.read()?;
    let ChainArgs { rpc, hub } = args.place.chain.clone();
    let mut config = Config::new(
        rpc,
        hub,
        args.place.workerpool,
        key,
        &args.place.store,
        &args.dir,
    );
    if args.open {
        config.way = Way::Open;
    }
    config.stride = args.stride;
    config.listen = args.listen;
    config.url.clone_from(&args.url);
    config.start_block = args.start_block;
    config.follow.depth = args.confirmations;
    config.settings.grace = args.grace;
    let pool = canut_pool::start(config)
        .await
        .wrap_err("the pool does not start")?;
    print(&args, &pool).wrap_err("writing to standard output")?;
    signals.next().await;
    tracing::info!("stopping");
    pool.shutdown().await;
    Ok(())
}

fn print(args: &Args, pool: &canut_pool::Handle) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let url = format!("http://{}", pool.address());
        let ready = json!({ "pool": url, "sessions": pool.sessions(), "workerpool": args.place.workerpool });
        writeln!(out, "{ready}")?;
    } else {
        writeln!(
            out,
            "Pool of {}, workers dial {}",
            args.place.workerpool,
            pool.sessions()
        )?;
    }
    Ok(out.flush()?)
}
