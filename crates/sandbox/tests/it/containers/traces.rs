//! What a worker with containers has on the machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Mounts, containers and control groups whose names hold `of`, and what is of runs in the home of that name.
pub(crate) fn traces(of: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut found: Vec<_> = mounts
        .lines()
        .filter(|line| line.contains(of))
        .map(str::to_owned)
        .collect();
    let groups = Path::new("/sys/fs/cgroup");
    let below = entries(groups);
    let deeper = below.iter().flat_map(|folder| entries(folder));
    for path in deeper.chain(below.clone()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains(of) {
            found.push(path.display().to_string());
        }
    }
    let runs = entries(&home(of)).into_iter();
    let runs = runs.flat_map(|folder| entries(&folder));
    found.extend(runs.map(|path| path.display().to_string()));
    found
}

/// Where a worker whose names hold `of` has its runs, for as long as it lives.
pub(crate) fn home(of: &str) -> PathBuf {
    Path::new("/run/canut").join(of)
}

/// What is in a folder; nothing if it is none, or gone.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Processes that were started with `of` among their arguments.
pub(crate) fn processes(of: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let told = all.filter_map(|entry| {
        let about = fs::read(entry.path().join("cmdline")).ok()?;
        let about = String::from_utf8_lossy(&about).replace('\0', " ");
        about.contains(of).then_some(about)
    });
    told.collect()
}

/// The part of all names that is of the runtime in `folder`.
pub(crate) fn mark(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap();
    let key = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    key[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
