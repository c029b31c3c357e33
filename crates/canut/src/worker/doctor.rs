//! `canut worker doctor`: what this machine can offer, and what is missing.

use std::{io::Write, path::PathBuf};

use canut_worker::doctor::{self, Check, Containers, Lent, Place, State};
use clap::Args as ClapArgs;
use eyre::{Result, bail};

use super::{
    benchmark,
    settings::{RuntimeName, Settings},
};

/// Say what this machine can offer, what is missing, and what to do about it.
///
/// It tries things: it starts a container, and dials the pool, the store and the node. With the settings of a worker it says
/// whether that worker can work.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut worker doctor --config worker.toml")]
pub(super) struct Args {
    /// File of settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks, prints, and fails if the worker could not work.
pub(super) async fn run(args: Args) -> Result<()> {
    let settings = args.settings.with_file(args.config.as_ref())?;
    let folder = settings.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let lent = Lent {
        slots: settings.slots(),
        memory: settings.memory(),
        disk: settings.disk(),
        containers: containers(&settings),
    };
    let mut checks = doctor::machine(&folder, &lent).await;
    let key = settings.key().read().ok();
    if let (Some(key), Ok(domain)) = (&key, benchmark::domain(&settings).await) {
        checks.push(doctor::benchmark(&folder, key, &domain));
    }
    let place = Place {
        rpc: Some(settings.rpc()),
        hub: settings.hub,
        workerpool: settings.workerpool,
        pool: settings.pool.clone(),
        store: Some(settings.store()),
        worker: key.map(|key| key.address()),
    };
    checks.extend(doctor::market(&place).await);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&checks)?)?;
    } else {
        checks.iter().try_for_each(|check| print(&mut out, check))?;
    }
    out.flush()?;
    let bad = checks
        .iter()
        .filter(|check| check.state == State::Bad)
        .count();
    if bad > 0 {
        bail!("{bad} of {} keep a worker from working here", checks.len());
    }
    Ok(())
}

fn containers(settings: &Settings) -> Containers {
    match (&settings.runtimes, settings.engines()) {
        (None, engines) => Containers::Welcome(engines),
        (Some(_), engines) if settings.offers(RuntimeName::Oci) => Containers::Needed(engines),
        (Some(_), _) => Containers::Unwanted,
    }
}

fn print(out: &mut impl Write, check: &Check) -> Result<()> {
    let sign = match check.state {
        State::Good => "ok  ",
        State::Less => "less",
        State::Bad => "BAD ",
    };
    writeln!(out, "{sign} {:<13} {}", check.name, check.found)?;
    if let Some(remedy) = &check.remedy {
        writeln!(out, "     {:<13} {remedy}", "")?;
    }
    Ok(())
}
