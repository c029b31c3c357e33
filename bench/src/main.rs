//! What is measured against others, each peer in the same run.
//!
//! `cargo run --release -p bench -- NAME` prints a table for people; with `--json`, one line for scripts.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark is run for what it prints"
)]

mod certificate;
mod chain;
mod dispatch;
mod gas;
mod http;
mod latency;
mod market;
mod pool;
mod process;
mod python;
mod sandbox;
mod times;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about = "Measures Canut beside its peers, in the same run")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Gas of every operation of the hub, beside PoCo's contracts.
    Gas(gas::Args),
    /// The embedded Ethereum node, beside anvil.
    Chain(chain::Args),
    /// An empty task from the order to the verified result.
    Latency(latency::Args),
    /// The market: orders taken, pages shown, requests matched.
    Market(market::Args),
    /// The pool: tasks handed out and certified, sessions that wait.
    Pool(pool::Args),
    /// The process that `pool` measures.
    #[command(hide = true)]
    PoolService(Box<pool::ServiceArgs>),
    /// One program native, in WebAssembly and in a container.
    Sandbox(sandbox::Args),
    /// Empty tasks through Dask, through Ray, and certified.
    Dispatch(dispatch::Args),
    /// Bags of empty tasks, certified by votes on ranges.
    Certificate(certificate::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().bench {
        Bench::Gas(args) => gas::run(&args).map_err(eyre::Report::from),
        Bench::Latency(args) => latency::run(&args).map(|report| println!("{report}")),
        Bench::Market(args) => market::run(&args).map(|report| println!("{report}")),
        Bench::Pool(args) => pool::run(&args).map(|report| println!("{report}")),
        Bench::PoolService(args) => pool::serve(*args),
        Bench::Sandbox(args) => sandbox::run(&args).map(|report| println!("{report}")),
        Bench::Dispatch(args) => dispatch::run(&args).map(|report| println!("{report}")),
        Bench::Certificate(args) => certificate::run(&args).map(|report| println!("{report}")),
        Bench::Chain(args) => chain::run(args).map(|report| println!("{report}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
