//! `bench dispatch`: the same empty tasks through Dask and Ray, and through Canut, on this machine.
//!
//! Dask distributed and Ray run a function that does nothing in two processes: from the first call to the last result in the
//! hands of who asked. Nobody checks a result there. Canut (`canut up`, one process with a chain, a market, a pool, a store and
//! workers) runs the app that does nothing: from the first order until the chain has certified the last task. At trust 1 a
//! task is computed once, at trust 100 two workers that have the best record must agree on it. Every round of Canut is a
//! market of its own, warmed up; the rounds of a peer follow one another on one cluster, warmed up. The median round counts.

mod peer;
mod report;

use std::{path::PathBuf, time::Duration};

use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, ensure};

use crate::certificate::{self, Order};
use peer::Peer;
pub(crate) use report::Report;
use report::Side;

/// How many empty tasks a second Dask, Ray and Canut (`canut up`) do, the last certified.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Tasks of a round
    #[arg(long, default_value_t = 10_000)]
    tasks: u64,

    /// Rounds of each, of which the median counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,

    /// Processes that compute for Dask and Ray
    #[arg(long, default_value_t = 2)]
    processes: u16,

    /// Workers of Canut, in one process; with less than seven the market does not offer trust 100
    #[arg(long, default_value_t = 8)]
    workers: u16,

    /// Tasks of a deal
    #[arg(long, default_value_t = 500)]
    bag: u64,

    /// The command to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE", env = "CANUT_BIN")]
    canut: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// The trusts that are asked for, and what scripts call them.
const TRUSTS: [(&str, u64); 2] = [("trust_1", 1), ("trust_100", 100)];

/// A run takes minutes: whoever waits should see that it goes on.
fn say(what: &str) {
    eprintln!("{what}");
}

/// Measures.
pub(crate) fn run(args: &Args) -> Result<Report> {
    ensure!(
        args.tasks > 0 && args.rounds > 0 && args.bag > 0 && args.processes > 0,
        "nothing to measure"
    );
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(args))
}

async fn measure(args: &Args) -> Result<Report> {
    let mut sides = Vec::new();
    for peer in Peer::ALL {
        say(&format!("{}: {} rounds", peer.key(), args.rounds));
        // A peer that cannot be had here is no reason not to measure the others.
        let times = peer.measure(args.tasks, args.processes, args.rounds).await;
        sides.push(Side::new(peer.key(), args.tasks, times));
    }
    for (key, trust) in TRUSTS {
        let times = ours(args, trust).await.wrap_err(key)?;
        sides.push(Side::new(key, args.tasks, Ok(times)));
    }
    Ok(Report::new(args.json, sides))
}

/// The rounds of Canut.
async fn ours(args: &Args, trust: u64) -> Result<Vec<Duration>> {
    let order = Order {
        tasks: args.tasks,
        bag: args.bag,
        workers: args.workers,
        known: true,
        trust,
    };
    let mut times = Vec::new();
    for round in 1..=args.rounds {
        say(&format!("trust {trust}: round {round} of {}", args.rounds));
        let series = certificate::measure(args.canut.as_deref(), order).await?;
        times.push(series.took());
    }
    Ok(times)
}
