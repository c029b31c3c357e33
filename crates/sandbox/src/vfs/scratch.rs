//! Room on the host for files of the app that are too large for memory.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Result, Stop};
use crate::Fault;

/// A folder that is made when it is first needed, and removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    parent: PathBuf,
    folder: Option<TempDir>,
}

impl Scratch {
    /// One that will be in `parent`.
    pub(crate) fn new(parent: &Path) -> Self {
        Self {
            parent: parent.to_owned(),
            folder: None,
        }
    }

    /// The folder.
    pub(super) fn path(&mut self) -> Result<&Path> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => tempfile::Builder::new()
                .prefix(".run-")
                .tempdir_in(&self.parent)
                .map_err(|source| {
                    let path = self.parent.clone();
                    Stop::from(Fault::Disk { path, source })
                })?,
        };
        Ok(self.folder.insert(folder).path())
    }

    /// The folder, if it was needed.
    #[cfg(test)]
    pub(super) fn made(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}
