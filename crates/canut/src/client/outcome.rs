//! What became of deals, and how it is told.

use std::path::PathBuf;

use canut_client::{Certificate, Verdict};
use canut_protocol::{DealId, TaskId};
use eyre::{Result, eyre};
use serde::Serialize;

use super::certificate;

/// How a task ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    pub(super) index: u64,
    pub(super) task: TaskId,
    pub(super) deal: DealId,
    /// `completed`, `failed` (refunded) or `expired` (to be claimed).
    pub(super) status: &'static str,
    /// Where its result is, if it was wanted.
    pub(super) folder: Option<PathBuf>,
    pub(super) certificate: Option<Certificate>,
    /// Why the result is not there.
    pub(super) error: Option<String>,
}

/// What became of deals.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(super) deals: Vec<DealId>,
    pub(super) tasks: Vec<Ended>,
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
