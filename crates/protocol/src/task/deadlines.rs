//! Deadlines of a task.

use crate::Overflow;

/// Contributions end this many time references after the match (PoCo 6.2.0, `contribution_deadline_ratio`).
pub const CONTRIBUTION_RATIO: u64 = 7;

/// Reveals end this many time references after the certification (PoCo 6.2.0, `reveal_deadline_ratio`).
pub const REVEAL_RATIO: u64 = 2;

/// A task is paid or lost this many time references after the match (PoCo 6.2.0, `final_deadline_ratio`).
pub const FINAL_RATIO: u64 = 10;

/// What the tasks of a deal share, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From this time on nobody contributes.
    pub contribution: u64,
    /// From this time on tasks can only be claimed.
    pub end: u64,
}

impl Deadlines {
    /// Deadlines of a deal made at `start_time`, of a category whose reference is `time_ref` seconds.
    pub fn of(start_time: u64, time_ref: u64) -> Result<Self, Overflow> {
        Ok(Self {
            contribution: after(start_time, time_ref, CONTRIBUTION_RATIO)?,
            end: after(start_time, time_ref, FINAL_RATIO)?,
        })
    }

    /// When reveals end for a result certified at `now`.
    pub fn reveal(now: u64, time_ref: u64) -> Result<u64, Overflow> {
        after(now, time_ref, REVEAL_RATIO)
    }
}

fn after(start: u64, time_ref: u64, ratio: u64) -> Result<u64, Overflow> {
    time_ref
        .checked_mul(ratio)
        .and_then(|span| start.checked_add(span))
        .ok_or(Overflow)
}
