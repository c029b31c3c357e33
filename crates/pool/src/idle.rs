//! Why a worker is not asked for ranges: one closed list. Tasks of the open way are not looked at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a worker is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idle {
    /// It has no session.
    Away,
    /// All its slots are taken.
    Busy,
    /// It said that it cannot take work now, and is left alone for a while.
    Benched,
    /// It cannot satisfy the tag of what waits.
    Tag,
    /// It votes on as many unpaid ranges as it wants to.
    Votes,
    /// Its bond answers for other ranges, and what is left of it is too little.
    Bond,
    /// It was asked for everything that waits, and is not asked twice.
    Asked,
    /// Others were drawn, or what is under way has to end first.
    NotDrawn,
    /// Nothing waits for a worker.
    NoWork,
}

impl Idle {
    /// Its name, as written in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Busy => "busy",
            Self::Benched => "benched",
            Self::Tag => "tag",
            Self::Votes => "votes",
            Self::Bond => "bond",
            Self::Asked => "asked",
            Self::NotDrawn => "not-drawn",
            Self::NoWork => "no-work",
        }
    }

    /// What it means, as the end of a sentence that begins with the worker.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Away => "has no session with the pool",
            Self::Busy => "computes in all its slots",
            Self::Benched => "said that it cannot take work now",
            Self::Tag => "lacks what waiting tasks ask for",
            Self::Votes => "votes on as many unpaid ranges as it wants to",
            Self::Bond => "has too little bonded for one more range",
            Self::Asked => "was asked for everything that waits",
            Self::NotDrawn => "can be asked, and others were drawn",
            Self::NoWork => "can be asked, and nothing waits",
        }
    }

    /// What its owner can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Away => "start it, and see what its log says",
            Self::Busy => "nothing, or give it more slots",
            Self::Benched => {
                "see its log: its owner's terms, its hours, its disk or its money may be in the way"
            }
            Self::Tag => "`canut worker doctor` says what the machine can offer",
            Self::Votes => "wait until they are paid",
            Self::Bond => "deposit more, and start it with a larger --bond",
            Self::Asked | Self::NotDrawn | Self::NoWork => "nothing",
        }
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
