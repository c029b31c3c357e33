//! What a worker writes down of a range, before it says anything about it.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use canut_pool::session::Listed;
use canut_protocol::{
    Nrlc, Trust,
    range::{Clock, Content, Leaf, MIN_RISK_COUNT, Range, Value, Vote, tree},
    signature::CompactSignature,
};
use canut_store::directory;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::disk::remove;

/// The record of a range, in its folder.
const FILE: &str = "record.json";
/// The archives of a range, named by the indices of their tasks.
const RESULTS: &str = "results";
/// How long the archives of a settled range are kept, in seconds (§8.6).
const KEPT: u64 = 7 * 86_400;

/// What must be known of a deal to vote on a range of it, as the chain says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Who countersigns.
    pub scheduler: Address,
    /// The trust asked for.
    pub trust: Trust,
    /// When the deal was made, in seconds since the epoch.
    pub start: u64,
    /// Reference time of its category, in seconds.
    pub time_ref: u64,
    /// Whether results are delivered to a contract.
    pub callback: bool,
    /// Whether results are encrypted for somebody.
    #[serde(default)]
    pub encrypted: bool,
    /// The stake for one task.
    pub stake: Nrlc,
}

impl Place {
    /// What a vote on the range puts at risk (R8).
    pub fn risk(&self, range: Range) -> Nrlc {
        let count = U256::from(range.count().max(MIN_RISK_COUNT));
        self.stake.times(count).unwrap_or(Nrlc(U256::MAX))
    }

    /// The deadlines of the deal.
    pub fn clock(&self) -> Clock {
        let far = u64::MAX;
        Clock::of(self.start, self.time_ref).unwrap_or(Clock {
            start: self.start,
            countersign: far,
            contribution: far,
            posting: far,
            opening: far,
            end: far,
        })
    }
}

/// A range on which the worker found something to vote for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeRecord {
    /// The range.
    pub range: Range,
    /// Of which deal.
    pub place: Place,
    /// What was found for each task.
    pub leaves: Vec<Leaf>,
    /// The vote. It is signed once: whatever happens, the worker never signs another one for this range.
    pub vote: Vote,
    /// The scheduler's word that the vote will be accounted for. From then on the pool may have the vote.
    pub assignment: Option<CompactSignature>,
    /// Everyone who votes on the range, once the pool said so and the worker checked it.
    pub roster: Option<Vec<Listed>>,
    /// The range that was computed, if this one is a part of it: the archives are there.
    pub whole: Option<Range>,
    /// When it was settled, in seconds since the epoch.
    pub settled: Option<u64>,
}

impl RangeRecord {
    /// What was voted for.
    pub fn value(&self) -> Option<Value> {
        value_of(self.range, &self.leaves)
    }
}

/// The value that results make.
pub fn value_of(range: Range, leaves: &[Leaf]) -> Option<Value> {
    let contents: Vec<Content> = leaves.iter().map(|leaf| leaf.content).collect();
    Some(Value {
        root: tree::root(&tree::hashes(range, leaves))?,
        link: directory::link(range.first(), &contents)?,
    })
}

/// The folder of records: one folder for each range, with its record and its archives.
#[derive(Clone, Debug)]
pub struct RangeJournal {
    root: PathBuf,
}

impl RangeJournal {
    /// The journal in `root`, which is made if missing.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// The folder of a range.
    pub fn folder(&self, range: Range) -> PathBuf {
        self.root.join(range.id().to_string())
    }

    /// The folder of its archives.
    pub fn results(&self, range: Range) -> PathBuf {
        self.folder(range).join(RESULTS)
    }

    /// What was written down about a range.
    pub fn find(&self, range: Range) -> io::Result<Option<RangeRecord>> {
        read(&self.folder(range))
    }

    /// Writes a record to disk: the new one or the old one is there, whenever the power fails.
    pub fn write(&self, record: &RangeRecord) -> io::Result<()> {
        let folder = self.folder(record.range);
        fs::create_dir_all(&folder)?;
        let mut file = NamedTempFile::new_in(&folder)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        sync_folder(&folder)?;
        sync_folder(&self.root)
    }

    /// The worker votes on less than was computed for: what was found belongs to `part` now.
    pub fn shorten(&self, range: Range, part: Range) -> io::Result<()> {
        let folder = self.folder(part);
        remove(&folder)?;
        fs::rename(self.folder(range), folder)
    }

    /// Forgets a range.
    pub fn remove(&self, range: Range) -> io::Result<()> {
        let folder = self.folder(range);
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove(&folder)
    }

    /// Forgets what was computed of a range on which nothing was voted. A vote that was signed is kept.
    pub fn discard(&self, range: Range) -> io::Result<()> {
        match self.find(range)? {
            None => remove(&self.folder(range)),
            Some(_) => Ok(()),
        }
    }

    /// Everything that was written down about ranges that are not over. Folders without a record, and those that need not be
    /// kept any more at `now`, are swept away.
    pub fn read(&self, now: u64) -> io::Result<Vec<RangeRecord>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let folder = entry?.path();
            match read(&folder)? {
                None => remove(&folder)?,
                Some(record) => match record.settled {
                    None => records.push(record),
                    Some(at) if now > at.saturating_add(KEPT) => self.remove(record.range)?,
                    Some(_) => {}
                },
            }
        }
        Ok(records)
    }
}

fn read(folder: &Path) -> io::Result<Option<RangeRecord>> {
    match fs::read(folder.join(FILE)) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
