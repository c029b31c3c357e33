//! That nothing is left of a run.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use canut_sandbox::{EngineKind, OciRuntime};

use super::{
    place::{Place, runtime, runtimes},
    traces::{home, mark, processes, traces},
};

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

/// What the process of a worker is told: where it works, and on which engine.
const VICTIM: &str = "CANUT_TEST_VICTIM";

/// No test: a worker in a process of its own, for [`a_worker_killed_at_any_moment_leaves_nothing`] to kill.
#[tokio::test]
#[ignore = "a test starts it"]
async fn victim() {
    let Ok(told) = std::env::var(VICTIM) else {
        return;
    };
    let (kind, folder) = told.split_once(':').unwrap();
    let kind = *EngineKind::ALL
        .iter()
        .find(|known| known.name() == kind)
        .unwrap();
    let runtime = OciRuntime::new(Path::new(folder), &[kind]).await.unwrap();
    let (place, other) = (Place::new(), Place::new());
    place.run(&runtime, "true").await.unwrap();
    println!("\nready");
    loop {
        let short = place.run(&runtime, "sleep 0.02");
        let long = other.run(&runtime, "sleep 0.3");
        let (short, long) = tokio::join!(short, long);
        short.and(long).unwrap();
    }
}

fn start_victim(kind: EngineKind, folder: &Path) -> Child {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "containers::leftovers::victim"])
        .args(["--ignored", "--nocapture"])
        .env(VICTIM, format!("{kind}:{}", folder.display()))
        // Its own places, which a kill leaves, go with the folder.
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"), "it starts");
    victim
}

#[tokio::test]
async fn a_worker_killed_at_any_moment_leaves_nothing() {
    for (kind, kills) in [(EngineKind::Runc, 24), (EngineKind::Runsc, 8)] {
        let Some((_, folder)) = runtime(kind).await else {
            continue;
        };
        let mark = mark(folder.path());
        for _ in 0..kills {
            let mut victim = start_victim(kind, folder.path());
            let moment = Duration::from_micros(rand::random_range(0..400_000));
            // The moment of the kill is what is tried.
            std::thread::sleep(moment);
            victim.kill().unwrap();
            victim.wait().unwrap();
            let next = OciRuntime::new(folder.path(), &[kind]).await.unwrap();
            assert_eq!(traces(&mark), Vec::<String>::new(), "after {moment:?}");
            assert_eq!(processes(&mark), Vec::<String>::new(), "after {moment:?}");
            drop(next);
            assert!(!home(&mark).exists());
        }
        let last = OciRuntime::new(folder.path(), &[kind]).await.unwrap();
        assert_eq!(Place::new().read(&last, "echo again").await, "again\n");
    }
}

/// Waits until nobody has the lock of a home: neither its owner, nor somebody who takes it away.
fn wait_for_lock(home: &Path) {
    if let Ok(lock) = File::open(home.join("lock")) {
        lock.lock().unwrap();
    }
}

#[tokio::test]
async fn what_a_killed_worker_left_goes_when_any_other_starts() {
    for kind in [EngineKind::Runc, EngineKind::Runsc] {
        let Some((_, other)) = runtime(kind).await else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let (mark, home) = (mark(folder.path()), home(&mark(folder.path())));
        let mut victim = start_victim(kind, folder.path());
        while processes(&mark).is_empty() || traces(&mark).is_empty() {
            std::thread::yield_now();
        }
        assert!(home.exists());
        victim.kill().unwrap();
        victim.wait().unwrap();
        // Nobody will ever start there again.
        drop(folder);
        wait_for_lock(&home);
        let next = OciRuntime::new(other.path(), &[kind]).await.unwrap();
        // Another test may have come before.
        wait_for_lock(&home);
        assert_eq!(traces(&mark), Vec::<String>::new());
        assert_eq!(processes(&mark), Vec::<String>::new());
        assert!(!home.exists());
        drop(next);
    }
}
