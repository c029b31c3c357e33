//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use canut_sandbox::EngineKind;
use serde_json::{Map, Value, json};

use super::{
    ENGINES,
    ways::{Missing, Way},
};
use crate::times::{Sorted, rounded};

/// Most milliseconds that a known WebAssembly app is to take for a start.
const WASM_GOAL: f64 = 1.0;
/// How much longer than its engine alone a container is to take for a start, at most.
const CONTAINER_GOAL: f64 = 1.3;

/// What was measured of one way.
#[derive(Debug)]
pub(super) struct Series {
    key: String,
    name: String,
    pub(super) starts: Vec<Duration>,
    /// By the clock, and on the processor.
    pub(super) computing: Vec<(Duration, Duration)>,
}

impl Series {
    pub(super) fn new(way: &Way) -> Self {
        Self {
            key: way.key(),
            name: way.name(),
            starts: Vec::new(),
            computing: Vec::new(),
        }
    }
}

/// One line of the table.
#[derive(Debug)]
struct Row {
    key: String,
    name: String,
    /// Milliseconds of a start.
    p50: f64,
    p99: f64,
    /// Seconds to compute, by the clock and on the processor.
    seconds: f64,
    /// `None` of gVisor: what runs the program is no child of what starts it, so its time is not handed on.
    processor: Option<f64>,
}

impl Row {
    fn new(series: &Series) -> Self {
        let starts: Sorted = series.starts.iter().copied().collect();
        let clock: Sorted = series.computing.iter().map(|(clock, _)| *clock).collect();
        let processor: Sorted = series.computing.iter().map(|(_, used)| *used).collect();
        Self {
            key: series.key.clone(),
            name: series.name.clone(),
            p50: starts.percentile_ms(50),
            p99: starts.percentile_ms(99),
            seconds: clock.percentile(50).as_secs_f64(),
            processor: (!series.key.ends_with(EngineKind::Runsc.name()))
                .then(|| processor.percentile(50).as_secs_f64()),
        }
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    rows: Vec<Row>,
    missing: Vec<Missing>,
}

impl Report {
    pub(super) fn new(json: bool, series: &[Series], missing: Vec<Missing>) -> Self {
        Self {
            json,
            rows: series.iter().map(Row::new).collect(),
            missing,
        }
    }

    fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// How many times what native takes another way takes, on the processor.
    fn overhead(&self, row: &Row) -> Option<f64> {
        let native = self.row("native")?.processor?;
        let own = row.processor?;
        (native > 0.0).then(|| own / native)
    }

    /// Our start beside that of the peer: engines, and how many times what they take alone.
    fn containers(&self) -> Vec<(&'static str, f64)> {
        let ratio = |engine: &'static str| {
            let (ours, alone) = (self.row(&format!("oci_{engine}"))?, self.row(engine)?);
            (alone.p50 > 0.0).then(|| (engine, ours.p50 / alone.p50))
        };
        ENGINES
            .iter()
            .filter_map(|kind| ratio(kind.name()))
            .collect()
    }

    fn line(&self) -> Value {
        let mut line = Map::new();
        for row in &self.rows {
            let overhead = self.overhead(row).map(|ratio| rounded(ratio, 3));
            let figures = json!({
                "start_p50_ms": rounded(row.p50, 3),
                "start_p99_ms": rounded(row.p99, 3),
                "compute_s": rounded(row.seconds, 3),
                "compute_cpu_s": row.processor.map(|seconds| rounded(seconds, 3)),
                "cpu_of_native": overhead,
            });
            line.insert(row.key.clone(), figures);
        }
        let containers: Map<_, _> = self
            .containers()
            .into_iter()
            .map(|(engine, ratio)| (engine.to_owned(), json!(rounded(ratio, 3))))
            .collect();
        for (key, reason) in &self.missing {
            line.insert(key.clone(), Value::Null);
            line.insert(format!("{key}_missing"), json!(reason));
        }
        line.insert("container_start_ratio".to_owned(), containers.into());
        line.into()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.line());
        }
        writeln!(
            f,
            "{:<36}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "start, ms", "p99, ms", "compute, s", "CPU, s", "of native"
        )?;
        for row in &self.rows {
            let cell = |figure: Option<f64>| figure.map_or("-".to_owned(), |f| format!("{f:.2}"));
            let (processor, overhead) = (cell(row.processor), cell(self.overhead(row)));
            writeln!(
                f,
                "{:<36}{:>12.2}{:>12.2}{:>12.2}{processor:>12}{overhead:>12}",
                row.name, row.p50, row.p99, row.seconds
            )?;
        }
        writeln!(f)?;
        let goal = |f: &mut fmt::Formatter<'_>, name: &str, found: f64, goal: f64| {
            let verdict = if found <= goal { "met" } else { "missed" };
            writeln!(f, "{name:<48}{found:>12.2}   goal {goal:.1}, {verdict}")
        };
        if let Some(wasm) = self.row("wasm") {
            goal(
                f,
                "start of a known WebAssembly app, ms",
                wasm.p50,
                WASM_GOAL,
            )?;
        }
        for (engine, ratio) in self.containers() {
            goal(
                f,
                &format!("start of a container / {engine} alone"),
                ratio,
                CONTAINER_GOAL,
            )?;
        }
        for (key, reason) in &self.missing {
            writeln!(f, "not measured: {key}: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(key: &str, start: u64, processor: u64) -> Series {
        let milliseconds = Duration::from_millis;
        Series {
            key: key.to_owned(),
            name: key.to_owned(),
            starts: [start + 1, start, start + 2].map(milliseconds).to_vec(),
            computing: vec![(milliseconds(processor + 5), milliseconds(processor)); 3],
        }
    }

    fn report(json: bool) -> Report {
        let series = [
            series("native", 1, 1_000),
            series("wasm", 4, 1_500),
            series("runc", 39, 1_000),
            series("oci_runc", 79, 1_100),
            series("oci_runsc", 200, 1_200),
        ];
        let missing = vec![("crun".to_owned(), "it does not work here".to_owned())];
        Report::new(json, &series, missing)
    }

    #[test]
    fn scripts_see_each_way_and_what_is_missing() {
        let line: Value = serde_json::from_str(&report(true).to_string()).unwrap();
        assert_eq!(line["wasm"]["start_p50_ms"], json!(5.0));
        assert_eq!(line["wasm"]["start_p99_ms"], json!(6.0));
        assert_eq!(line["wasm"]["cpu_of_native"], json!(1.5));
        assert_eq!(line["native"]["cpu_of_native"], json!(1.0));
        // Of runsc alone nothing was measured, so there is no ratio.
        assert_eq!(line["container_start_ratio"], json!({ "runc": 2.0 }));
        assert_eq!(line["oci_runsc"]["cpu_of_native"], Value::Null);
        assert_eq!(line["crun"], Value::Null);
        assert_eq!(line["crun_missing"], json!("it does not work here"));
    }

    #[test]
    fn people_see_what_was_missed() {
        let table = report(false).to_string();
        assert!(table.contains("goal 1.0, missed"), "{table}");
        assert!(table.contains("goal 1.3, missed"), "{table}");
        assert!(
            table.contains("not measured: crun: it does not work here"),
            "{table}"
        );
    }
}
