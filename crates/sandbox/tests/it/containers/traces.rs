//! What a worker with containers has on the machine.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};

/// Mounts, containers and control groups whose names hold `of`.
pub(crate) fn traces(of: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut found: Vec<_> = mounts
        .lines()
        .filter(|line| line.contains(of))
        .map(str::to_owned)
        .collect();
    let groups = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(groups)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for folder in controllers.chain([groups.to_owned(), "/run/canut".into()]) {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let empty_folder = folder.ends_with("canut")
                && fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
            if name.contains(of) && !empty_folder {
                found.push(path.display().to_string());
            }
        }
    }
    found
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
