//! Watching deals on the terminal, and fetching their results as they come.

use super::{
    common::note,
    outcome::{Ended, Outcome},
    troubles,
};
use canut_client::{Certificate, Client, Limits, Placed, Progress, Step, TaskName, Watch, place};
use canut_protocol::DealId;
use eyre::{Result, WrapErr, eyre};
use indicatif::{ProgressBar, ProgressStyle};
use std::{fs, io::IsTerminal, path::Path, time::Duration};
use tokio::time::{sleep, timeout};

/// Without news for so long, the pool is asked why.
const SILENCE: Duration = Duration::from_secs(5);

/// Wait before a node that went away is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often what is not there when the node is back is asked for again.
const RETRIES: u32 = 15;

/// What was told already.
#[derive(Debug, Default)]
struct Heard {
    troubles: String,
    node_is_away: bool,
    /// How often a result is asked for again: whoever went away with the node may come back a little later.
    retries: u32,
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
        let mut heard = Heard::default();
        while let Some(news) = self.next(&mut watch, &bar, &mut heard).await? {
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
                self.conclude(&mut end, alone, &bar, &mut heard).await;
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

    /// Waits for news. While there are none, the node is asked whether it is there, and the pool what the matter is; what was
    /// `heard` is not told again.
    async fn next(
        &self,
        watch: &mut Watch,
        bar: &ProgressBar,
        heard: &mut Heard,
    ) -> Result<Option<Progress>> {
        loop {
            let told = timeout(SILENCE, watch.next()).await;
            if let Ok(Ok(news)) = told {
                self.hear_of_node(true, bar, heard);
                return Ok(news);
            }
            let answers = self.node_answers().await;
            self.hear_of_node(answers, bar, heard);
            match told {
                Ok(Err(error)) if answers => return Err(error.into()),
                Ok(_) => sleep(PAUSE).await,
                Err(_) if answers => self.ask_pool(watch, bar, heard).await,
                Err(_) => {}
            }
        }
    }

    async fn node_answers(&self) -> bool {
        let asked = timeout(SILENCE, self.client.hub().now()).await;
        matches!(asked, Ok(Ok(_)))
    }

    /// Says that the node went away, or that it is back.
    fn hear_of_node(&self, answers: bool, bar: &ProgressBar, heard: &mut Heard) {
        if heard.node_is_away != answers {
            return;
        }
        heard.node_is_away = !answers;
        heard.retries = RETRIES;
        if !self.quiet {
            let said = if answers {
                "the node answers again"
            } else {
                "the node does not answer: waiting for it. Nothing is lost, and Ctrl-C breaks nothing"
            };
            bar.suspend(|| note(said));
        }
    }

    async fn ask_pool(&self, watch: &Watch, bar: &ProgressBar, heard: &mut Heard) {
        if self.quiet {
            return;
        }
        let Some((deal, task)) = watch.unfinished() else {
            return;
        };
        // Whatever the pool has to say is a help, not a need.
        let Ok(pool) = self.client.pool_of_deal(deal).await else {
            return;
        };
        let document = pool.task(task).await.ok().flatten();
        let said = document.as_ref().map(troubles::of).unwrap_or_default();
        if !said.is_empty() && said != heard.troubles {
            bar.suspend(|| note(&format!("task {task} waits for a worker:\n{said}")));
            heard.troubles = said;
        }
    }

    fn bar(&self, watch: &Watch) -> Result<ProgressBar> {
        if self.quiet || !std::io::stderr().is_terminal() {
            return Ok(ProgressBar::hidden());
        }
        let style =
            ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} {elapsed}  {wide_msg}")?;
        let bar = ProgressBar::new(watch.len() as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        Ok(bar)
    }

    /// Fetches the result, or only the certificate where no result is wanted. What goes wrong is told in the end: the other
    /// tasks' results are not to wait for it. While the node is away nothing is wrong yet.
    async fn conclude(&self, end: &mut Ended, alone: bool, bar: &ProgressBar, heard: &mut Heard) {
        let done = loop {
            let done = self.obtain(end, alone).await;
            if done.is_ok() {
                break done;
            }
            let answers = self.node_answers().await;
            self.hear_of_node(answers, bar, heard);
            if answers {
                let Some(left) = heard.retries.checked_sub(1) else {
                    break done;
                };
                heard.retries = left;
            }
            sleep(PAUSE).await;
        };
        match done {
            Ok(certificate) => end.certificate = Some(certificate),
            Err(error) => end.error = Some(format!("{error:#}")),
        }
    }

    async fn obtain(&self, end: &mut Ended, alone: bool) -> Result<Certificate> {
        let Some(out) = self.out else {
            return Ok(self.client.certificate((end.deal, end.index)).await?);
        };
        let placed = place(out, end.index, alone);
        let fetched = fetch(self.client, (end.deal, end.index).into(), &placed).await;
        end.folder = fetched.is_ok().then_some(placed.folder);
        fetched
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
