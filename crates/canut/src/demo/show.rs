//! What the demonstration shows while it goes on, and in the end.

use std::{collections::BTreeMap, io::Write, path::Path, time::Duration};

use canut_client::{Client, Progress, Step, TaskName};
use canut_protocol::DealId;
use eyre::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::bill::Bill;

/// Shows to a person, or to a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    json: bool,
}

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
    ) -> Result<Vec<(u64, TaskName)>> {
        let mut watch = client.watch(deals).await?;
        let bar = self.bar(watch.len() as u64);
        let mut done = BTreeMap::new();
        while let Some(Progress {
            deal, index, step, ..
        }) = watch.next().await?
        {
            match step {
                Step::Completed => {
                    done.insert(index, TaskName::Place(deal, index));
                    bar.inc(1);
                }
                Step::Failed | Step::Expired => bail!("tile {index} was not certified in time"),
                _ => {}
            }
        }
        bar.finish_and_clear();
        self.say(&format!("{} tiles certified.", done.len()));
        Ok(done.into_iter().collect())
    }

    fn bar(self, tiles: u64) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(tiles);
        let template = "{spinner} [{bar:32}] {pos}/{len} tiles, {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▌ "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
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
        writeln!(
            to,
            "Every tile was computed by at least {} workers that agreed.\n",
            bill.fewest
        )?;
        writeln!(to, "The bill: {} for {} tiles.", bill.total, bill.tasks)?;
        for (worker, amount) in &bill.earned {
            writeln!(to, "  {worker}  earned {amount}")?;
        }
        for (worker, amount) in &bill.lost {
            let lies = bill.lies.get(worker).copied().unwrap_or_default();
            writeln!(
                to,
                "  {worker}  lost   {amount} for {lies} tiles that were not those of the others, shared by those who were right"
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
