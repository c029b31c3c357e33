//! The time of the chain.

use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of the chain, which deadlines go by: this machine's, set forward when blocks are ahead of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    ahead: u64,
}

impl Clock {
    /// Sets the clock by a block of time `time`, in seconds since the epoch.
    pub fn observe(&mut self, time: u64) {
        self.ahead = time.saturating_sub(wall());
    }

    /// Now, in seconds since the epoch.
    pub fn now(&self) -> u64 {
        wall().saturating_add(self.ahead)
    }
}

fn wall() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_may_be_ahead_but_an_idle_one_is_not_behind() {
        let mut clock = Clock::default();
        let wall = clock.now();
        clock.observe(wall + 1_000);
        assert!(clock.now() >= wall + 1_000);
        clock.observe(wall - 1_000);
        assert!(clock.now() >= wall);
    }
}
