//! The folders of the runs, and what all runs must find.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use canut_sandbox::{Job, Limits};
use eyre::{Result, WrapErr, ensure};
use tempfile::TempDir;

use super::program::Program;

/// The file of the result.
pub(super) const PRICE: &str = "price.json";
/// Longest time of a run.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) program: Program,
    folder: TempDir,
    /// By the number of paths.
    found: BTreeMap<u64, Bytes>,
}

impl Desk {
    pub(super) fn new(program: Program) -> Result<Self> {
        let folder = TempDir::new()?;
        fs::create_dir(folder.path().join("in"))?;
        Ok(Self {
            program,
            folder,
            found: BTreeMap::new(),
        })
    }

    /// Where the result goes.
    pub(super) fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Makes room for the next result.
    pub(super) fn clear(&self) -> Result<()> {
        let output = self.output();
        if output.exists() {
            fs::remove_dir_all(&output)?;
        }
        Ok(fs::create_dir(output)?)
    }

    /// Looks at the result, which is in the output folder unless it is given: of so many paths the price is always the same.
    pub(super) fn check(&mut self, paths: u64, result: Option<Bytes>) -> Result<()> {
        let price = match result {
            Some(price) => price,
            None => fs::read(self.output().join(PRICE))
                .wrap_err("no result")?
                .into(),
        };
        ensure!(!price.is_empty(), "the result is empty");
        let first = self.found.entry(paths).or_insert_with(|| price.clone());
        ensure!(
            *first == price,
            "it found {}, others found {}",
            String::from_utf8_lossy(&price),
            String::from_utf8_lossy(first)
        );
        Ok(())
    }

    /// One run of `app`, as a worker would ask for it.
    pub(super) fn job(&self, app: &Path, paths: u64) -> Job {
        let input = self.folder.path().join("in");
        Job {
            arguments: arguments(paths).to_vec(),
            ..Job::plain(app.to_owned(), input, self.output())
        }
    }
}

/// What the program is told.
pub(super) fn arguments(paths: u64) -> [String; 2] {
    ["--paths".to_owned(), paths.to_string()]
}

/// The limits of a run.
pub(super) fn limits() -> Limits {
    Limits::for_duration(PATIENCE)
}
