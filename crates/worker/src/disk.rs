//! The disk that a worker may use for its work: what its folder holds beside the cache and the images.
//!
//! Whoever is going to write claims room for it first, and keeps the claim until the files are gone or counted. Runs have their
//! folders under the claims; what is left of them, archives and records, is counted where it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use canut_protocol::Failure;
use tracing::info;

/// Parts of the worker's folder that have limits of their own.
const APART: [&str; 2] = ["cache", "containers"];
/// The folder of a run that is under way.
pub(crate) const RUN: &str = "run";
/// Bytes that a file takes at least, with its name, and for small files that nobody claims room for.
const BLOCK: u64 = 4 << 10;
const MARGIN: u64 = 16 << 20;
/// How long a measure of the folder is good for. A range may leave thousands of files, so it is not taken for every run.
const FRESH: Duration = Duration::from_secs(10);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    limit: Option<u64>,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    /// Bytes of all claims.
    claimed: u64,
    /// When the folder was measured, and its bytes then, with those of all claims that ended since.
    there: Option<(Instant, u64)>,
}

/// Room for so many bytes. Dropped, it is given back; the files may have stayed.
#[derive(Debug)]
pub(crate) struct Claim {
    disk: Arc<Disk>,
    bytes: u64,
}

impl Disk {
    /// The disk of the worker in `folder`, without what interrupted runs left there.
    pub(crate) fn open(folder: PathBuf, limit: Option<u64>) -> io::Result<Arc<Self>> {
        for journal in ["tasks", "ranges"] {
            let Ok(entries) = fs::read_dir(folder.join(journal)) else {
                continue;
            };
            for entry in entries {
                remove(&entry?.path().join(RUN))?;
            }
        }
        Ok(Arc::new(Self {
            folder,
            limit,
            tally: Mutex::default(),
        }))
    }

    /// Room for `bytes`. [`Failure::DiskFull`] when there is not so much.
    pub(crate) fn claim(self: &Arc<Self>, bytes: u64) -> Result<Claim, Failure> {
        let mut claim = Claim {
            disk: Arc::clone(self),
            bytes: 0,
        };
        claim.more(bytes)?;
        Ok(claim)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is there, what is claimed, and `more` fit.
    fn fits(&self, tally: &mut Tally, more: u64) -> io::Result<bool> {
        let Some(limit) = self.limit else {
            return Ok(true);
        };
        let wanted = [tally.claimed, more, MARGIN];
        let fits = |there| wanted.into_iter().fold(there, u64::saturating_add) <= limit;
        let fresh = tally.there.filter(|(at, _)| at.elapsed() < FRESH);
        if fresh.is_some_and(|(_, there)| fits(there)) {
            return Ok(true);
        }
        let there = counted(&self.folder, &APART)?;
        tally.there = Some((Instant::now(), there));
        Ok(fits(there))
    }
}

impl Claim {
    /// Room for more.
    pub(crate) fn more(&mut self, bytes: u64) -> Result<(), Failure> {
        let mut tally = self.disk.tally();
        let fits = self.disk.fits(&mut tally, bytes).map_err(|error| {
            info!(%error, "the worker's folder cannot be measured");
            Failure::WorkerBroken
        })?;
        if !fits {
            info!(
                bytes,
                "the owner of this worker does not allow so much more of the disk"
            );
            return Err(Failure::DiskFull);
        }
        tally.claimed = tally.claimed.saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Gives back what is over, once it is known how much was needed.
    pub(crate) fn less(&mut self, bytes: u64) {
        let back = bytes.min(self.bytes);
        let mut tally = self.disk.tally();
        tally.claimed = tally.claimed.saturating_sub(back);
        self.bytes -= back;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut tally = self.disk.tally();
        tally.claimed = tally.claimed.saturating_sub(self.bytes);
        if let Some((_, there)) = &mut tally.there {
            *there = there.saturating_add(self.bytes);
        }
    }
}

/// Bytes on the disk of the file or the folder at `path`, none if there is nothing.
pub(crate) fn taken(path: &Path) -> io::Result<u64> {
    match fs::symlink_metadata(path) {
        Err(error) if is_absence(&error) => Ok(0),
        Ok(about) if about.is_dir() => counted(path, &[]),
        about => Ok(blocks(about?.len())),
    }
}

/// Bytes on the disk of the files below `folder`: those of runs apart, and the entries of `folder` in `except`.
fn counted(folder: &Path, except: &[&str]) -> io::Result<u64> {
    let mut total = 0_u64;
    let entries = match fs::read_dir(folder) {
        // Gone meanwhile.
        Err(error) if is_absence(&error) => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name == RUN || except.iter().any(|other| name == *other) {
            continue;
        }
        let about = match entry.metadata() {
            Err(error) if is_absence(&error) => continue,
            about => about?,
        };
        total = total.saturating_add(blocks(about.len()));
        if about.is_dir() {
            total = total.saturating_add(counted(&entry.path(), &[])?);
        }
    }
    Ok(total)
}

/// Bytes that a file of `bytes` takes on the disk.
pub(crate) const fn blocks(bytes: u64) -> u64 {
    (bytes.saturating_add(BLOCK) / BLOCK * BLOCK).saturating_add(BLOCK)
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if !is_absence(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_and_what_is_claimed_never_exceed_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let task = folder.path().join("tasks/1");
        fs::create_dir_all(task.join(RUN)).unwrap();
        fs::write(task.join("run/left"), [0; 9]).unwrap();
        fs::create_dir_all(folder.path().join("cache")).unwrap();
        fs::write(folder.path().join("cache/file"), vec![0; 20 << 20]).unwrap();
        let disk = Disk::open(folder.path().to_owned(), Some(MARGIN + (10 << 20))).unwrap();
        assert!(!task.join(RUN).exists(), "interrupted runs begin anew");
        let mut first = disk.claim(6 << 20).unwrap();
        assert_eq!(disk.claim(5 << 20).unwrap_err(), Failure::DiskFull);
        first.less(3 << 20);
        let second = disk.claim(6 << 20).unwrap();
        assert_eq!(first.more(3 << 20), Err(Failure::DiskFull));
        fs::write(task.join("result.zip"), vec![0; 6 << 20]).unwrap();
        drop(second);
        assert_eq!(disk.claim(2 << 20).unwrap_err(), Failure::DiskFull);
        fs::remove_file(task.join("result.zip")).unwrap();
        assert!(disk.claim(6 << 20).is_ok());
        let unbounded = Disk::open(folder.path().to_owned(), None).unwrap();
        assert!(unbounded.claim(u64::MAX).is_ok());
    }
}
