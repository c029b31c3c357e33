//! What a worker writes down of a task, before it does anything about it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes};
use canut_protocol::{DealId, Failure, Nrlc, TaskId};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The record of a task, in its folder.
const FILE: &str = "record.json";

/// A task that the worker took on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index.
    pub index: u64,
    /// The scheduler's signature that authorises the worker.
    pub authorization: Bytes,
    /// Whether the pool lets it contribute and finalize at once.
    pub sole: bool,
    /// What a contribution locks.
    pub stake: Nrlc,
    /// What came out of the run; its archive is beside the record.
    pub found: Option<Found>,
    /// Whether a contribution may have been sent. From then on the digest never changes.
    pub pledged: bool,
    /// CID of the archive, once it is in the store.
    pub uploaded: Option<String>,
}

/// A result, or a failure that is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The result digest.
    pub digest: B256,
    /// What is delivered on chain; empty without a callback.
    pub callback: Bytes,
    /// Why the run failed, if it did.
    pub failure: Option<Failure>,
}

/// The folder of records: one folder for each task, with its record and its result.
#[derive(Clone, Debug)]
pub struct Journal {
    root: PathBuf,
}

impl Journal {
    /// The journal in `root`, which is made if missing.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// The folder of a task.
    pub fn folder(&self, task: TaskId) -> PathBuf {
        self.root.join(task.to_string())
    }

    /// The archive of a task's result.
    pub fn archive(&self, task: TaskId) -> PathBuf {
        self.folder(task).join("result.zip")
    }

    /// Writes a record to disk: the new one or the old one is there, whenever the power fails.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let folder = self.folder(record.task);
        fs::create_dir_all(&folder)?;
        let mut file = NamedTempFile::new_in(&folder)?;
        serde_json::to_writer(&mut file, record)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        sync_folder(&folder)?;
        sync_folder(&self.root)
    }

    /// Forgets a task and its result.
    pub fn remove(&self, task: TaskId) -> io::Result<()> {
        let folder = self.folder(task);
        // Without its record a folder is nothing, so the rest may take its time.
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Everything that was written down. Folders without a record are swept away: their run had not begun, or was over.
    pub fn read(&self) -> io::Result<BTreeMap<TaskId, Record>> {
        let mut records = BTreeMap::new();
        for entry in fs::read_dir(&self.root)? {
            let folder = entry?.path();
            match fs::read(folder.join(FILE)) {
                Ok(json) => {
                    let record: Record = serde_json::from_slice(&json)?;
                    records.insert(record.task, record);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::remove_dir_all(&folder)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_again_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().join("tasks")).unwrap();
        let found = Found {
            digest: B256::repeat_byte(3),
            callback: Bytes::new(),
            failure: Some(Failure::AppExited),
        };
        let record = Record {
            task: TaskId(B256::repeat_byte(1)),
            deal: DealId(B256::repeat_byte(2)),
            index: 7,
            authorization: vec![1, 2].into(),
            sole: true,
            stake: Nrlc::from(9),
            found: Some(found),
            pledged: true,
            uploaded: Some("Qm".into()),
        };
        journal
            .write(&Record {
                pledged: false,
                ..record.clone()
            })
            .unwrap();
        journal.write(&record).unwrap();
        fs::create_dir(folder.path().join("tasks/half-made")).unwrap();
        let journal = Journal::open(folder.path().join("tasks")).unwrap();
        assert_eq!(
            journal.read().unwrap(),
            BTreeMap::from([(record.task, record.clone())])
        );
        assert!(!folder.path().join("tasks/half-made").exists());
        journal.remove(record.task).unwrap();
        journal.remove(record.task).unwrap();
        assert!(journal.read().unwrap().is_empty());
    }
}
