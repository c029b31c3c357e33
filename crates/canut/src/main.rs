//! The command: parses, composes, prints.

mod client;
mod demo;
mod hub;
mod local;
mod logging;
mod market;
mod node;
mod pool;
mod relay;
mod service;
mod settings;
mod signals;
mod store;
mod up;
mod vault;
mod worker;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
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
enum Verb {
    Up(up::Args),
    Demo(demo::Args),
    Market(market::Args),
    Node(node::Args),
    Hub(hub::Args),
    Store(store::Args),
    Vault(vault::Args),
    Relay(relay::Args),
    Pool(pool::Args),
    Worker(worker::Args),
    #[command(flatten)]
    Client(client::Verb),
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match cli.verb {
        Verb::Up(args) => up::run(args).await,
        Verb::Demo(args) => demo::run(args).await,
        Verb::Market(args) => market::run(args).await,
        Verb::Node(args) => node::run(args).await,
        Verb::Hub(args) => hub::run(args).await,
        Verb::Store(args) => store::run(args).await,
        Verb::Vault(args) => vault::run(args).await,
        Verb::Relay(args) => relay::run(args).await,
        Verb::Pool(args) => pool::run(args).await,
        Verb::Worker(args) => worker::run(args).await,
        Verb::Client(verb) => client::run(verb).await,
    };
    let Err(report) = done else {
        return ExitCode::SUCCESS;
    };
    if is_unread(&report) {
        return ExitCode::SUCCESS;
    }
    let text = if wants_json(&matches) {
        serde_json::json!({ "error": format!("{report:#}") }).to_string()
    } else {
        format!("error: {report:#}")
    };
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}

/// Whether whoever reads the result has read enough, as `head` does.
fn is_unread(report: &eyre::Report) -> bool {
    // Deeper down are the broken connections of services, which are no end of reading.
    let cause = report.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Whether the command was given `--json`.
fn wants_json(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, verb)) => wants_json(verb),
        None => matches!(matches.try_get_one("json"), Ok(Some(true))),
    }
}
