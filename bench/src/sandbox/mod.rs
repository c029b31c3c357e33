//! `bench sandbox`: one program native, in `wasm` and in `oci`; beside the `wasmtime` command and the engines of containers alone.
//!
//! The program is the app `option-pricer`. Its native build, static, comes from the compiler that makes the WebAssembly; it is
//! all that the container image holds. To start is to run the program with next to nothing to compute, from the call until its
//! result is in the output folder and whatever ran it is gone. To compute is to run it with much; its processor time counts
//! everything that was started for it. Every run must leave the same result.
//!
//! All ways take turns, so that what else happens on the machine happens to all.

mod bare;
mod desk;
mod image;
mod program;
mod report;
mod ways;

use std::time::{Duration, Instant};

use canut_sandbox::EngineKind;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, ensure};

use crate::process;
use desk::Desk;
use program::Program;
pub(crate) use report::Report;
use report::Series;
use ways::Way;

/// What to measure.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Starts of each way to run it
    #[arg(long, default_value_t = 100)]
    starts: usize,

    /// How often each way computes
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Paths to simulate while it computes: about a second for forty million
    #[arg(long, default_value_t = 40_000_000)]
    paths: u64,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Next to nothing to compute.
const ONE: u64 = 1;

/// A run takes minutes: whoever waits should see that it goes on.
fn say(what: &str) {
    eprintln!("{what}");
}

/// Measures.
pub(crate) fn run(args: &Args) -> Result<Report> {
    ensure!(args.starts > 0 && args.rounds > 0, "nothing to measure");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(args))
}

async fn measure(args: &Args) -> Result<Report> {
    let program = Program::make().await.wrap_err("the program")?;
    let (ways, missing) = ways::all(&program).await?;
    let mut desk = Desk::new(program)?;
    let mut series: Vec<_> = ways.iter().map(Series::new).collect();
    // Not measured: what is compiled or unpacked once, and the results that all must find.
    for way in &ways {
        once(&mut desk, way, ONE).await?;
    }
    say(&format!("{} starts of each", args.starts));
    for _ in 0..args.starts {
        for (way, series) in ways.iter().zip(&mut series) {
            series.starts.push(once(&mut desk, way, ONE).await?.0);
        }
    }
    for round in 1..=args.rounds {
        say(&format!("computing, {round} of {}", args.rounds));
        for (way, series) in ways.iter().zip(&mut series) {
            series
                .computing
                .push(once(&mut desk, way, args.paths).await?);
        }
    }
    Ok(Report::new(args.json, &series, missing))
}

/// Runs it once: how long it took by the clock, and on the processor.
async fn once(desk: &mut Desk, way: &Way, paths: u64) -> Result<(Duration, Duration)> {
    way.prepare(desk, paths)?;
    let (before, start) = (process::own_and_ended()?, Instant::now());
    let result = way.run(desk, paths).await.wrap_err_with(|| way.name())?;
    let elapsed = start.elapsed();
    let used = process::own_and_ended()? - before;
    desk.check(paths, result).wrap_err_with(|| way.name())?;
    Ok((elapsed, Duration::try_from_secs_f64(used.total().max(0.0))?))
}

/// The engines of this machine, or why they are not used.
const ENGINES: [EngineKind; 3] = [EngineKind::Runc, EngineKind::Crun, EngineKind::Runsc];
