//! The certificate way, on the worker's side: votes on ranges of tasks.
//!
//! 1. [`screen`]: what a worker asks before it takes a range, and before it shows what it voted for.
//! 2. [`record`]: what it writes down: above all its vote, which it signs once, before anyone hears of it.
//! 3. [`step`]: what it does when its pool does not do its part in time.

pub mod record;
pub mod screen;
pub mod step;
