//! How many tasks a second are certified by votes on ranges, and where the time goes.

mod history;
mod report;
mod usage;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use canut_client::{Account, Client, Limits, TaskName, Wanted};
use canut_hub::{Event, Follower, events::FollowConfig};
use canut_protocol::DealId;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail, ensure};

use crate::up::{Market, wanted};
use report::Report;
pub(crate) use report::Series;
use usage::Usage;

/// How many empty tasks a second a market of one machine (`canut up`) certifies by votes on ranges, at trust 100.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Tasks in all
    #[arg(long, default_value_t = 10_000)]
    tasks: u64,

    /// Tasks of a deal
    #[arg(long, default_value_t = 500)]
    bag: u64,

    /// Workers
    #[arg(long, default_value_t = 8)]
    workers: u16,

    /// The command to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE", env = "CANUT_BIN")]
    canut: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Tasks to have certified, by a market that is started for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) tasks: u64,
    /// Tasks of a deal.
    pub(crate) bag: u64,
    pub(crate) workers: u16,
    /// Whether the workers have the best score; else they are new.
    pub(crate) known: bool,
    pub(crate) trust: u64,
}

/// The trust that is asked for.
const TRUST: u64 = 100;
/// Longest time between two settlements.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures: first workers with a record, two of which reach the trust; then new ones, of which it takes seven.
pub(crate) fn run(args: &Args) -> Result<Report> {
    ensure!(args.tasks > 0 && args.bag > 0, "nothing to measure");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let order = |known| Order {
            tasks: args.tasks,
            bag: args.bag,
            workers: args.workers,
            known,
            trust: TRUST,
        };
        let binary = args.canut.as_deref();
        let known = measure(binary, order(true))
            .await
            .wrap_err("with workers that have a record")?;
        let new = measure(binary, order(false))
            .await
            .wrap_err("with new workers")?;
        Ok(Report::new(args.json, known, new))
    })
}

/// Has the tasks certified by the command `binary`, else by the one beside this program.
pub(crate) async fn measure(binary: Option<&Path>, order: Order) -> Result<Series> {
    let mut market = Market::start(binary, order.workers).await?;
    if order.known {
        history::write(&market, order.workers).await?;
        // Pool and workers remember for a while what the chain says of each other.
        market = market.restart(binary, order.workers).await?;
    }
    let desk = tempfile::tempdir()?;
    let (user, app) = market.with_empty_app(desk.path()).await?;
    let client = user.client();
    let bag = |category, tasks| wanted(app, category, order.trust, tasks);
    // Not measured: workers compile the app, connections are opened. The offer of another category is used up for it.
    let warm = Instant::now();
    buy(&user, &bag(1, 8)).await?;
    settled(client, 8, None, warm).await?;

    let before = Usage::of(&market).await?;
    let start = Instant::now();
    let (mut left, mut deals) = (order.tasks, Vec::new());
    while left > 0 {
        let tasks = left.min(order.bag);
        deals.extend(buy(&user, &bag(0, tasks)).await?);
        left -= tasks;
    }
    let bought = start.elapsed();
    let (took, ranges, votes) = settled(client, order.tasks, deals.first().copied(), start).await?;
    let used = Usage::of(&market).await?.since(&before);
    verify(client, &deals, desk.path()).await?;
    Ok(Series {
        tasks: order.tasks,
        took,
        bought,
        ranges,
        votes,
        used,
    })
}

async fn buy(user: &Account, wanted: &Wanted) -> Result<Vec<DealId>> {
    let quote = user.quote(wanted).await?;
    let bought = user.buy(wanted, &quote, |_| {}).await?;
    Ok(bought.iter().map(|deal| deal.deal).collect())
}

/// Waits until so many tasks are settled, of deals not before `first`. Gives the time since `start`, the number of ranges,
/// and how often a task was voted on in all.
async fn settled(
    client: &Client,
    tasks: u64,
    first: Option<DealId>,
    start: Instant,
) -> Result<(Duration, u64, u64)> {
    let hub = client.hub();
    let mut follower = Follower::from_block(
        hub.provider().clone(),
        *hub.deployment(),
        FollowConfig::default(),
        0,
    );
    let (mut left, mut ranges, mut votes) = (tasks, 0, 0);
    let mut counts = first.is_none();
    while left > 0 {
        let Ok(batch) = tokio::time::timeout(PATIENCE, follower.next()).await else {
            bail!("{left} of {tasks} tasks are not settled, and nothing happens");
        };
        for happening in batch?.events {
            match happening.event {
                Event::Scheduled { deal, .. } => counts |= Some(deal) == first,
                Event::RangeSettled(one) if counts => {
                    let count = u64::from(one.range.count());
                    left = left.saturating_sub(count);
                    ranges += 1;
                    votes += count * one.members.len() as u64;
                }
                Event::RangeFailed { range } => bail!("{range} failed"),
                _ => {}
            }
        }
    }
    Ok((start.elapsed(), ranges, votes))
}

/// Fetches one result of every deal, and checks its certificate.
async fn verify(client: &Client, deals: &[DealId], desk: &Path) -> Result<()> {
    for (number, deal) in deals.iter().enumerate() {
        let found = client.hub().deal(*deal).await?;
        let first = found.map_or(0, |deal| deal.bot_first);
        let folder = desk.join(number.to_string());
        let name = TaskName::Place(*deal, first);
        let fetched = client.fetch(name, &folder, Limits::default()).await?;
        ensure!(
            fetched.certificate.range.is_some() && fetched.certificate.credibility.holds,
            "the certificate of a task of {deal} does not hold"
        );
    }
    Ok(())
}
