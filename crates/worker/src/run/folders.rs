//! The folders of a run.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use canut_protocol::Failure;

use super::disk;
use crate::disk::{Claim, Disk, RUN, remove};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) root: PathBuf,
    pub(super) app: PathBuf,
    pub(super) input: PathBuf,
    pub(super) output: PathBuf,
    /// For what was fetched. A file of the cache counts twice: it may have to leave there while it is used here.
    pub(super) room: Claim,
}

impl Folders {
    /// New and empty folders, whatever an interrupted run left.
    pub(super) fn make(folder: &Path, on: &Arc<Disk>) -> Result<Self, Failure> {
        let root = folder.join(RUN);
        let folders = Self {
            app: root.join("app"),
            input: root.join("in"),
            output: root.join("out"),
            root,
            room: on.claim(0)?,
        };
        remove(&folders.root)
            .and_then(|()| fs::create_dir_all(&folders.input))
            .and_then(|()| fs::create_dir(&folders.output))
            .map_err(|error| disk(&error))?;
        Ok(folders)
    }

    /// Empties the output folder.
    pub(super) fn renew_output(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.output)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Takes them away.
    pub(super) fn clear(&self) -> io::Result<()> {
        remove(&self.root)
    }
}
