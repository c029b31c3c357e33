//! `canut task`: single tasks.

use super::{
    certificate, clock,
    common::Common,
    deal::claims,
    follow::{self, Follow},
    run::{Order, create},
    troubles::{self, plain},
};
use canut_client::{CERTIFICATE, Client, Error, Placed, TaskLog, TaskName, TaskStatus};
use canut_protocol::{DealId, task::Status};
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde_json::{Value, json};
use std::{path::PathBuf, str::FromStr};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Buy tasks as `canut run` does, and do not wait for them.
    Create(Box<Order>),
    /// Show a task: where it stands, its certificate, and what its pool says of it.
    Show(One),
    /// Show the tasks of a deal.
    List(List),
    /// Show what the app of your task wrote at its workers.
    Logs(One),
    /// Follow the deal of a task.
    Watch(Download),
    /// Get the money for an unfinished task back, after its final deadline.
    Claim(Claim),
    /// Fetch the result of a completed task, verify it, and unpack it.
    Download(Download),
}

/// A task.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut task show 0x(64 digits)\n  canut task show 0x(64 digits of the deal):3"
)]
pub(crate) struct One {
    /// Its id, or DEAL:INDEX
    task: Named,
    #[command(flatten)]
    common: Common,
}

/// Get the money for an unfinished task back, after its final deadline.
///
/// The price goes back to whoever paid it, and with `canut run` the pool's stake too. Anyone may claim. If the pool stalled and
/// its workers posted their votes on the chain, these are counted first, for the whole range of tasks they are on: that ends in
/// results or in a refund, and can be done a little before the deadline.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut task claim 0x(64 digits of the deal):3\n  canut deal claim 0x(64 digits)\n      All tasks of the deal."
)]
pub(crate) struct Claim {
    /// Its id, or DEAL:INDEX
    task: Named,
    #[command(flatten)]
    common: Common,
}

/// The tasks of a deal.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut task list 0x(64 digits)")]
pub(crate) struct List {
    /// The deal
    deal: DealId,
    #[command(flatten)]
    common: Common,
}

/// The result of a task.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut task watch 0x(64 digits) --out ./result
      Waits for all tasks of its deal, and fetches their results.
  canut task download 0x(64 digits) --out ./result
      Nothing is unpacked unless its digest is the one that the workers certified.")]
pub(crate) struct Download {
    /// Its id, or DEAL:INDEX
    task: Named,
    /// Folder for the result. Without it `download` uses the beginning of the task's id, and `watch` fetches nothing
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// How a task is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) TaskName);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` names no task: give its id (0x and 64 digits), or DEAL:INDEX");
        match text.split_once(':') {
            None => text
                .parse()
                .map(|id| Self(TaskName::Id(id)))
                .map_err(|_| wrong()),
            Some((deal, index)) => {
                let deal = deal.parse().map_err(|_| wrong())?;
                let index = index.parse().map_err(|_| wrong())?;
                Ok(Self(TaskName::Place(deal, index)))
            }
        }
    }
}

