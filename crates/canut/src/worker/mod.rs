//! `canut worker`: lends this machine to a pool.

mod benchmark;
mod bond;
mod doctor;
mod settings;
mod status;
mod unit;

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use canut_pool::session::PATH;
use canut_protocol::Nrlc;
use canut_sandbox::{OciRuntime, Runtime, Runtimes, WasmRuntime};
use canut_worker::{Config, Handle, Place, Presence, lending::TooLittle, screen::Terms};
use clap::{Args as ClapArgs, Subcommand};
use eyre::{OptionExt, Result, WrapErr, bail, eyre};
use serde_json::json;
use tokio::time::sleep;

pub(crate) use self::benchmark::measured;
use self::settings::{RuntimeName, Settings};
use crate::{logging, signals::Signals};

/// Lend this machine to a pool: take tasks, compute them, vote on their results, and be paid.
///
/// A worker bonds RLC that it has on the hub to its pool; a wrong result costs a part of the bond. What is not bonded is staked on
/// tasks of the open way, which are voted on by transactions. Ether is needed for these, to bond (unless somebody bonds for it),
/// and to be paid by the chain should the pool stall.
/// Told to stop by Ctrl-C or SIGTERM, it takes no more tasks, finishes and is paid for what it has, and leaves; told again, it
/// stops at once. Even then what it took is written down, and it goes on at the next start with the same --dir.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Example:
  CANUT_PRIVATE_KEY=0x… canut worker --pool ws://pool.example/session --hub 0x… --workerpool 0x… \\
      --rpc wss://node.example --store https://store.example --dir ./worker
  canut worker --config worker.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// File of settings in TOML, with the names of the flags: `pool = "ws://…"`, `runtimes = ["wasm"]`. A flag wins
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
    Benchmark(Box<benchmark::Args>),
    Doctor(Box<doctor::Args>),
    Status(Box<status::Args>),
    Unit(unit::Args),
    Bond(bond::Bond),
    Unbond(bond::Unbond),
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
    match args.verb {
        Some(Verb::Benchmark(args)) => return benchmark::run(*args).await,
        Some(Verb::Doctor(args)) => return doctor::run(*args).await,
        Some(Verb::Status(args)) => return status::run(*args).await,
        Some(Verb::Unit(args)) => return unit::run(&args),
        Some(Verb::Bond(args)) => return bond::add(args).await,
        Some(Verb::Unbond(args)) => return bond::take(args).await,
        None => {}
    }
    logging::start("info");
    let mut signals = Signals::listen()?;
    let settings = args.settings.with_file(args.config.as_ref())?;
    let key = settings.key().read()?;
    let address = key.address();
    let dir = settings
        .dir
        .clone()
        .ok_or_eyre("which folder? Give --dir FOLDER")?;
    let pool = settings
        .pool
        .as_deref()
        .ok_or_eyre("which pool? Give --pool URL")?;
    let place = place(&settings, pool)?;
    let at = place.pool.clone();
    let slots = settings.slots().map_err(too_little)?;
    let shares = settings.disk().map_err(too_little)?;
    let images = shares.map(|shares| shares.images);
    let (runtime, offered) = runtimes(&settings, &dir, images).await?;
    let mut config = Config::new(place, key, &dir, Arc::new(runtime));
    config.vault.clone_from(&settings.vault);
    config.relays = settings.relays.clone().unwrap_or_default();
    config.slots = slots;
    config.cache = settings.cache().unwrap_or(config.cache);
    if let Some(shares) = shares {
        (config.cache, config.work) = (shares.cache, Some(shares.work));
    }
    config.private_networks = settings.private_networks.unwrap_or_default();
    config.bond = settings.bond;
    if settings.open.unwrap_or_default() {
        if settings.bond.is_some_and(|bond| bond != Nrlc::ZERO) {
            bail!("a worker of the open way bonds nothing: give --bond or --open, not both");
        }
        config.take_tasks_only();
    }
    config.terms = terms(&settings);
    config.presence = Presence {
        hours: settings.hours.clone().unwrap_or_default(),
        idle_only: settings.idle_only.unwrap_or_default(),
        told: None,
    };
    config.page = settings.page();
    config.benchmark = benchmark::of(&settings, &config).await?;
    let patience = settings.patience();
    let worker = canut_worker::start(config)
        .await
        .wrap_err("the worker does not start")?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let ready = json!({
            "worker": address, "slots": slots, "runtimes": offered, "page": page(&worker),
        });
        writeln!(out, "{ready}")?;
    } else {
        let who = format!("Worker {address} with {slots} slots, for the pool at {at}");
        writeln!(out, "{who}\nRuns {}", offered.join(" and "))?;
        if let Some(page) = page(&worker) {
            writeln!(out, "Page {page}")?;
        }
    }
    out.flush()?;
    drop(out);
    signals.next().await;
    stop(worker, patience, &mut signals).await;
    Ok(())
}

