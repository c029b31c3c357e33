//! Watching deals on the terminal, and fetching their results as they come.

use super::{certificate, common::note};
use canut_client::{
    Certificate, Client, Limits, Placed, Progress, Step, TaskName, Verdict, Watch, place,
};
use canut_protocol::{DealId, TaskId};
use eyre::{Result, WrapErr, eyre};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// How a task ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    index: u64,
    task: TaskId,
    deal: DealId,
    /// `completed`, `failed` (refunded) or `expired` (to be claimed).
    status: &'static str,
    /// Where its result is, if it was wanted.
    folder: Option<PathBuf>,
    certificate: Option<Certificate>,
    /// Why the result is not there.
    error: Option<String>,
}

/// What became of deals.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    deals: Vec<DealId>,
    tasks: Vec<Ended>,
}

/// What to follow.
#[derive(Debug)]
pub(crate) struct Follow<'a> {
    pub(crate) client: &'a Client,
    pub(crate) deals: &'a [DealId],
    /// Where results go; without it none is fetched.
    pub(crate) out: Option<&'a Path>,
    /// Whether nothing but the outcome is to be seen.
    pub(crate) quiet: bool,
}

impl Follow<'_> {
    /// Watches until every task is over, or until somebody presses Ctrl-C, which breaks nothing.
    pub(crate) async fn run(&self) -> Result<Outcome> {
        tokio::select! {
            outcome = self.watch() => outcome,
            stopped = tokio::signal::ctrl_c() => {
                stopped.wrap_err("listening for Ctrl-C")?;
                Err(eyre!("stopped watching; nothing is lost, the work goes on. Resume with: {}", self.resume()))
            }
        }
    }

    /// What to do about tasks without a good result.
    pub(crate) fn remedy(&self, outcome: &Outcome) -> String {
        let again = outcome.tasks.iter().any(|end| end.error.is_some());
        match self.out {
            _ if again => format!("try again what is missing with: {}", self.resume()),
            Some(out) => format!(
                "what the workers found is in {}: stderr.txt and error.txt say what the app did not like",
                out.display()
            ),
            None => "not every task succeeded".to_owned(),
        }
    }

    /// The command that goes on from here.
    pub(crate) fn resume(&self) -> String {
        let ids: Vec<_> = self.deals.iter().map(ToString::to_string).collect();
        let out = self
            .out
            .map(|out| format!(" --out {}", out.display()))
            .unwrap_or_default();
        format!("canut deal watch {}{out}", ids.join(" "))
    }

    async fn watch(&self) -> Result<Outcome> {
        let mut watch = self.client.watch(self.deals).await?;
        let bar = self.bar(&watch)?;
        let alone = watch.len() == 1;
        let mut ended = Vec::new();
        while let Some(news) = watch.next().await? {
            let said = words(&news);
            if !self.quiet && bar.is_hidden() {
                note(&said);
            }
            bar.set_message(said);
            let status = match news.step {
                Step::Completed => "completed",
                Step::Failed => "failed",
                Step::Expired => "expired",
                _ => continue,
            };
            let mut end = Ended {
                index: news.index,
                task: news.task,
                deal: news.deal,
                status,
                folder: None,
                certificate: None,
                error: None,
            };
            if news.step == Step::Completed {
                self.conclude(&mut end, alone).await;
            }
            ended.push(end);
            bar.inc(1);
        }
        bar.finish_and_clear();
        ended.sort_by_key(|end| end.index);
        Ok(Outcome {
            deals: self.deals.to_vec(),
            tasks: ended,
        })
    }

    fn bar(&self, watch: &Watch) -> Result<ProgressBar> {
        if self.quiet || !std::io::stderr().is_terminal() {
            return Ok(ProgressBar::hidden());
        }
        let style =
            ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} {elapsed}  {wide_msg}")?;
        let bar = ProgressBar::new(watch.len() as u64).with_style(style);
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Ok(bar)
    }

    /// Fetches the result, or only the certificate where no result is wanted. What goes wrong is told in the end: the other
    /// tasks' results are not to wait for it.
    async fn conclude(&self, end: &mut Ended, alone: bool) {
        let done = match self.out {
            None => self
                .client
                .certificate((end.deal, end.index))
                .await
                .map_err(Into::into),
            Some(out) => {
                let placed = place(out, end.index, alone);
                let fetched = fetch(self.client, (end.deal, end.index).into(), &placed).await;
                end.folder = fetched.is_ok().then_some(placed.folder);
                fetched
            }
        };
        match done {
            Ok(certificate) => end.certificate = Some(certificate),
            Err(error) => end.error = Some(format!("{error:#}")),
        }
    }
}

