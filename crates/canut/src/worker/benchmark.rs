//! `canut worker benchmark`: measures the machine.

use std::path::PathBuf;

use canut_hub::{Hub, connect};
use canut_protocol::{
    Domain,
    benchmark::{Benchmark, SignedBenchmark},
};
use canut_worker::{Config, benchmark};
use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, WrapErr};

use super::settings::Settings;
use crate::{client::show, logging};

/// Measure this machine anew: what one core and all cores compute in the sandbox, and how fast the disk takes what is written.
///
/// It takes some seconds, in which nothing else should be computed. What is found is signed with the worker's key, kept in its
/// folder, and told to the pool when the worker starts next. A worker measures its machine by itself at its first start, and when
/// processor, cores or memory changed.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut worker benchmark --config worker.toml")]
pub(super) struct Args {
    /// File of settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    /// Print one line of JSON, and nothing else
    #[arg(long)]
    json: bool,
}

/// Measures, and prints what was found.
pub(super) async fn run(args: Args) -> Result<()> {
    logging::start(if args.json { "warn" } else { "info" });
    let settings = args.settings.with_file(args.config.as_ref())?;
    let folder = settings
        .dir
        .clone()
        .ok_or_eyre("which folder? Give --dir FOLDER")?;
    let key = settings.key().read()?;
    let domain = domain(&settings).await?;
    let signed = benchmark::measure(&folder, &key, &domain).await?;
    show(args.json, &signed, || measured(&signed.benchmark))
}

/// What the machine of a worker was measured to do: as it is known, or found out now. None if that is not wanted.
pub(super) async fn of(settings: &Settings, config: &Config) -> Result<Option<SignedBenchmark>> {
    if !settings.benchmark.unwrap_or(true) {
        return Ok(None);
    }
    let domain = domain(settings).await?;
    if let Some(known) = benchmark::known(&config.folder, &config.key, &domain) {
        return Ok(Some(known));
    }
    match benchmark::measure(&config.folder, &config.key, &domain).await {
        Ok(signed) => Ok(Some(signed)),
        Err(problem) => {
            // A pool that asks for it says so; others do not miss it.
            tracing::warn!(%problem, "the machine was not measured");
            Ok(None)
        }
    }
}

/// The hub that signatures are for.
pub(super) async fn domain(settings: &Settings) -> Result<Domain> {
    let hub = settings
        .hub
        .ok_or_eyre("which hub? Give --hub ADDRESS, or set CANUT_HUB")?;
    let node = connect(&settings.rpc()).await;
    let node = node.wrap_err("the node does not answer")?;
    Ok(Hub::at(node, hub).await?.domain())
}

/// What was measured, for people.
pub(crate) fn measured(benchmark: &Benchmark) -> String {
    const MILLION: u64 = 1_000_000;
    format!(
        "{}, {} cores, {} MiB: {} million instructions a second on one core, {} on all; {} MB a second to the disk",
        benchmark.processor,
        benchmark.cores,
        benchmark.memory >> 20,
        benchmark.single / MILLION,
        benchmark.all / MILLION,
        benchmark.disk / MILLION
    )
}
