//! How long an empty task takes, from the order to the verified result, and where the time goes.

mod report;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use canut_client::{Account, Limits, Step, Wanted};
use clap::Args as ClapArgs;
use eyre::{Result, bail};

use crate::up::{Market, wanted};
use report::Report;

/// How long an empty task takes on a market of one machine (`canut up`), with one worker and with three.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Tasks of each kind, one after another
    #[arg(long, default_value_t = 50)]
    tasks: u32,

    /// The command to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE", env = "CANUT_BIN")]
    canut: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Workers of the market.
const WORKERS: u16 = 3;
/// Trust that one vote reaches, and trust that takes three votes of new workers.
const TRUST: [(u32, u64); 2] = [(1, 1), (3, 8)];

/// The steps of a task, in order.
pub(crate) const STEPS: [&str; 7] = [
    "quote",
    "match",
    "initialize",
    "vote",
    "certify",
    "pay",
    "fetch and verify",
];

/// How long each step of one task took.
pub(crate) type Laps = [Duration; STEPS.len()];

/// Measures.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure(args))
}

async fn measure(args: &Args) -> Result<Report> {
    let market = Market::start(args.canut.as_deref(), WORKERS).await?;
    let desk = tempfile::tempdir()?;
    let (user, app) = market.with_empty_app(desk.path()).await?;
    let mut report = Report::new(args.json);
    for (workers, trust) in TRUST {
        let wanted = wanted(app, 0, trust, 1);
        // The first is not measured: workers compile the app, connections are opened.
        let mut laps = Vec::new();
        for number in 0..=args.tasks {
            let folder = desk.path().join(format!("{workers}-{number}"));
            laps.push(one(&user, &wanted, &folder).await?);
        }
        laps.remove(0);
        report.add(workers, laps);
    }
    Ok(report)
}

/// One task, from the order to the verified result.
async fn one(user: &Account, wanted: &Wanted, folder: &std::path::Path) -> Result<Laps> {
    let client = user.client();
    let start = Instant::now();
    let quote = user.quote(wanted).await?;
    let quoted = start.elapsed();
    let bought = user.buy(wanted, &quote, |_| {}).await?;
    let matched = start.elapsed();
    let deals: Vec<_> = bought.iter().map(|deal| deal.deal).collect();
    let mut watch = client.watch(&deals).await?;
    let (mut initialized, mut voted, mut certified) = (matched, None, None);
    let (task, paid) = loop {
        let Some(news) = watch.next().await? else {
            bail!("the task ended without a result")
        };
        let now = start.elapsed();
        match news.step {
            Step::Initialized => initialized = now,
            Step::Voted { .. } => voted = voted.or(Some(now)),
            Step::Certified { .. } => certified = Some(now),
            Step::Completed => break ((news.deal, news.index), now),
            Step::Revealed { .. } | Step::Posted { .. } => {}
            Step::Reopened | Step::Failed | Step::Expired => bail!("the task failed"),
        }
    };
    let fetched = client.fetch(task, folder, Limits::default()).await?;
    let done = start.elapsed();
    if !fetched.certificate.credibility.holds {
        bail!("the certificate does not hold");
    }
    // What was not seen happened in the same block as what follows.
    let certified = certified.unwrap_or(paid);
    let voted = voted.unwrap_or(certified);
    let times = [quoted, matched, initialized, voted, certified, paid, done];
    let mut last = Duration::ZERO;
    Ok(times.map(|time| {
        let lap = time.saturating_sub(last);
        last = last.max(time);
        lap
    }))
}