/// Fetches a result, unless it is there already.
pub(crate) async fn fetch(client: &Client, task: TaskName, placed: &Placed) -> Result<Certificate> {
    if let Ok(text) = fs::read_to_string(&placed.certificate) {
        let known: Certificate = serde_json::from_str(&text).wrap_err_with(|| {
            format!(
                "{} is no certificate: move it away",
                placed.certificate.display()
            )
        })?;
        if known.task == task.id() {
            return Ok(known);
        }
        return Err(eyre!(
            "{} is of another task: choose another folder with --out",
            placed.certificate.display()
        ));
    }
    Ok(client
        .fetch(task, &placed.folder, Limits::default())
        .await?
        .certificate)
}

fn words(news: &Progress) -> String {
    let said = match news.step {
        Step::Initialized => "taken up by the pool".to_owned(),
        Step::Voted { worker, .. } => format!("{worker} voted"),
        Step::Certified { .. } => "certified".to_owned(),
        Step::Revealed { worker } => format!("{worker} revealed"),
        Step::Posted { worker } => {
            format!("the pool stalls; the vote of {worker} was posted on the chain")
        }
        Step::Reopened => "reopened: nobody revealed the result".to_owned(),
        Step::Completed => "completed".to_owned(),
        Step::Failed => "failed, and refunded".to_owned(),
        Step::Expired => "too late: it can be claimed".to_owned(),
    };
    format!("task {}: {said}", news.index)
}

impl Outcome {
    /// For people: the certificate of a single task, or one line for each.
    pub(crate) fn text(&self) -> String {
        if let [
            Ended {
                certificate: Some(single),
                folder,
                ..
            },
        ] = self.tasks.as_slice()
        {
            let place = folder
                .as_ref()
                .map(|folder| format!("Result in {}\n", folder.display()))
                .unwrap_or_default();
            return format!("{}{place}", certificate::text(single));
        }
        let lines = self.tasks.iter().map(|end| {
            let reached = end.certificate.as_ref().map(|certificate| {
                let agreed = certificate
                    .votes
                    .iter()
                    .filter(|vote| matches!(vote.verdict, Verdict::Agreed | Verdict::Silent))
                    .count();
                let against = certificate.votes.len() - agreed;
                format!(
                    "{agreed} agreed, {against} did not, credibility {:.2} %",
                    certificate.credibility.reached * 100.0
                )
            });
            let place = end
                .folder
                .as_ref()
                .map(|folder| folder.display().to_string())
                .unwrap_or_default();
            format!(
                "task {:<5} {}  {}  {place}\n",
                end.index,
                end.status,
                reached.unwrap_or_default()
            )
        });
        lines.collect()
    }

    /// An error unless every task has a verified result.
    pub(crate) fn check(&self) -> Result<()> {
        let problems: Vec<_> = self.tasks.iter().filter_map(Ended::problem).collect();
        match problems.len() {
            0 => Ok(()),
            many => Err(eyre!(
                "{many} of {} tasks have no good result:\n  {}",
                self.tasks.len(),
                problems.join("\n  ")
            )),
        }
    }
}

impl Ended {
    fn problem(&self) -> Option<String> {
        let Self { index, deal, .. } = self;
        if let Some(error) = &self.error {
            return Some(format!("task {index}: {error}"));
        }
        match self.status {
            "failed" => Some(format!("task {index} failed; it was refunded")),
            "expired" => Some(format!(
                "task {index} was not finished in time: get the money back with `canut deal claim {deal}`"
            )),
            _ => {
                let failed = self.certificate.as_ref()?.failed.as_ref()?;
                Some(format!(
                    "task {index}: the app failed on every machine (code {}): {}",
                    failed.code, failed.message
                ))
            }
        }
    }
}
