//! `canut pool status`: how a pool is, and who its workers are.

use std::{collections::BTreeMap, fmt::Write};

use alloy_primitives::Address;
use canut_client::{Error, Pool, Service};
use canut_pool::{
    Idle,
    ranges::{Reach, WorkerView},
};
use clap::Args as ClapArgs;
use eyre::Result;
use serde::{Deserialize, Serialize};

use crate::client::{chosen, show};

/// A pool on this machine, at its usual port.
const HERE: &str = "http://127.0.0.1:8548";

/// Where a pool answers.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct At {
    /// The pool, by http: what `canut pool` prints, without /session [default: the network's, else http://127.0.0.1:8548]
    #[arg(long, value_name = "URL", env = "CANUT_POOL")]
    pool: Option<String>,

    /// Network whose pool is asked: a name of `canut network list`, or a file [default: the one of `canut network use`]
    #[arg(long, value_name = "NAME|FILE", env = "CANUT_NETWORK")]
    network: Option<String>,

    /// Print one line of JSON, and nothing else
    #[arg(long)]
    pub(super) json: bool,
}

impl At {
    pub(super) fn pool(&self) -> Result<Pool> {
        let named = match &self.pool {
            Some(url) => return Ok(Pool::new(url)?),
            None => chosen(self.network.as_deref())?.and_then(|network| network.pool),
        };
        let url = match (named, &self.network) {
            (Some(url), _) => url,
            (None, Some(_)) => return Err(Error::NoService(Service::Pool).into()),
            (None, None) => HERE.to_owned(),
        };
        Ok(Pool::new(&url)?)
    }
}

/// How a pool is: its workers, what each does, and why it is not asked for more.
///
/// Asks the pool itself: no key is needed, and anybody may.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut pool status
  canut pool status --pool https://pool.example --json | jq '.workers[] | select(.idle == \"bond\") | .worker'")]
pub(super) struct Args {
    #[command(flatten)]
    at: At,
}

/// What the pool says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    workerpool: Address,
    time: u64,
    slots: usize,
    reach: Reach,
    /// Least speed of one core, in instructions a second.
    #[serde(default)]
    min_speed: Option<u64>,
    open_tasks: u64,
    waiting: Waiting,
    idle: BTreeMap<Idle, usize>,
    /// Each of them; a page at a time elsewhere, where this says how many there are.
    #[serde(skip_deserializing)]
    workers: Vec<WorkerView>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    ranges: usize,
    tasks: usize,
}

#[derive(Debug, Deserialize)]
struct Page {
    workers: Vec<WorkerView>,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let pool = args.at.pool()?;
    let mut status: Status = serde_json::from_value(pool.status().await?)?;
    let mut workers: Vec<WorkerView> = Vec::new();
    loop {
        let after = workers.last().map(|worker| worker.worker);
        let page: Page = serde_json::from_value(pool.workers(after).await?)?;
        if page.workers.is_empty() {
            break;
        }
        workers.extend(page.workers);
    }
    let people = people(&status, &workers);
    status.workers = workers;
    show(args.at.json, &status, || people)
}

fn people(status: &Status, workers: &[WorkerView]) -> String {
    let mut text = format!(
        "Workerpool  {}\nWorkers     {}, {} slots\nTasks       {} not over; {} ranges and {} tasks wait for a worker\nReach       \
         trust {}, or {} with a third of the workers away\n",
        status.workerpool,
        workers.len(),
        status.slots,
        status.open_tasks,
        status.waiting.ranges,
        status.waiting.tasks,
        status.reach.most,
        status.reach.safe,
    );
    if !workers.is_empty() {
        text.push_str(
            "\nWORKER                                      WEIGHT   BUSY  UNPAID          BOND       AT RISK  SPEED\n",
        );
    }
    for worker in workers {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}  {:>6}  {:>5}  {:>6}  {:>12}  {:>12}  {:>5}  {}",
            worker.worker,
            worker.weight,
            format!("{}/{}", worker.computing.len(), worker.slots),
            worker.unpaid,
            worker.bond.to_string(),
            worker.at_risk.to_string(),
            worker.machine.as_ref().map_or_else(
                || "?".into(),
                |machine| (machine.single / 1_000_000).to_string()
            ),
            worker.idle.meaning()
        );
    }
    text
}
