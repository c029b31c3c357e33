//! What a pool's owner may choose about scheduling.

/// Settings of a [`Scheduler`](super::Scheduler). Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After this time without a vote, though never later than the reference time of the category, a worker counts as slow
    /// and another one is added.
    pub slow_after: u64,
    /// A session may be away this long before its tasks are given to others.
    pub grace: u64,
    /// Whether somebody else is authorised as well where a worker takes longer than nine of ten did, or is away.
    pub hedge: bool,
    /// How long a worker may be away before somebody else is authorised as well.
    pub absence: u64,
    /// How long an upload may take before another winner is asked.
    pub upload_patience: u64,
    /// Pause before an order that failed is given again.
    pub retry: u64,
    /// How long a worker that cannot take tasks is left alone.
    pub bench: u64,
    /// After so many workers failed for the requester's or the app's fault, no more are drawn.
    pub give_up: usize,
    /// Most tasks initialised in one transaction.
    pub batch: usize,
    /// Whether workers may contribute and finalize at once at trust 1: one transaction instead of three, but the pool does
    /// not see the result before it is paid.
    pub sole: bool,
    /// Whether to claim what failed. It returns everybody's money, the pool's own stake excepted.
    pub claim: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slow_after: u64::MAX,
            grace: 20,
            hedge: true,
            absence: 3,
            upload_patience: 60,
            retry: 5,
            bench: 15,
            give_up: 3,
            batch: 32,
            sole: true,
            claim: true,
        }
    }
}
