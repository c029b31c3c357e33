//! `canut pool`: the scheduler of a workerpool.

mod explain;
mod offers;
mod settings;
mod status;

use std::{io::Write, path::PathBuf};

use alloy_primitives::Address;
use canut_client::{Client, Network, Pool};
use canut_pool::Config;
use clap::{Args as ClapArgs, Subcommand};
use eyre::{Result, WrapErr};
use serde_json::json;

use self::{
    offers::Seller,
    settings::{Offers, Settings},
};
use crate::{client::audits, logging, settings::layered, signals::Signals};

/// Run a pool: follow the deals of a workerpool, give their tasks to workers until trust is met, and settle.
///
/// Workers vote on whole ranges of tasks by signed messages, and the pool settles each range by one transaction. Only workers
/// with a bond in the pool are asked: `canut worker` makes one. Deals that cannot be served so (enclaves, inputs that can change)
/// are served by transactions of every worker, as all are with --open.
///
/// The key is the workerpool owner's. Its stake on the hub backs what it sells. The pool writes down what it decides and reads
/// the rest from the chain: stop it or kill it; started again it goes on. Without its folder it serves new deals only, and
/// leaves what was voted on before to its workers and the chain.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  CANUT_PRIVATE_KEY=0x… canut workerpool create 'my machines'
      Once, before the first start: it prints the address for --workerpool.
  CANUT_PRIVATE_KEY=0x… canut pool --hub 0x… --workerpool 0x… --dir ./pool --listen 0.0.0.0:8548
      A pool that workers on other machines reach.
  CANUT_PRIVATE_KEY=0x… canut workerpool publish 0x… --price 1RLC --trust 2 --volume 100
      Sell its computing: without an offer nobody buys.
  canut pool audits --check
      See, as anyone can, whether the pool drew its workers as it had promised.

Workers dial in at /session; /status, /workers, /tasks/ID, /audits, /health and /metrics answer on the same port.")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// File of settings in TOML, with the names of the flags: `listen = "0.0.0.0:8548"`. A flag wins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Status(status::Args),
    Explain(explain::Args),
    Audits(audits::Args),
}

/// Runs the pool until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    match args.verb {
        Some(Verb::Status(args)) => return status::run(args).await,
        Some(Verb::Explain(args)) => return explain::run(args).await,
        Some(Verb::Audits(args)) => {
            logging::start("error");
            return audits::run(args).await;
        }
        None => {}
    }
    logging::start("info");
    let mut signals = Signals::listen()?;
    // Every session takes a descriptor, and systems give a process few unless it asks for more.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is: it bounds the sessions");
    }
    let settings = layered(args.settings, args.config.as_deref())?;
    let (config, offers) = (settings.config()?, settings.offers()?);
    let workerpool = config.workerpool;
    let pool = canut_pool::start(config.clone())
        .await
        .wrap_err("the pool does not start")?;
    print(args.json, workerpool, &pool).wrap_err("writing to standard output")?;
    match offers {
        Some(offers) => {
            let seller = seller(&config, &pool, offers).await?;
            tokio::select! {
                () = seller.run() => {}
                () = signals.next() => {}
            }
        }
        None => signals.next().await,
    }
    tracing::info!("stopping");
    pool.shutdown().await;
    Ok(())
}

async fn seller(config: &Config, pool: &canut_pool::Handle, offers: Offers) -> Result<Seller> {
    let network = Network {
        rpc: config.rpc.clone(),
        hub: config.hub,
        market: Some(offers.market),
        ..Network::default()
    };
    let client = Client::connect(&network).await?;
    Ok(Seller {
        account: client.with_key(config.key.clone()).await?,
        caller: pool.caller().clone(),
        pool: Pool::new(&format!("http://{}", pool.address()))?,
        workerpool: config.workerpool,
        offers: offers.offers,
        every: offers.every,
    })
}

fn print(json: bool, workerpool: Address, pool: &canut_pool::Handle) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let url = format!("http://{}", pool.address());
        let ready = json!({ "pool": url, "sessions": pool.sessions(), "workerpool": workerpool });
        writeln!(out, "{ready}")?;
    } else {
        writeln!(
            out,
            "Pool of {workerpool}, workers dial {}",
            pool.sessions()
        )?;
    }
    Ok(out.flush()?)
}
