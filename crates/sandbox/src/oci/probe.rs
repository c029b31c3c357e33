//! Whether this machine can run containers: tried, not guessed.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{
    cell::Cell,
    engine::{Engine, PRINTED},
    home::Home,
    spec::{Bind, Spec},
};
use crate::{Fault, Limits};

/// How long an engine may take. Some hang where a machine is virtual twice over.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the program of the trial ends with.
const STATUS: i32 = 7;
/// Folders of this machine that a shell needs.
const SYSTEM: [&str; 4] = ["/bin", "/lib", "/lib64", "/usr"];

/// Why there is no runtime for containers here.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Mounts and control groups are for the superuser.
    #[error("containers need a worker that runs as root; the apps in them do not")]
    NotRoot,
    /// No engine is installed.
    #[error("no engine for containers is installed: apt install runc")]
    NoEngine,
    /// Those installed do not work here.
    #[error("no engine for containers works on this machine: {0}")]
    Broken(String),
    /// The folder cannot be used.
    #[error("{folder}: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else works there.
    #[error("another worker uses {0}")]
    Locked(PathBuf),
    /// This machine failed otherwise.
    #[error(transparent)]
    Fault(Fault),
}

/// The first engine that works.
pub(super) async fn first(engines: &[Engine], home: &Home) -> Result<Engine, Unavailable> {
    if engines.is_empty() {
        return Err(Unavailable::NoEngine);
    }
    let mut reasons = Vec::new();
    for (number, engine) in engines.iter().enumerate() {
        let name = format!("{}-{number}", home.prefix);
        match attempt(engine, &home.runs(), &name).await {
            Ok(()) => return Ok(engine.clone()),
            Err(fault) => reasons.push(format!("{}: {fault}", engine.kind)),
        }
    }
    Err(Unavailable::Broken(reasons.join("; ")))
}

/// Runs a shell of this machine in a container, with everything a run has.
async fn attempt(engine: &Engine, places: &Path, name: &str) -> Result<(), Fault> {
    let limits = Limits {
        memory_bytes: 256 << 20,
        output_bytes: 16 << 20,
        ..Limits::default()
    };
    let engine = Arc::new(engine.clone());
    let cell = Cell::make(&engine, places.join(name), name.to_owned(), &limits)?;
    let out = cell.create("files/out", Some((0, 0)))?;
    for folder in ["rootfs/out", "rootfs/proc", "rootfs/dev"] {
        cell.create(folder, None)?;
    }
    let mut binds = vec![Bind {
        from: &out,
        to: "/out",
        writable: true,
    }];
    for folder in SYSTEM
        .into_iter()
        .filter(|folder| Path::new(folder).is_dir())
    {
        cell.create(&format!("rootfs{folder}"), None)?;
        binds.push(Bind {
            from: Path::new(folder),
            to: folder,
            writable: false,
        });
    }
    let script = format!("echo works > /out/file && exit {STATUS}");
    let spec = Spec {
        root: &cell.folder.join("rootfs"),
        arguments: &["/bin/sh".to_owned(), "-c".to_owned(), script],
        environment: &["PATH=/bin".to_owned()],
        folder: "/",
        uid: 0,
        gid: 0,
        binds: &binds,
        control_group: &format!("/{name}"),
        cpu: super::cpus().first().copied().unwrap_or_default(),
        own_processes: engine.own_processes(),
    };
    cell.describe(&spec.config(&limits))?;
    let printed = cell.folder.join(PRINTED);
    let printed = File::create(&printed).map_err(Fault::disk(&printed))?;
    let mut command = Command::from(engine.run(&cell.folder, name, &cell.door));
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(printed);
    let status = timeout(PATIENCE, command.status())
        .await
        .map_err(|_| Fault::WallTime(PATIENCE))?
        .map_err(|error| Fault::Resources(error.to_string()))?;
    let status = engine.status(status.code(), &cell.folder)?;
    let written = std::fs::read(out.join("file")).map_err(Fault::disk(&out))?;
    if status == STATUS && written == b"works\n" {
        Ok(())
    } else {
        Err(Fault::Engine(format!("a trial ended with {status}")))
    }
}
