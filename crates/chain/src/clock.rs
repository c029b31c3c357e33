//! The time that blocks have: the wall clock's, unless a developer moved it.

use parking_lot::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, and how they are bent.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Bend>);

#[derive(Clone, Copy, Debug, Default)]
struct Bend {
    /// Seconds to add to the wall clock.
    offset: i64,
    /// The time of the next block, once.
    next: Option<u64>,
    /// Seconds between blocks, whatever the clock says.
    interval: Option<u64>,
}

fn wall() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

impl Bend {
    fn after(&self, parent: u64) -> u64 {
        let now = wall().saturating_add_signed(self.offset);
        let interval = self
            .interval
            .map(|interval| parent.saturating_add(interval));
        self.next.or(interval).unwrap_or(now).max(parent)
    }
}

impl Clock {
    /// The time that a block after `parent` would have now.
    pub(crate) fn peek(&self, parent: u64) -> u64 {
        self.0.lock().after(parent)
    }

    /// A block was made at this time: a time set for one block is used up, and the clock goes on
    /// from there.
    pub(crate) fn used(&self, time: u64) {
        let mut bend = self.0.lock();
        if bend.next.take().is_some() {
            bend.offset = i64::try_from(time)
                .unwrap_or(i64::MAX)
                .saturating_sub_unsigned(wall());
        }
    }

    /// Moves the clock by some seconds; answers by how many it is off in all.
    pub(crate) fn increase(&self, seconds: i64) -> i64 {
        let mut bend = self.0.lock();
        bend.offset = bend.offset.saturating_add(seconds);
        bend.offset
    }

    /// Sets the clock.
    pub(crate) fn set(&self, time: u64) -> i64 {
        let mut bend = self.0.lock();
        bend.offset = i64::try_from(time)
            .unwrap_or(i64::MAX)
            .saturating_sub_unsigned(wall());
        bend.offset
    }

    /// Sets the time of the next block.
    pub(crate) fn set_next(&self, time: u64) {
        self.0.lock().next = Some(time);
    }

    /// Puts a fixed time between blocks, or none.
    pub(crate) fn set_interval(&self, seconds: Option<u64>) {
        self.0.lock().interval = seconds;
    }

    /// How far the clock is off, seconds.
    pub(crate) fn offset(&self) -> i64 {
        self.0.lock().offset
    }

    /// Forgets everything but the offset.
    pub(crate) fn rewind(&self, offset: i64) {
        *self.0.lock() = Bend {
            offset,
            ..Bend::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_runs_backwards() {
        let clock = Clock::default();
        let future = wall() + 1000;
        assert_eq!(clock.peek(future), future);
        clock.set_next(5);
        assert_eq!(clock.peek(10), 10);
    }

    #[test]
    fn a_set_time_moves_what_follows() {
        let clock = Clock::default();
        let later = wall() + 86_400;
        clock.set_next(later);
        assert_eq!(clock.peek(0), later);
        clock.used(later);
        assert!(clock.peek(0) >= later && clock.peek(0) < later + 60);
    }
}
