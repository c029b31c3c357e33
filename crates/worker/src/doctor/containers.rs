//! What containers need of the machine.

use std::{fs, path::Path};

use canut_sandbox::{EngineKind, OciRuntime, Unavailable};

use super::{Check, State};

/// Whether the owner wants a worker to run containers, and on which engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Containers {
    /// Not at all.
    Unwanted,
    /// If it can.
    Welcome(Vec<EngineKind>),
    /// Without them it does not start.
    Needed(Vec<EngineKind>),
}

/// Starts a container on each engine.
pub(super) async fn examine(wanted: &Containers) -> Vec<Check> {
    let (engines, missing) = match wanted {
        Containers::Unwanted => return Vec::new(),
        Containers::Welcome(engines) => (engines, State::Less),
        Containers::Needed(engines) => (engines, State::Bad),
    };
    let (mut good, mut rest) = (Vec::new(), Vec::new());
    for kind in engines {
        match attempt(*kind).await {
            Ok(check) => good.push(check),
            Err(Unavailable::NotRoot) => return vec![not_root(missing)],
            Err(problem) => rest.push(fails(*kind, &problem, missing)),
        }
    }
    // One engine is enough.
    let engines = if good.is_empty() { rest } else { good };
    let mut checks = vec![groups(missing), namespaces(missing)];
    checks.extend(engines);
    checks
}

fn not_root(missing: State) -> Check {
    Check::not(
        missing,
        "containers",
        Unavailable::NotRoot.to_string(),
        "run the worker as root, best as a service (`canut worker unit`); as another user it offers WebAssembly (--runtimes wasm)",
    )
}

fn groups(missing: State) -> Check {
    let root = Path::new("/sys/fs/cgroup");
    let version = if root.join("cgroup.controllers").exists() {
        "version 2"
    } else if root.join("memory").is_dir() && root.join("pids").is_dir() {
        "version 1"
    } else {
        return Check::not(
            missing,
            "cgroups",
            "none",
            "containers need them: mount /sys/fs/cgroup, as systemd does",
        );
    };
    Check::good("cgroups", version)
}

fn namespaces(missing: State) -> Check {
    let needed = ["user", "pid", "net", "mnt", "ipc", "uts"];
    let absent: Vec<_> = needed
        .into_iter()
        .filter(|kind| !Path::new("/proc/self/ns").join(kind).exists())
        .collect();
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    if absent.is_empty() && most.trim() != "0" {
        return Check::good("namespaces", "all");
    }
    let found = if absent.is_empty() {
        "user namespaces are forbidden".to_owned()
    } else {
        format!("without {}", absent.join(", "))
    };
    Check::not(
        missing,
        "namespaces",
        found,
        "containers need them: sysctl user.max_user_namespaces=10000, or another kernel",
    )
}

const fn name(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Runsc => "engine runsc",
        EngineKind::Runc => "engine runc",
        EngineKind::Crun => "engine crun",
    }
}

async fn attempt(kind: EngineKind) -> Result<Check, Unavailable> {
    let folder = tempfile::tempdir().map_err(|source| Unavailable::Folder {
        folder: std::env::temp_dir(),
        source,
    })?;
    let runtime = OciRuntime::new(folder.path(), &[kind]).await?;
    let found = format!("works: {}", runtime.program().display());
    Ok(Check::good(name(kind), found))
}

fn fails(kind: EngineKind, problem: &Unavailable, missing: State) -> Check {
    let (found, remedy) = match problem {
        Unavailable::NoEngine => (
            "not installed".to_owned(),
            "for containers: apt install runc, or runsc for more isolation",
        ),
        other => (
            other.to_string(),
            "for containers: install another engine (apt install runc)",
        ),
    };
    Check::not(missing, name(kind), found, remedy)
}
