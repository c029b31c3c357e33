//! The figures of both nodes, as a table for people and a line for scripts.

use canut_chain::Replayed;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What one node showed.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// Transfers under load.
    pub(super) transfers: f64,
    /// Transfers a second, all clients together.
    pub(super) tps: f64,
    /// From send to receipt under load, milliseconds.
    pub(super) loaded_p50_ms: f64,
    /// The same, 99th percentile.
    pub(super) loaded_p99_ms: f64,
    /// From send to receipt on an idle node, milliseconds.
    pub(super) p50_ms: f64,
    /// The same, 99th percentile.
    pub(super) p99_ms: f64,
    /// Resident memory after the load, bytes.
    pub(super) resident: u64,
    /// Disk after the load, bytes; `None` for a node that keeps nothing.
    pub(super) disk: Option<u64>,
    /// Microseconds of a transfer under load, by stage.
    pub(super) profile: Option<Vec<(String, f64)>>,
    /// Its chain, run again from the first block.
    pub(super) replay: Option<Replayed>,
}

/// Both nodes in one run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) ours: Figures,
    pub(super) anvil: Option<Figures>,
}

/// One figure of a node.
type Figure = fn(&Figures) -> Option<f64>;

const MIB: f64 = 1024.0 * 1024.0;

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes and counts are far below 2^52"
)]
impl Report {
    /// Key, name and unit, and a node's figure.
    fn rows(&self) -> [Row; 10] {
        let figures: [(&str, &str, Figure); 10] = [
            ("transfers", "transfers under load", |f| Some(f.transfers)),
            ("tps", "transfers a second, all clients", |f| Some(f.tps)),
            ("p50_ms", "send to receipt, idle: median, ms", |f| {
                Some(f.p50_ms)
            }),
            ("p99_ms", "send to receipt, idle: 99 %, ms", |f| {
                Some(f.p99_ms)
            }),
            (
                "loaded_p50_ms",
                "send to receipt, under load: median, ms",
                |f| Some(f.loaded_p50_ms),
            ),
            (
                "loaded_p99_ms",
                "send to receipt, under load: 99 %, ms",
                |f| Some(f.loaded_p99_ms),
            ),
            ("resident_mib", "memory after the load, MiB", |f| {
                Some(f.resident as f64 / MIB)
            }),
            ("disk_bytes_per_transfer", "disk, bytes a transfer", |f| {
                f.disk.map(|disk| disk as f64 / f.transfers)
            }),
            ("replayed_blocks", "blocks replayed a second", |f| {
                f.replay.map(|replay| per_second(&replay, replay.blocks))
            }),
            ("replayed_transfers", "transfers replayed a second", |f| {
                f.replay
                    .map(|replay| per_second(&replay, replay.transactions))
            }),
        ];
        figures.map(|(key, name, figure)| Row {
            key,
            name,
            ours: figure(&self.ours),
            anvil: self.anvil.as_ref().and_then(figure),
        })
    }

    pub(super) fn json(&self) -> String {
        let mut out = Map::new();
        for row in self.rows() {
            out.insert(
                row.key.into(),
                json!({ "ours": rounded(row.ours), "anvil": rounded(row.anvil) }),
            );
        }
        let stages = self.ours.profile.iter().flatten();
        let stages: Map<_, _> = stages
            .map(|(stage, us)| (stage.clone(), rounded(Some(*us))))
            .collect();
        out.insert("us_a_transfer".into(), stages.into());
        Value::from(out).to_string()
    }

    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "{:<42}{:>12}{:>12}{:>14}\n",
            "", "ours", "anvil", "ours / anvil"
        );
        for row in self.rows() {
            let ratio = row.ours.zip(row.anvil).map(|(ours, anvil)| ours / anvil);
            // Writing to a string does not fail.
            let _ = writeln!(
                out,
                "{:<42}{:>12}{:>12}{:>14}",
                row.name,
                cell(row.ours),
                cell(row.anvil),
                cell(ratio)
            );
        }
        out.push_str("\nours, microseconds of a transfer under load, by stage\n");
        for (stage, us) in self.ours.profile.iter().flatten() {
            let _ = writeln!(out, "  {stage:<40}{:>12}", cell(Some(*us)));
        }
        out
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn per_second(replay: &Replayed, count: u64) -> f64 {
    count as f64 / replay.elapsed.as_secs_f64()
}

struct Row {
    key: &'static str,
    name: &'static str,
    ours: Option<f64>,
    anvil: Option<f64>,
}

fn rounded(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| json!(crate::times::rounded(value, 3)))
}

fn cell(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| {
        if value >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.2}")
        }
    })
}
