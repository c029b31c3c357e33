//! Deadlines of the ranges of a deal.

use crate::Overflow;

/// How long after a settlement, or the final deadline if that is earlier, evidence against a vote is taken, in seconds (§4.6).
pub const EVIDENCE_SECONDS: u64 = 172_800;

/// How long a bond stays slashable after its worker asked for it, in seconds (§5.1).
pub const UNBONDING_SECONDS: u64 = 604_800;

/// When what can be done to a range, in seconds since the epoch (§3.1). Each time is the first at which the next holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Match of the deal.
    pub start: u64,
    /// A pool countersigns no vote from here on: 6 time references after the match.
    pub countersign: u64,
    /// Before it a pool settles; from here on anyone may post votes: 7 time references (`C`).
    pub contribution: u64,
    /// Nobody posts from here on; posted votes can be opened: 8 time references (`P`).
    pub posting: u64,
    /// Nobody opens from here on: 9 time references (`V`).
    pub opening: u64,
    /// Nobody settles from here on; what is left can be claimed: 10 time references (`F`).
    pub end: u64,
}

impl Clock {
    /// The clock of a deal made at `start`, of a category whose reference is `time_ref` seconds.
    pub fn of(start: u64, time_ref: u64) -> Result<Self, Overflow> {
        let after = |ratio: u64| {
            let span = time_ref.checked_mul(ratio).ok_or(Overflow)?;
            start.checked_add(span).ok_or(Overflow)
        };
        Ok(Self {
            start,
            countersign: after(6)?,
            contribution: after(7)?,
            posting: after(8)?,
            opening: after(9)?,
            end: after(10)?,
        })
    }

    /// Last second at which evidence against a vote on a range settled at `settled` is taken (§4.6).
    pub fn evidence_end(&self, settled: u64) -> u64 {
        settled.min(self.end).saturating_add(EVIDENCE_SECONDS)
    }

    /// Last second at which two different votes on one range are evidence (§4.6).
    pub const fn equivocation_end(&self) -> u64 {
        self.end.saturating_add(EVIDENCE_SECONDS)
    }
}
