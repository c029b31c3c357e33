//! That nothing is left of a run.

use std::{fs, path::Path, time::Duration};

use canut_sandbox::{EngineKind, OciRuntime};

use super::place::{Place, runtime, runtimes};

/// What this worker has on the machine: mounts, containers, control groups.
fn traces(of: &str) -> Vec<String> {
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

/// Whether the engine wrote down the process of a run that goes on.
fn has_container(of: &str) -> bool {
    let places = fs::read_dir("/run/canut").unwrap();
    places
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().contains(of))
        .filter_map(|entry| fs::read_dir(entry.path()).ok())
        .flatten()
        .any(|run| run.is_ok_and(|run| run.path().join("pid").exists()))
}

/// The part of all names that is of the runtime in `folder`.
fn mark(folder: &Path) -> String {
    use sha2::{Digest, Sha256};
    let folder = fs::canonicalize(folder).unwrap();
    let key = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    alloy_primitives::hex::encode(&key[..6])
}

#[tokio::test]
async fn nothing_is_left_of_a_run_however_it_ends() {
    let mut place = Place::new();
    for (runtime, folder) in runtimes().await {
        let mark = mark(folder.path());
        place.limits.time = Duration::from_secs(60);
        place.run(&runtime, "exit 1").await.unwrap();
        assert_eq!(traces(&mark), Vec::<String>::new());
        place.limits.time = Duration::from_secs(2);
        place.run(&runtime, "sleep 1000").await.unwrap_err();
        assert_eq!(traces(&mark), Vec::<String>::new());
        // Nobody waits any more.
        place.limits.time = Duration::from_secs(60);
        let waiting = place.run(&runtime, "sleep 1000");
        assert!(
            tokio::time::timeout(Duration::from_secs(3), waiting)
                .await
                .is_err()
        );
        assert_eq!(traces(&mark), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_a_killed_worker_left_goes_at_the_next_start() {
    for kind in [EngineKind::Runc, EngineKind::Runsc] {
        let Some((first, folder)) = runtime(kind).await else {
            continue;
        };
        let place = Place::new();
        let mark = mark(folder.path());
        let mut run = Box::pin(place.run(&first, "sleep 1000"));
        // Until the engine has made the container: before that it would go on making it, as the kill does not reach it.
        let started = async {
            while !has_container(&mark) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut run => panic!("it sleeps"),
            () = started => {}
        }
        // As a kill does, it runs no destructor.
        std::mem::forget(run);
        // The lock goes with the process.
        fs::remove_file(folder.path().join("lock")).unwrap();
        assert_ne!(traces(&mark), Vec::<String>::new());
        let second = OciRuntime::new(folder.path(), &[kind]).await.unwrap();
        assert_eq!(traces(&mark), Vec::<String>::new());
        assert_eq!(place.read(&second, "echo again").await, "again\n");
    }
}
