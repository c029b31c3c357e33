//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use eyre::Result;
use serde_json::{Map, Value, json};

use super::TRUSTS;
use crate::times::{Sorted, rounded};

/// One side, and how many tasks it did a second in the median round; or why it was not measured.
#[derive(Debug)]
pub(super) struct Side {
    key: &'static str,
    rate: Result<f64, String>,
}

impl Side {
    /// A side that took so long for the tasks of each round.
    pub(super) fn new(key: &'static str, tasks: u64, times: Result<Vec<Duration>>) -> Self {
        let rate = |times: Vec<Duration>| {
            let median = times.into_iter().collect::<Sorted>().percentile(50);
            tasks as f64 / median.as_secs_f64()
        };
        let side = Self {
            key,
            rate: times.map(rate).map_err(|error| format!("{error:#}")),
        };
        match &side.rate {
            Ok(rate) => eprintln!("{key}: {rate:.0} tasks a second"),
            Err(reason) => eprintln!("{key}: not measured: {reason}"),
        }
        side
    }

    fn is_ours(&self) -> bool {
        TRUSTS.iter().any(|(key, _)| *key == self.key)
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    sides: Vec<Side>,
}

impl Report {
    pub(super) const fn new(json: bool, sides: Vec<Side>) -> Self {
        Self { json, sides }
    }

    /// Sides that are ours, or peers, with their rates.
    fn measured(&self, ours: bool) -> impl Iterator<Item = (&'static str, f64)> {
        let sides = self.sides.iter().filter(move |side| side.is_ours() == ours);
        sides.filter_map(|side| Some((side.key, *side.rate.as_ref().ok()?)))
    }

    fn line(&self) -> Value {
        let mut line = Map::new();
        for Side { key, rate } in &self.sides {
            let rate = rate.as_ref();
            line.insert(
                (*key).to_owned(),
                json!(rate.ok().map(|rate| rounded(*rate, 1))),
            );
            if let Err(reason) = rate {
                line.insert(format!("{key}_missing"), json!(reason));
            }
        }
        for (ours, certified) in self.measured(true) {
            for (peer, rate) in self.measured(false) {
                let ratio = rounded(certified / rate, 3);
                line.insert(format!("{ours}_of_{peer}"), json!(ratio));
            }
        }
        line.into()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.line());
        }
        write!(f, "{:<20}{:>16}", "", "tasks a second")?;
        for (peer, _) in self.measured(false) {
            write!(f, "{:>16}", format!("/ {peer}"))?;
        }
        for side in &self.sides {
            write!(f, "\n{:<20}", side.key.replace('_', " "))?;
            match &side.rate {
                Ok(rate) => write!(f, "{rate:>16.0}")?,
                Err(reason) => write!(f, "  not measured: {reason}")?,
            }
            if let (true, Ok(rate)) = (side.is_ours(), &side.rate) {
                for (_, other) in self.measured(false) {
                    write!(f, "{:>16.2}", rate / other)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use eyre::eyre;

    use super::*;

    fn report(json: bool) -> Report {
        let seconds = |times: &[u64]| Ok(times.iter().copied().map(Duration::from_secs).collect());
        let sides = vec![
            Side::new("dask", 1_000, seconds(&[9, 1, 2])),
            Side::new("ray", 1_000, Err(eyre!("no wheel").wrap_err("pip"))),
            Side::new("trust_1", 1_000, seconds(&[1, 1, 1])),
            Side::new("trust_100", 1_000, seconds(&[4, 4, 4])),
        ];
        Report::new(json, sides)
    }

    #[test]
    fn what_was_not_measured_has_no_number() {
        let line: Value = serde_json::from_str(&report(true).to_string()).unwrap();
        let expected = json!({
            "dask": 500.0,
            "ray": null,
            "ray_missing": "pip: no wheel",
            "trust_1": 1000.0,
            "trust_100": 250.0,
            "trust_1_of_dask": 2.0,
            "trust_100_of_dask": 0.5,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn people_see_ratios_only_to_what_was_measured() {
        let table = report(false).to_string();
        assert!(table.contains("not measured: pip: no wheel"), "{table}");
        assert!(
            table.contains("/ dask") && !table.contains("/ ray"),
            "{table}"
        );
        assert!(table.contains("trust 100"), "{table}");
    }
}
