//! The machine itself.

use std::{fs, path::Path, thread};

use alloy::signers::local::PrivateKeySigner;
use canut_protocol::Domain;
use canut_sandbox::{EngineKind, OciRuntime, Unavailable, WasmRuntime};

use super::{Check, State};
use crate::{
    benchmark,
    machine::{available_memory, free_disk},
};

/// Memory that one run may take, in bytes: its own and its files.
const RUN: u64 = 3 << 30;
/// Room on the disk below which little works, in bytes.
const ROOM: u64 = 10 << 30;

/// Looks at processor, memory, disk and runtimes. The worker's folder is, or will be, at `folder`.
pub async fn examine(folder: &Path) -> Vec<Check> {
    let mut checks = vec![
        cores(),
        memory(),
        disk(folder),
        wasm(),
        groups(),
        namespaces(),
    ];
    for kind in EngineKind::ALL {
        checks.push(engine(kind).await);
    }
    // One engine is enough.
    let works = |check: &Check| check.name.starts_with("engine") && check.state == State::Good;
    if checks.iter().any(works) {
        checks.retain(|check| !check.name.starts_with("engine") || works(check));
    }
    checks
}

/// What the machine was measured to do, as its worker's folder has it.
pub fn benchmark(folder: &Path, key: &PrivateKeySigner, domain: &Domain) -> Check {
    match benchmark::known(folder, key, domain) {
        Some(known) => {
            let single = known.benchmark.single / 1_000_000;
            let found = format!("{single} million WebAssembly instructions a second on one core");
            Check::good("benchmark", found)
        }
        None => Check::not(
            State::Less,
            "benchmark",
            "not measured as it is now",
            "`canut worker benchmark` does it, and so does the worker when it starts",
        ),
    }
}

fn cores() -> Check {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Check::good(
        "cores",
        format!("{cores}, thus as many slots unless you say otherwise"),
    )
}

fn memory() -> Check {
    let Some(free) = available_memory() else {
        return Check::not(State::Less, "memory", "unknown", "look at /proc/meminfo");
    };
    let slots = free / RUN;
    let found = format!("{} MiB available", free >> 20);
    match slots {
        0 => Check::not(
            State::Less,
            "memory",
            found,
            "a run may take 3 GiB: give one slot (--slots 1) and close what else runs",
        ),
        _ => Check::good(
            "memory",
            format!("{found}, enough for {slots} of the largest runs at once"),
        ),
    }
}

fn disk(folder: &Path) -> Check {
    match free_disk(folder) {
        Ok((free, there)) => {
            let found = format!("{} MiB free at {}", free >> 20, there.display());
            if free < ROOM {
                Check::not(
                    State::Less,
                    "disk",
                    found,
                    "apps, inputs and images need room: choose another --dir, or a smaller --cache",
                )
            } else {
                Check::good("disk", found)
            }
        }
        Err(error) => Check::not(
            State::Bad,
            "disk",
            error.to_string(),
            "choose another --dir",
        ),
    }
}

fn wasm() -> Check {
    match WasmRuntime::new(None) {
        Ok(_) => Check::good("wasm", "works"),
        Err(fault) => Check::not(
            State::Bad,
            "wasm",
            fault.to_string(),
            "use a 64-bit processor of Intel, AMD or ARM",
        ),
    }
}

fn groups() -> Check {
    let root = Path::new("/sys/fs/cgroup");
    let version = if root.join("cgroup.controllers").exists() {
        "version 2"
    } else if root.join("memory").is_dir() && root.join("pids").is_dir() {
        "version 1"
    } else {
        return Check::not(
            State::Less,
            "cgroups",
            "none",
            "containers need them: mount /sys/fs/cgroup, as systemd does",
        );
    };
    Check::good("cgroups", version)
}

fn namespaces() -> Check {
    let needed = ["user", "pid", "net", "mnt", "ipc", "uts"];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|kind| !Path::new("/proc/self/ns").join(kind).exists())
        .collect();
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    if missing.is_empty() && most.trim() != "0" {
        return Check::good("namespaces", "all");
    }
    let found = if missing.is_empty() {
        "user namespaces are forbidden".to_owned()
    } else {
        format!("without {}", missing.join(", "))
    };
    Check::not(
        State::Less,
        "namespaces",
        found,
        "containers need them: sysctl user.max_user_namespaces=10000, or another kernel",
    )
}

async fn engine(kind: EngineKind) -> Check {
    let name = match kind {
        EngineKind::Runsc => "engine runsc",
        EngineKind::Runc => "engine runc",
        EngineKind::Crun => "engine crun",
    };
    let tried = match tempfile::tempdir() {
        Ok(folder) => OciRuntime::new(folder.path(), &[kind]).await,
        Err(source) => Err(Unavailable::Folder {
            folder: std::env::temp_dir(),
            source,
        }),
    };
    match tried {
        Ok(runtime) => Check::good(name, format!("works: {}", runtime.program().display())),
        Err(problem) => {
            let remedy = match &problem {
                Unavailable::NotRoot => {
                    "for containers, run the worker as root, best as a service: docs/provider.md"
                }
                Unavailable::NoEngine => {
                    "for containers: apt install runc, or runsc for more isolation"
                }
                _ => "for containers: install another engine (apt install runc)",
            };
            let found = match &problem {
                Unavailable::NoEngine => "not installed".to_owned(),
                other => other.to_string(),
            };
            Check::not(State::Less, name, found, remedy)
        }
    }
}
