//! Fetched files, kept by their content until room is needed.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::SystemTime,
};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// What the names of files end with that are on their way.
const HALF: &str = ".half";

/// A folder of files whose names say what is in them.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    limit: u64,
    gates: Arc<Mutex<HashMap<String, Weak<Gate<()>>>>>,
}

impl Cache {
    pub(super) fn open(folder: PathBuf, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            limit,
            gates: Arc::default(),
        })
    }

    /// Waits until nobody else fetches the file of that name.
    pub(super) async fn lock(&self, name: &str) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            gates.retain(|_, gate| gate.strong_count() > 0);
            let known = gates.get(name).and_then(Weak::upgrade);
            let gate = known.unwrap_or_default();
            gates.insert(name.to_owned(), Arc::downgrade(&gate));
            gate
        };
        gate.lock_owned().await
    }

    /// Where the file of that name is, or belongs once it is verified.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the file of that name may be while it is on its way.
    pub(super) fn half(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{HALF}"))
    }

    /// Gives the file of that name, if it is there, a second name at `into`, so that it stays when the cache is swept.
    pub(super) fn take(&self, name: &str, into: &Path) -> io::Result<bool> {
        let place = self.place(name);
        match fs::hard_link(&place, into) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Another file system, or one without links.
            Err(_) => _ = fs::copy(&place, into)?,
        }
        // What was used last is swept last.
        let file = fs::File::open(&place)?;
        file.set_modified(SystemTime::now())?;
        Ok(true)
    }

    /// Removes what was not used for longest until the rest fits.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            files.push((about.modified()?, about.len(), entry.path()));
        }
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort_unstable();
        for (_, size, path) in files {
            if total <= self.limit {
                break;
            }
            if self.is_on_its_way(&path) {
                continue;
            }
            fs::remove_file(path)?;
            total -= size;
        }
        Ok(())
    }

    /// Whether somebody is fetching what is at `path`.
    fn is_on_its_way(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(HALF) else {
            return false;
        };
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.get(name).is_some_and(|gate| gate.strong_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"), 8).unwrap();
        let old = SystemTime::UNIX_EPOCH;
        for name in ["a", "b", "c"] {
            fs::write(cache.place(name), "four").unwrap();
            fs::File::open(cache.place(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        let taken = folder.path().join("taken");
        assert!(cache.take("a", &taken).unwrap());
        assert!(!cache.take("d", &folder.path().join("none")).unwrap());
        cache.sweep().unwrap();
        assert!(cache.place("a").exists());
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 2);
        fs::remove_file(cache.place("a")).unwrap();
        assert_eq!(fs::read_to_string(taken).unwrap(), "four");
    }
}
