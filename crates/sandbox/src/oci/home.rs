//! The home of a worker's runs: a folder that no boot survives, under a lock that its owner holds for as long as it lives.
//!
//! Whoever comes upon a home that nobody has locked knows that its owner is gone, whatever became of the folder where that one
//! worked, and takes away what it left: containers, control groups, mounts, folders.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{
    cell,
    engine::{Engine, EngineKind},
    group,
};
use crate::alone_in;

/// Where all homes are. Users of a container must be able to come here.
const HOMES: &str = "/run/canut";
/// The folder of a home with the places of its runs.
const RUNS: &str = "runs";
/// The file of a home that its owner has locked.
const LOCK: &str = "lock";
/// Bytes of the digest that a home is named by.
const KEY: usize = 6;

/// See the [module](self). Dropped, it goes if nothing is in it any more; else it is left to whoever starts next.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
    /// What names of its containers and control groups begin with.
    pub(super) prefix: String,
    /// Kept open, and with it the lock.
    _lock: File,
}

impl Home {
    /// The home of the worker in `folder`, empty. Homes whose owners are gone are removed.
    pub(super) async fn enter(folder: &Path) -> io::Result<Self> {
        Self::enter_among(Path::new(HOMES), folder).await
    }

    async fn enter_among(homes: &Path, folder: &Path) -> io::Result<Self> {
        let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
        let key = alloy_primitives::hex::encode(&digest[..KEY]);
        let folder = homes.join(&key);
        let lock = loop {
            make(&folder)?;
            match alone_in(&folder).await {
                // Whoever swept this home may have taken it away just now, with the lock.
                Ok(lock) if is_at(&lock, &folder.join(LOCK))? => break lock,
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        };
        let (own, homes) = (folder.clone(), homes.to_owned());
        spawn_blocking(move || {
            clear(&own)?;
            sweep(&homes)
        })
        .await
        .map_err(io::Error::other)??;
        Ok(Self {
            folder,
            prefix: prefix(&key),
            _lock: lock,
        })
    }

    /// Where the places of runs are.
    pub(super) fn runs(&self) -> PathBuf {
        self.folder.join(RUNS)
    }

    /// An engine of this home, if it is on this machine.
    pub(super) fn engine(&self, kind: EngineKind) -> Option<Engine> {
        let state = self.folder.join(kind.name());
        kind.find().map(|program| Engine {
            kind,
            program,
            state,
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = leave(&self.folder) {
            tracing::warn!(%error, "what is left of runs cannot be removed now; it is at the next start");
        }
    }
}

fn prefix(key: &str) -> String {
    format!("canut-{key}")
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o711).create(folder)
}

/// Whether `file` is what is at `path`, and not something that was there before.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let identity = |about: fs::Metadata| (about.dev(), about.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(identity(file.metadata()?) == identity(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the homes whose owners are gone. One that resists is left to the next start.
fn sweep(homes: &Path) -> io::Result<()> {
    for entry in fs::read_dir(homes)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_home = alloy_primitives::hex::decode(name.as_ref())
            .is_ok_and(|key| key.len() == KEY && !name.starts_with("0x"));
        if is_home && let Err(error) = remove_if_left(&path) {
            tracing::warn!(%error, home = %path.display(), "what a killed worker left cannot be removed");
        }
    }
    Ok(())
}

/// Removes a home if nobody has it.
fn remove_if_left(folder: &Path) -> io::Result<()> {
    let path = folder.join(LOCK);
    // Made if it is missing: its owner may have been killed before.
    let lock = match File::create(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        lock => lock?,
    };
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(()),
        locked => locked?,
    }
    if !is_at(&lock, &path)? {
        return Ok(());
    }
    clear(folder)?;
    leave(folder)
}

/// Ends and removes all that is in a home. Whoever calls has its lock.
fn clear(folder: &Path) -> io::Result<()> {
    let key = folder.file_name().unwrap_or_default().to_string_lossy();
    let engines = EngineKind::ALL.map(|kind| Engine {
        kind,
        // One that is not there any more is not needed: the control groups tell who is to be killed.
        program: kind.find().unwrap_or_else(|| kind.name().into()),
        state: folder.join(kind.name()),
    });
    let runs = folder.join(RUNS);
    let mut names = group::beginning_with(&format!("{}-", prefix(&key)))?;
    for engine in &engines {
        names.extend(engine.containers()?);
    }
    names.extend(entries(&runs)?);
    let mut outcome = Ok(());
    for name in names {
        let cleared = cell::clear(&engines, &name, &runs.join(&name));
        outcome = outcome.and(cleared);
    }
    outcome
}

fn entries(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Removes a home that is empty. The lock goes last: while anything is left, somebody finds the home.
fn leave(folder: &Path) -> io::Result<()> {
    let ignoring_absence = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let parts = EngineKind::ALL.map(EngineKind::name);
    for part in parts.into_iter().chain([RUNS]) {
        ignoring_absence(fs::remove_dir(folder.join(part)))?;
    }
    ignoring_absence(fs::remove_file(folder.join(LOCK)))?;
    ignoring_absence(fs::remove_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_home_is_removed_when_its_owner_is_gone_and_not_before() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let homes = tempfile::tempdir().unwrap();
        let enter = |name: &'static str| Home::enter_among(homes.path(), Path::new(name));
        let count = || fs::read_dir(homes.path()).unwrap().count();
        let lives = enter("/lives").await.unwrap();
        fs::create_dir(lives.runs()).unwrap();
        fs::create_dir(lives.runs().join("canut-run")).unwrap();
        // Killed: at work, before it had its lock, and while its home was taken away.
        let killed = homes.path().join("0123456789ab");
        fs::create_dir_all(killed.join("runs/canut-0123456789ab-7")).unwrap();
        fs::create_dir(killed.join("runc")).unwrap();
        fs::write(killed.join(LOCK), "").unwrap();
        fs::create_dir(homes.path().join("ba9876543210")).unwrap();
        fs::create_dir(homes.path().join("somebody else's")).unwrap();
        let comes = enter("/comes").await.unwrap();
        assert!(!killed.exists());
        assert_eq!(count(), 3, "two owners, and what is no home");
        assert!(lives.runs().join("canut-run").exists());
        let again = enter("/lives").await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::WouldBlock);
        drop(comes);
        assert_eq!(count(), 2);
        // It ends with a run that is not cleared.
        drop(lives);
        assert_eq!(count(), 2);
        let back = enter("/lives").await.unwrap();
        assert!(entries(&back.runs()).unwrap().is_empty());
        drop(back);
        assert_eq!(count(), 1);
    }

    #[tokio::test]
    async fn nobody_keeps_the_lock_of_a_home_that_was_taken_away() {
        let homes = tempfile::tempdir().unwrap();
        let folder = homes.path().join("0123456789ab");
        make(&folder).unwrap();
        let lock = File::create(folder.join(LOCK)).unwrap();
        lock.lock().unwrap();
        remove_if_left(&folder).unwrap();
        assert!(folder.exists(), "somebody has it");
        leave(&folder).unwrap();
        assert!(!is_at(&lock, &folder.join(LOCK)).unwrap());
        make(&folder).unwrap();
        File::create(folder.join(LOCK)).unwrap();
        assert!(!is_at(&lock, &folder.join(LOCK)).unwrap());
    }
}
