//! The command: parses, composes, prints.

mod client;
mod demo;
mod hub;
mod local;
mod logging;
mod market;
mod node;
mod pool;
mod service;
mod settings;
mod signals;
mod store;
mod up;
mod vault;
mod worker;

use clap::{Parser, Subcommand};
use std::{io::Write, process::ExitCode};

/// Canut: a decentralised marketplace for computing.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

// What each does is said at its arguments.
#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and it is parsed once"
)]
enum Verb {
    Up(up::Args),
    Demo(demo::Args),
    Market(market::Args),
    Node(node::Args),
    Hub(hub::Args),
    Store(store::Args),
    Vault(vault::Args),
    Pool(pool::Args),
    Worker(worker::Args),
    #[command(flatten)]
    Client(client::Verb),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Up(args) => up::run(args).await,
        Verb::Demo(args) => demo::run(args).await,
        Verb::Market(args) => market::run(args).await,
        Verb::Node(args) => node::run(args).await,
        Verb::Hub(args) => hub::run(args).await,
        Verb::Store(args) => store::run(args).await,
        Verb::Vault(args) => vault::run(args).await,
        Verb::Pool(args) => pool::run(args).await,
        Verb::Worker(args) => worker::run(args).await,
        Verb::Client(verb) => return client::run(verb).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {report:#}");
            ExitCode::FAILURE
        }
    }
}
