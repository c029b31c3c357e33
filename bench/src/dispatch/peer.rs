//! What a Python user would take.

use std::time::Duration;

use eyre::{Result, WrapErr, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use crate::python::{Environment, run};

/// What drives a peer.
const SCRIPT: &str = include_str!("peer.py");

/// A system that hands out tasks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// Dask distributed.
    Dask,
    /// Ray.
    Ray,
}

impl Peer {
    pub(super) const ALL: [Self; 2] = [Self::Dask, Self::Ray];

    /// Its name.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Dask => "dask",
            Self::Ray => "ray",
        }
    }

    /// It and all that it needs, as `pip freeze` lists it.
    const fn requirements(self) -> &'static str {
        match self {
            Self::Dask => include_str!("dask.txt"),
            Self::Ray => include_str!("ray.txt"),
        }
    }

    /// How long each round took.
    ///
    /// # Errors
    /// When it cannot be installed or fails here.
    pub(super) async fn measure(
        self,
        tasks: u64,
        processes: u16,
        rounds: u32,
    ) -> Result<Vec<Duration>> {
        let environment = Environment::with(self.key(), self.requirements()).await?;
        // What it writes beside its results. Ray has sockets there, whose paths must be short.
        let (home, temporary) = (TempDir::new()?, TempDir::new()?);
        let script = home.path().join("peer.py");
        std::fs::write(&script, SCRIPT)?;
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--net", "--pid", "--mount-proc"])
            // Whatever it starts ends with it.
            .args(["--fork", "--kill-child", "--"])
            .arg(environment.interpreter())
            .arg(&script)
            .arg(self.key())
            .args([tasks, u64::from(processes), u64::from(rounds)].map(|number| number.to_string()))
            .env("HOME", home.path())
            .env("RAY_TMPDIR", temporary.path())
            .env("RAY_USAGE_STATS_ENABLED", "0")
            // Nobody else is in its network.
            .env("RAY_AUTH_MODE", "disabled");
        let said = run(&mut command).await?;
        let times = parse(&said)?;
        ensure!(
            times.len() == rounds as usize,
            "{} rounds were measured",
            times.len()
        );
        Ok(times)
    }
}

/// The seconds of the rounds: the last line that a peer prints.
fn parse(said: &str) -> Result<Vec<Duration>> {
    let line = said.lines().last().unwrap_or_default();
    let seconds: Vec<f64> = serde_json::from_str(line).wrap_err("no times")?;
    let times = seconds.into_iter().map(Duration::try_from_secs_f64);
    let times: Vec<_> = times.collect::<Result<_, _>>()?;
    ensure!(
        times.iter().all(|time| !time.is_zero()),
        "a round of no time"
    );
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_are_taken_for_times() {
        let times = parse("2026 WARNING something\n[1.5, 0.25]\n").unwrap();
        assert_eq!(times, [1_500, 250].map(Duration::from_millis));
        for said in [
            "",
            "done",
            "[1.5]\nand more",
            "[-1]",
            "[0]",
            "[1e300]",
            "[null]",
        ] {
            assert!(parse(said).is_err(), "{said}");
        }
    }

    #[test]
    fn every_package_has_one_version() {
        for peer in Peer::ALL {
            let mut lines = peer.requirements().lines();
            assert!(
                lines.all(|line| line.split_once("==").is_some()),
                "{peer:?}"
            );
        }
    }
}
