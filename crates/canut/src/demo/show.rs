//! What the demonstration shows while it goes on, and in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    time::Duration,
};

use alloy_primitives::{Address, B256};
use canut_client::{Client, Progress, Step, TaskName};
use canut_protocol::{DealId, TaskId};
use eyre::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::bill::Bill;

/// Shows to a person, or to a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    json: bool,
}

/// Votes of tasks that are not certified yet.
type Votes = BTreeMap<TaskId, Vec<(Address, B256)>>;

impl Show {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// A line for people, on standard error.
    pub(super) fn say(self, text: &str) {
        if !self.json {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Follows deals until all their tasks are done; names them by index.
    pub(super) async fn follow(
        self,
        client: &Client,
        deals: &[DealId],
        liars: &BTreeSet<Address>,
    ) -> Result<Vec<(u64, TaskName)>> {
        let mut watch = client.watch(deals).await?;
        let bar = self.bar(watch.len() as u64);
        let (mut votes, mut done, mut count) = (Votes::new(), BTreeMap::new(), 0_u64);
        while let Some(Progress {
            deal,
            index,
            task,
            step,
            ..
        }) = watch.next().await?
        {
            match step {
                Step::Voted {
                    worker,
                    result_hash,
                } => {
                    count += 1;
                    bar.set_message(format!("{count} votes"));
                    votes.entry(task).or_default().push((worker, result_hash));
                }
                Step::Certified { result_hash } => {
                    let cast = votes.remove(&task).unwrap_or_default();
                    for (worker, _) in cast.iter().filter(|(_, hash)| *hash != result_hash) {
                        let known = if liars.contains(worker) {
                            ", the cheat,"
                        } else {
                            ""
                        };
                        let text = format!(
                            "Tile {index}: {worker}{known} returned another tile than the others."
                        );
                        self.note(&bar, &text);
                    }
                }
                Step::Completed => {
                    done.insert(index, TaskName::Place(deal, index));
                    bar.inc(1);
                }
                Step::Failed | Step::Expired => bail!("tile {index} was not certified in time"),
                Step::Initialized
                | Step::Revealed { .. }
                | Step::Posted { .. }
                | Step::Reopened => {}
            }
        }
        bar.finish_and_clear();
        self.say(&format!("{} tiles certified by {count} votes.", done.len()));
        Ok(done.into_iter().collect())
    }

    fn bar(self, tiles: u64) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(tiles);
        let template = "{spinner} [{bar:32}] {pos}/{len} tiles, {msg}, {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▌ "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn note(self, bar: &ProgressBar, text: &str) {
        if bar.is_hidden() {
            self.say(text);
        } else {
            bar.println(text);
        }
    }

    /// The bill, and where everything is.
    pub(super) fn end(self, bill: &Bill, picture: &Path, out: &Path, took: Duration) -> Result<()> {
        let mut to = std::io::stdout().lock();
        let certificates = out.join("tiles");
        if self.json {
            let line = json!({
                "tasks": bill.tasks,
                "certified": bill.certified,
                "slashed": bill.slashed().collect::<Vec<_>>(),
                "picture": picture,
                "certificates": certificates,
                "seconds": took.as_secs_f64(),
            });
            writeln!(to, "{line}")?;
            return Ok(to.flush()?);
        }
        writeln!(to, "\nThe bill: {} for {} tiles.", bill.total, bill.tasks)?;
        for (worker, amount) in &bill.earned {
            writeln!(to, "  {worker}  earned {amount}")?;
        }
        for (worker, amount) in &bill.lost {
            writeln!(
                to,
                "  {worker}  lost   {amount} of its stake, shared by those who were right"
            )?;
        }
        writeln!(to, "\nPicture       {}", picture.display())?;
        writeln!(
            to,
            "Certificates  {}/*/{}",
            certificates.display(),
            canut_client::CERTIFICATE
        )?;
        writeln!(to, "Time          {:.1} s", took.as_secs_f64())?;
        Ok(to.flush()?)
    }
}