/// Where it belongs.
fn place(settings: &Settings, pool: &str) -> Result<Place> {
    Ok(Place {
        pool: sessions(pool).map_err(eyre::Report::msg)?,
        rpc: settings.rpc(),
        hub: settings
            .hub
            .ok_or_eyre("which hub? Give --hub ADDRESS, or set CANUT_HUB")?,
        workerpool: settings
            .workerpool
            .ok_or_eyre("which workerpool? Give --workerpool ADDRESS")?,
        store: settings.store(),
    })
}

fn too_little(little: TooLittle) -> eyre::Report {
    eyre!("{little}: {}", little.remedy())
}

/// Where the page about it is.
fn page(worker: &Handle) -> Option<String> {
    worker.page().map(|page| format!("http://{page}"))
}

/// What the owner accepts.
fn terms(settings: &Settings) -> Terms {
    let refused = settings.refuse_apps.clone().unwrap_or_default();
    Terms {
        max_stake: settings.max_stake,
        min_price: settings.min_price.unwrap_or_default(),
        refused_apps: refused.into_iter().collect(),
        ..Terms::default()
    }
}

/// Lets the worker finish what it took, until it is done, patience ends, or somebody insists.
async fn stop(mut worker: Handle, patience: Duration, signals: &mut Signals) {
    tracing::info!(
        patience = patience.as_secs(),
        "finishing what was taken; a second signal stops at once"
    );
    worker.leave();
    tokio::select! {
        () = worker.over() => tracing::info!("nothing is left to do"),
        () = sleep(patience) => {}
        () = signals.next() => {}
    }
    let left = worker.holding().borrow().len();
    if left > 0 {
        tracing::warn!(
            left,
            "tasks are not over: start the worker again soon with the same --dir, or their stakes may be lost"
        );
    }
    worker.shutdown().await;
}

/// The runtimes that are wanted and work, and their names. One that was asked for by name must work.
async fn runtimes(
    settings: &Settings,
    dir: &std::path::Path,
    images: Option<u64>,
) -> Result<(Runtimes, Vec<String>)> {
    let wanted = |name| settings.offers(name);
    let (mut all, mut names): (Vec<Arc<dyn Runtime>>, _) = (Vec::new(), Vec::new());
    if wanted(RuntimeName::Wasm) {
        let compiled = std::path::absolute(dir.join("compiled"))?;
        all.push(Arc::new(WasmRuntime::new(Some(compiled))?));
        names.push("wasm".to_owned());
    }
    if wanted(RuntimeName::Oci) {
        let containers = dir.join("containers");
        let engines = settings.engines();
        let started = match images {
            Some(bytes) => OciRuntime::with_images(&containers, &engines, bytes).await,
            None => OciRuntime::new(&containers, &engines).await,
        };
        match started {
            Ok(oci) => {
                names.push(format!("oci ({})", oci.engine()));
                all.push(Arc::new(oci));
            }
            Err(problem) if settings.runtimes.is_some() => bail!("no containers: {problem}"),
            Err(problem) => tracing::info!(%problem, "container images are not offered"),
        }
    }
    Ok((Runtimes::new(all), names))
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
