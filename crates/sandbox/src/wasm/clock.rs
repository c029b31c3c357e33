use crate::vfs::START_OF_TIME;

/// How long a look at the clock takes, in nanoseconds.
const TICK: u64 = 1000;

/// A clock that only the app moves: it starts at the same time in every run, each look at it takes a microsecond, and to
/// sleep is to turn it forward. A program that waits for time to pass ends, at once and alike everywhere.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    since_start: u64,
}

impl Clock {
    /// Nanoseconds since the start of the run.
    pub(crate) fn monotonic(&mut self) -> u64 {
        self.since_start = self.since_start.saturating_add(TICK);
        self.since_start
    }

    /// Nanoseconds since 1970.
    pub(crate) fn wall(&mut self) -> u64 {
        START_OF_TIME.saturating_add(self.monotonic())
    }

    /// Sleeps until `since_start` on the monotonic clock.
    pub(crate) fn sleep_until(&mut self, since_start: u64) {
        self.since_start = self.since_start.max(since_start);
    }

    /// Its resolution, in nanoseconds.
    pub(crate) fn resolution() -> u64 {
        TICK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_when_looked_at_and_in_sleep() {
        let mut clock = Clock::default();
        let first = clock.monotonic();
        assert_eq!(clock.wall() - START_OF_TIME, first + TICK);
        clock.sleep_until(3_600_000_000_000);
        clock.sleep_until(5);
        assert_eq!(clock.monotonic(), 3_600_000_000_000 + TICK);
        clock.sleep_until(u64::MAX);
        assert_eq!(clock.wall(), u64::MAX);
    }
}
