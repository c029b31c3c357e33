//! How patient a pool is with ranges.

use alloy_primitives::B256;
use canut_protocol::range::Content;

/// Where the archives of a range lie together: the SHA-256 of the folder that lists them by the index of their task, the first
/// of which is given.
pub type Link = fn(u64, &[Content]) -> Option<B256>;

/// Settings of the certificate way. Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub struct RangeSettings {
    /// How the link of a range follows from its leaves.
    pub link: Link,
    /// How long the first worker of a range computes before it votes on what it has, if several tasks were given to it.
    pub budget: u64,
    /// Least time that a worker is given to compute, when others took less.
    pub patience: u64,
    /// Time after which a worker that computes counts as slow, if the category does not say less.
    pub slow_after: u64,
    /// How long a worker may be away while it computes.
    pub grace: u64,
    /// Whether somebody else is asked as well for what a worker keeps waiting: longer than nine of ten did, or while it is away.
    pub hedge: bool,
    /// How long a worker may be away before somebody else is asked as well.
    pub absence: u64,
    /// How long a worker may keep a vote to itself that was countersigned (§3.2).
    pub commit_patience: u64,
    /// How long a worker may take to show what it voted for (§3.2), or to upload it.
    pub open_patience: u64,
    /// Pause before something that failed is tried again.
    pub retry: u64,
    /// How long a worker that cannot take ranges now is left alone.
    pub bench: u64,
    /// Failures of requester or app after which nobody else is asked.
    pub give_up: usize,
    /// Whether the pool posts, opens, resolves and claims what it could not settle in time.
    pub fallback: bool,
}

impl RangeSettings {
    /// The usual patience.
    pub const fn new(link: Link) -> Self {
        Self {
            link,
            budget: 20,
            patience: 20,
            slow_after: u64::MAX,
            grace: 20,
            hedge: true,
            absence: 3,
            commit_patience: 30,
            open_patience: 60,
            retry: 5,
            bench: 15,
            give_up: 3,
            fallback: true,
        }
    }
}
