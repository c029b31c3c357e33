//! `canut worker`: lends this machine to a pool.

use std::{io::Write, num::NonZeroUsize, path::PathBuf, sync::Arc};

use canut_pool::session::PATH;
use canut_sandbox::WasmRuntime;
use canut_worker::{Config, Place};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;

use crate::{logging, service::PlaceArgs, signals::Signals};

/// Lend this machine to a pool: take tasks, compute them, vote on the chain, and be paid.
///
/// A worker stakes RLC that it has on the hub; a wrong result costs the stake. It needs a little ether for its transactions.
/// Stop it whenever you like: what it took is written down, and it goes on at the next start with the same --dir.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  CANUT_PRIVATE_KEY=0x… canut worker --pool ws://pool.example/session --hub 0x… --workerpool 0x… \\
      --rpc wss://node.example --store https://store.example --dir ./worker")]
pub(crate) struct Args {
    /// The pool: its address, as `canut pool` prints it; http and ws URLs mean the same
    #[arg(long, value_name = "URL", value_parser = sessions)]
    pool: String,

    #[command(flatten)]
    place: PlaceArgs,

    /// Folder of what the worker has to remember; created if it is not there. One worker at a time may use it
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,

    /// Tasks computed at the same time [default: one for each core]
    #[arg(long, value_name = "N")]
    slots: Option<NonZeroUsize>,

    /// Fetch inputs from private networks and from this machine as well. Strangers then reach what this machine reaches
    #[arg(long)]
    private_networks: bool,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// The URL of a pool's sessions, from what people write.
fn sessions(text: &str) -> Result<String, String> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("write a URL, for example ws://127.0.0.1:8548")?;
    let scheme = match scheme {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        other => return Err(format!("a pool is reached by ws or wss, not by {other}")),
    };
    let rest = rest.trim_end_matches('/');
    let path = if rest.contains('/') { "" } else { PATH };
    Ok(format!("{scheme}://{rest}{path}"))
}

/// Runs the worker until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start("info");
    let mut signals = Signals::listen()?;
    let key = args.place.key.read()?;
    let address = key.address();
    let compiled = std::path::absolute(args.dir.join("compiled"))?;
    let runtime = Arc::new(WasmRuntime::new(Some(compiled))?);
    let place = Place {
        pool: args.pool.clone(),
        rpc: args.place.chain.rpc.clone(),
        hub: args.place.chain.hub,
        workerpool: args.place.workerpool,
        store: args.place.store.clone(),
    };
    let mut config = Config::new(place, key, &args.dir, runtime);
    config.slots = args.slots.unwrap_or(config.slots);
    config.private_networks = args.private_networks;
    let slots = config.slots;
    let worker = canut_worker::start(config)
        .await
        .wrap_err("the worker does not start")?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "worker": address, "slots": slots }))?;
    } else {
        writeln!(
            out,
            "Worker {address} with {slots} slots, for the pool at {}",
            args.pool
        )?;
    }
    out.flush()?;
    drop(out);
    signals.next().await;
    tracing::info!("stopping: what is under way is taken up at the next start");
    worker.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_named_as_people_name_it() {
        for text in [
            "ws://pool:1/session",
            "ws://pool:1",
            "http://pool:1/",
            "http://pool:1/session/",
        ] {
            assert_eq!(
                sessions(text).as_deref(),
                Ok("ws://pool:1/session"),
                "{text}"
            );
        }
        assert_eq!(sessions("https://a").as_deref(), Ok("wss://a/session"));
        assert!(sessions("pool:1").is_err() && sessions("ftp://pool").is_err());
    }
}