impl Named {
    async fn status(self, client: &Client) -> Result<TaskStatus, Error> {
        client.task_status(self.0).await
    }
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Create(order) => create(*order).await,
        Verb::Show(One { task, common }) => show(task, &common).await,
        Verb::List(List { deal, common }) => {
            let status = common.client().await?.deal_status(deal).await?;
            common.show(&status.tasks, || {
                let lines = status
                    .tasks
                    .iter()
                    .map(|task| format!("{:>5}  {}  {}\n", task.index, task.task, task.words()));
                lines.collect()
            })
        }
        Verb::Logs(One { task, common }) => {
            let logs = common.account().await?.logs(task.0).await?;
            common.show(&logs, || logs.iter().map(log).collect())
        }
        Verb::Watch(Download { task, out, common }) => {
            let client = common.client().await?;
            let deals = [task.status(&client).await?.deal];
            let outcome = Follow {
                client: &client,
                deals: &deals,
                out: out.as_deref(),
                quiet: common.json,
            }
            .run()
            .await?;
            common.show(&outcome, || outcome.text())?;
            outcome.check()
        }
        Verb::Claim(Claim { task, common }) => {
            let account = common.account().await?;
            let status = task.status(account.client()).await?;
            let claimed = account.claim_task(&status).await?;
            common.show(&claimed, || claims(&claimed))
        }
        Verb::Download(Download { task, out, common }) => {
            let id = task.0.id();
            let folder =
                out.unwrap_or_else(|| id.to_string().chars().take(10).collect::<String>().into());
            let placed = Placed {
                certificate: folder.join(CERTIFICATE),
                folder,
            };
            let certificate = follow::fetch(&common.client().await?, task.0, &placed).await?;
            let document = json!({ "folder": placed.folder, "certificate": certificate });
            common.show(&document, || {
                format!(
                    "{}Result in {}",
                    certificate::text(&certificate),
                    placed.folder.display()
                )
            })
        }
    }
}

async fn show(task: Named, common: &Common) -> Result<()> {
    let client = common.client().await?;
    let status = task.status(&client).await?;
    let certified = match status.status {
        Status::Completed => Some(client.certificate((status.deal, status.index)).await?),
        _ => None,
    };
    // Whatever the pool has to say is a help, not a need.
    let (pool, silence) = match told(&client, &status).await {
        Ok(Some(told)) => (Some(told), None),
        Ok(None) => (None, Some("knows nothing of this task".to_owned())),
        Err(error) => (None, Some(error.to_string())),
    };
    let document =
        json!({ "task": status, "certificate": certified, "pool": pool, "silence": silence });
    common.show(&document, || {
        let TaskStatus { task, deal, index, votes, final_deadline, .. } = &status;
        let mut text = format!(
            "Task        {task}\nDeal        {deal}, index {index}\nStatus      {}\nVotes       {}\nDeadline    {}\n",
            status.words(),
            // Votes on a range are no events of its tasks.
            certified.as_ref().map_or(votes.len(), |known| known.votes.len()),
            clock::deadline(*final_deadline, clock::now())
        );
        if let Some(certificate) = &certified {
            text += &certificate::text(certificate);
        }
        if let Some(silence) = &silence {
            text += &format!("Pool        {}\n", plain(silence));
        }
        text + &pool.as_ref().map(troubles::of).unwrap_or_default()
    })
}

/// What the pool of a task says of it.
async fn told(client: &Client, status: &TaskStatus) -> Result<Option<Value>, Error> {
    let pool = client.pool_of_deal(status.deal).await?;
    pool.task(status.task).await
}

/// A log for people, unable to drive their terminal.
fn log(log: &TaskLog) -> String {
    let harmless = |text: &str| -> String {
        let keep = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
        text.chars().filter(|character| keep(*character)).collect()
    };
    let TaskLog {
        worker,
        stdout,
        stderr,
    } = log;
    let part = |name, text| format!("Worker {worker}, {name}:\n{}\n", harmless(text).trim_end());
    [("output", stdout), ("errors", stderr)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| part(name, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use canut_protocol::TaskId;

    use super::*;

    #[test]
    fn a_task_is_named_by_its_id_or_by_its_place() {
        let hex = format!("0x{}", "ab".repeat(32));
        let deal: DealId = hex.parse().unwrap();
        assert_eq!(hex.parse(), Ok(Named(TaskName::Id(hex.parse().unwrap()))));
        let named: Named = format!("{hex}:3").parse().unwrap();
        assert_eq!(named.0.id(), TaskId::of(deal, 3));
        for junk in ["", "0x12", &format!("{hex}:"), &format!("{hex}:-1"), ":3"] {
            assert!(junk.parse::<Named>().is_err(), "{junk}");
        }
    }
}
