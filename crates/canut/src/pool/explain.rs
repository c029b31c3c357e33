//! `canut pool explain`: why a task waits, why a worker is not asked.

use std::{fmt::Write, str::FromStr};

use alloy_primitives::Address;
use canut_client::{Error, TaskName};
use canut_pool::ranges::{RangeView, WorkerView};
use clap::Args as ClapArgs;
use eyre::{Result, eyre};
use serde_json::Value;

use super::status::At;
use crate::client::{TaskNamed, plain, show, troubles_of};
use crate::worker::measured;

/// Why a task waits, or why a worker is not asked for work.
///
/// Asks the pool about what is under way. How a task ended is on the chain: `canut task show`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut pool explain 0x5FbDB2315678afecb367f032d93F642f64180aa3
      A worker.
  canut pool explain 0x9c6d…:17
      The task with index 17 of a deal, as `canut deal show` lists them.")]
pub(super) struct Args {
    /// The address of a worker, or a task: DEAL:INDEX, or the id of a task of the open way
    #[arg(value_name = "WORKER|TASK")]
    subject: Subject,

    #[command(flatten)]
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum Subject {
    Worker(Address),
    Task(TaskName),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(worker) = text.parse() {
            return Ok(Self::Worker(worker));
        }
        let task: TaskNamed = text
            .parse()
            .map_err(|told| format!("{told}; or the address of a worker (0x and 40 digits)"))?;
        Ok(Self::Task(task.0))
    }
}

pub(super) async fn run(args: Args) -> Result<()> {
    let pool = args.at.pool()?;
    let (told, people) = match args.subject {
        Subject::Worker(worker) => {
            let told = pool.worker(worker).await?;
            let text = of_worker(&serde_json::from_value(told.clone())?);
            (told, text)
        }
        Subject::Task(TaskName::Place(deal, index)) => {
            let told = pool.place(deal, index).await.map_err(|error| match error {
                Error::Refused { status: 404, .. } => eyre!(
                    "no such task is under way at the pool; how it ended: `canut task show {deal}:{index}`"
                ),
                error => error.into(),
            })?;
            let text = match serde_json::from_value(told.clone()) {
                Ok(range) => of_range(&range),
                Err(_) => of_task(&told["task"]),
            };
            (told, text)
        }
        Subject::Task(TaskName::Id(task)) => {
            let told = pool.task(task).await?.ok_or_else(|| {
                eyre!("the pool knows no such task: name it DEAL:INDEX, as `canut deal show` does")
            })?;
            let text = of_task(&told);
            (told, text)
        }
    };
    show(args.at.json, &told, || people)
}

fn of_worker(worker: &WorkerView) -> String {
    format!(
        "{} {}.\n{}Weight      {}\nBond        {}, of which {} answers for {} unpaid votes\nComputes    {} of {} slots\nMachine     {}",
        worker.worker,
        worker.idle.meaning(),
        match worker.idle.remedy() {
            "nothing" => String::new(),
            remedy => format!("What to do  {remedy}\n"),
        },
        worker.weight,
        worker.bond,
        worker.at_risk,
        worker.unpaid,
        worker.computing.len(),
        worker.slots,
        worker
            .machine
            .as_ref()
            .map_or_else(|| "not measured".into(), measured),
    )
}

fn of_range(range: &RangeView) -> String {
    let mut text = format!("The range of {}: {}.\n", range.range, plain(&range.next));
    for member in &range.members {
        // Writing to a string does not fail.
        let _ = write!(text, "  {} {}", member.worker, plain(&member.did));
        if let Some(failure) = member.failure {
            let _ = write!(text, ": {}; {}", failure.meaning(), failure.remedy());
        }
        text.push('\n');
    }
    for (idle, workers) in &range.obstacles {
        let _ = writeln!(text, "  {workers} of the workers here: {idle}");
    }
    text
}

fn of_task(task: &Value) -> String {
    let word = |value: &Value, name: &str| value[name].as_str().map(plain).unwrap_or_default();
    let mut text = format!(
        "Task {} of deal {}: {}\n",
        task["index"],
        word(task, "dealid"),
        word(task, "currentStatus")
    );
    for part in task["replicates"].as_array().into_iter().flatten() {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {} {}",
            word(part, "walletAddress"),
            word(part, "currentStatus")
        );
    }
    text + &troubles_of(task)
}
