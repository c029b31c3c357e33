//! What is said of many times.

use std::time::Duration;

/// Times, the shortest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted(Vec<Duration>);

impl FromIterator<Duration> for Sorted {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl Sorted {
    /// The shortest time that `percent` of them do not exceed. Zero when there are none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(rank).copied().unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// What [`percentile`](Self::percentile) gives, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        milliseconds(self.percentile(percent))
    }
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A number to so many digits after the point.
pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(milliseconds: &[u64]) -> Sorted {
        milliseconds
            .iter()
            .copied()
            .map(Duration::from_millis)
            .collect()
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let three = sorted(&[30, 10, 20]);
        let all = [0, 33, 34, 50, 67, 100].map(|percent| three.percentile_ms(percent));
        assert_eq!(all, [10.0, 10.0, 20.0, 20.0, 30.0, 30.0]);
        let hundred: Vec<_> = (1..=100).collect();
        assert_eq!(sorted(&hundred).percentile_ms(99), 99.0);
        assert_eq!(sorted(&[]).percentile(50), Duration::ZERO);
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        assert_eq!(rounded(1.25, 1), 1.3);
        assert_eq!(rounded(1.249, 2), 1.25);
        assert_eq!(rounded(-0.26, 1), -0.3);
        assert_eq!(rounded(1_234.5, 0), 1_235.0);
    }
}
