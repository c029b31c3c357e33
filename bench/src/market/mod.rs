//! `bench market`: the market under load, over HTTP, with the durability and the limits it has in use.
//!
//! Wallets publish as iExec's SDK does: each order costs a challenge, a signature under it, and the order itself, which is on
//! disk when the answer comes. The book they fill is then asked for pages and matches. The chain is one in memory, so that
//! the market alone is measured; the clients share the machine with it.

mod ask;
mod orders;
mod publish;
mod queries;
mod report;
mod signatures;
mod world;

use clap::Args as ClapArgs;
use eyre::Result;

use report::Report;
use world::World;

/// What to measure.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Orders to publish, 50 of each wallet
    #[arg(long, default_value_t = 100_000)]
    orders: usize,

    /// Clients that publish at once
    #[arg(long, default_value_t = 64)]
    publishers: usize,

    /// Clients that ask at once
    #[arg(long, default_value_t = 2)]
    readers: usize,

    /// Pages to ask for, over all clients
    #[arg(long, default_value_t = 20_000)]
    pages: usize,

    /// Matches to ask for, over all clients
    #[arg(long, default_value_t = 20_000)]
    matches: usize,

    /// Database to keep the orders in [default: a new SQLite file]
    #[arg(long, value_name = "URL")]
    storage: Option<String>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Measures.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let signatures = signatures::measure()?;
    let runtime = tokio::runtime::Runtime::new()?;
    // The market has threads of its own, as in its own process.
    let server = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(args, server.handle(), signatures));
    server.shutdown_background();
    report
}

/// What the machine and HTTP take of every answer.
const NOTHING: &str = "questions that cost nothing";

/// A run takes a minute: whoever waits should see that it goes on.
fn say(what: &str) {
    eprintln!("{what}");
}

async fn measure(
    args: &Args,
    server: &tokio::runtime::Handle,
    signatures: signatures::Rates,
) -> Result<Report> {
    let world = World::open(args, server).await?;
    let published = publish::all(&world, args.orders, args.publishers).await?;
    let address = world.address();
    let mut series = Vec::new();
    for (name, questions) in [
        (NOTHING, queries::nothing(args.matches)),
        ("pages", queries::pages(&world, args.pages)),
        ("matches", queries::matches(&world, args.matches)),
        ("unfillable", queries::unfillable(&world, args.matches)),
    ] {
        say(&format!("{} {name}", questions.len()));
        let measured = ask::all(address, questions, args.readers).await?;
        series.push((name, measured));
    }
    say("a fork, and a start");
    let reorganised = world.reorganise().await;
    let (started, open) = world.restart(server).await?;
    Ok(Report {
        json: args.json,
        signatures,
        published,
        series,
        reorganised,
        started,
        open,
    })
}
