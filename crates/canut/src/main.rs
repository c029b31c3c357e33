//! The command: parses, composes, prints.

mod logging;
mod node;
mod signals;
mod up;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Canut: a decentralised marketplace for computing.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a market of your own: a node with the hub on it, and accounts that have money.
    Up(up::Args),
    /// Run an Ethereum node.
    Node(node::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Up(args) => up::run(args).await,
        Verb::Node(args) => node::run(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            tracing::error!("{report:#}");
            ExitCode::FAILURE
        }
    }
}
