//! The questions put to a receipt.

use serde::Serialize;

/// A question put to a receipt, in the order of §10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// The task is the one of the deal and the index.
    Task,
    /// The result is a leaf of the tree that was voted for.
    Result,
    /// The link is the folder of the results.
    Link,
    /// The votes are signed.
    Votes,
    /// Enclaves and their broker signed where they must.
    Enclaves,
    /// The votes reach the trust asked for.
    Trust,
    /// The settlement is in a trusted block.
    Settlement,
    /// The votes are those of the settlement.
    Call,
    /// The deal is the hub's.
    Deal,
    /// The hub has the settlement on record, and nobody showed that a vote was hidden.
    Record,
    /// The file is the certified one.
    Archive,
    /// The pool drew its workers as it had promised.
    Audit,
}

impl Check {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Task,
        Self::Result,
        Self::Link,
        Self::Votes,
        Self::Enclaves,
        Self::Trust,
        Self::Settlement,
        Self::Call,
        Self::Deal,
        Self::Record,
        Self::Archive,
        Self::Audit,
    ];

    /// Its number: 1 to 12.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What holds when it passes.
    pub const fn holds(self) -> &'static str {
        match self {
            Self::Task => "the task is the one of this deal and index",
            Self::Result => "the result is what was voted for",
            Self::Link => "the link is the folder of the results",
            Self::Votes => "every vote is signed by its worker",
            Self::Enclaves => "enclaves and their broker signed where the deal asks for it",
            Self::Trust => "the votes reach the trust that was bought",
            Self::Settlement => "the settlement is in a block that you trust",
            Self::Call => "the votes are those that the hub counted",
            Self::Deal => "the terms are those of the deal on the chain",
            Self::Record => "the hub has it on record, and nobody showed a hidden vote",
            Self::Archive => "the file is the certified one",
            Self::Audit => "the pool drew its workers as it had promised",
        }
    }

    /// What it means that it fails.
    pub const fn means(self) -> &'static str {
        match self {
            Self::Task => "the file was altered",
            Self::Result => "this result is not what was voted for",
            Self::Link => "the link leads elsewhere",
            Self::Votes => "votes are forged, or listed twice",
            Self::Enclaves => "it was not computed where the deal promised",
            Self::Trust => "less trust was reached than was bought",
            Self::Settlement => "it was not settled on this chain",
            Self::Call => "the votes do not belong to this settlement",
            Self::Deal => "these are another deal's terms",
            Self::Record => "it was contested: the hub has something else, or the pool hid a vote",
            Self::Archive => "it is a wrong file; the certificate stands",
            Self::Audit => "audits were not as promised",
        }
    }

    /// What to do when it fails.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Task | Self::Result | Self::Votes | Self::Trust | Self::Call | Self::Deal => {
                "make the receipt again with `canut receipt`, and do not trust whoever gave you this one"
            }
            Self::Link => {
                "fetch the result by its own CID, which is certified, and not through the link"
            }
            Self::Enclaves => {
                "make the receipt again; if it fails still, do not use a result that must stay secret with this pool"
            }
            Self::Settlement => {
                "get the hash of the named block from a node that you trust, give it with --block-hash, or give --rpc"
            }
            Self::Record => {
                "ask a node that you trust; if it says the same, the pool was punished: buy the task again from another pool"
            }
            Self::Archive => "fetch the file again by its CID, from another store if need be",
            Self::Audit => {
                "prefer pools that keep their promises: `canut pool audits --check` shows"
            }
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "camelCase")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not, and why.
    Failed(String),
    /// It was not asked, and what it would take.
    Unchecked(String),
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The question.
    pub check: Check,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All questions and their answers, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report(pub Vec<Finding>);

impl Report {
    /// Whether nothing failed, and everything that can be asked without a network was asked, but for the link of a range so
    /// large that its leaves are not attached.
    pub fn holds(&self) -> bool {
        self.0.iter().all(|finding| match finding.outcome {
            Outcome::Passed => true,
            Outcome::Failed(_) => false,
            Outcome::Unchecked(_) => matches!(
                finding.check,
                Check::Link | Check::Record | Check::Archive | Check::Audit
            ),
        })
    }

    /// The answer to one question.
    pub fn of(&self, check: Check) -> Option<&Outcome> {
        let found = self.0.iter().find(|finding| finding.check == check);
        found.map(|finding| &finding.outcome)
    }

    /// Puts another answer in place of the one there is.
    pub fn set(&mut self, check: Check, outcome: Outcome) {
        let found = self.0.iter_mut().find(|finding| finding.check == check);
        if let Some(finding) = found {
            finding.outcome = outcome;
        }
    }

    /// What failed.
    pub fn failed(&self) -> impl Iterator<Item = Check> {
        let failed = |finding: &&Finding| matches!(finding.outcome, Outcome::Failed(_));
        self.0.iter().filter(failed).map(|finding| finding.check)
    }
}
