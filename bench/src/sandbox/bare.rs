//! Engines of containers alone: the bundle that their `spec` command describes, with our program in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use canut_sandbox::{EngineKind, IEXEC_OUT};
use eyre::{OptionExt, Result, WrapErr};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::desk::{Desk, arguments};
use crate::python::run;

/// An engine, and the folder of its bundle.
#[derive(Debug)]
pub(super) struct Bare {
    pub(super) kind: EngineKind,
    program: PathBuf,
    folder: TempDir,
    /// What the engine proposes.
    spec: Value,
    runs: AtomicU64,
}

impl Bare {
    pub(super) async fn new(kind: EngineKind, program: &Path, native: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        let root = folder.path().join("rootfs");
        fs::create_dir_all(root.join(IEXEC_OUT.trim_start_matches('/')))?;
        fs::copy(native, root.join("app"))?;
        fs::set_permissions(root.join("app"), fs::Permissions::from_mode(0o755))?;
        run(Command::new(program).arg("spec").current_dir(folder.path()))
            .await
            .wrap_err("its proposal")?;
        let spec = serde_json::from_slice(&fs::read(folder.path().join("config.json"))?)?;
        Ok(Self {
            kind,
            program: program.to_owned(),
            folder,
            spec,
            runs: AtomicU64::new(0),
        })
    }

    /// Says what to run. No part of a start.
    pub(super) fn describe(&self, desk: &Desk, paths: u64) -> Result<()> {
        let spec = described(self.spec.clone(), &desk.output(), paths)?;
        let path = self.folder.path().join("config.json");
        Ok(fs::write(path, spec.to_string())?)
    }

    /// Runs the bundle.
    pub(super) async fn run(&self) -> Result<()> {
        let number = self.runs.fetch_add(1, Relaxed);
        let name = format!("bench-{}-{number}", std::process::id());
        let mut command = self.command();
        if self.kind == EngineKind::Runsc {
            command.args(["--network", "none"]);
        }
        command.arg("run").arg("--bundle").arg(self.folder.path());
        let ended = run(command.arg(&name)).await;
        if ended.is_err() {
            // Whatever it left.
            let _ = run(self.command().args(["delete", "--force", &name])).await;
        }
        ended.map(drop)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(self.folder.path().join("state"));
        command
    }
}

/// What the engine proposes, with our program, and its output folder.
fn described(mut spec: Value, output: &Path, paths: u64) -> Result<Value> {
    let words: Vec<_> = std::iter::once("/app".to_owned())
        .chain(arguments(paths))
        .collect();
    let process = spec.get_mut("process").ok_or_eyre("no process")?;
    process["args"] = json!(words);
    process["terminal"] = json!(false);
    let mounts = spec.get_mut("mounts").and_then(Value::as_array_mut);
    mounts.ok_or_eyre("no mounts")?.push(json!({
        "destination": IEXEC_OUT, "type": "bind", "source": output, "options": ["bind", "rw"],
    }));
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proposal_of_an_engine_is_kept_but_for_the_program() {
        let spec = json!({
            "process": { "args": ["sh"], "terminal": true, "cwd": "/" },
            "mounts": [{ "destination": "/proc" }],
            "linux": { "namespaces": [{ "type": "pid" }] },
        });
        let found = described(spec.clone(), Path::new("/some/out"), 7).unwrap();
        assert_eq!(found["process"]["args"], json!(["/app", "--paths", "7"]));
        assert_eq!(found["process"]["terminal"], json!(false));
        assert_eq!(found["process"]["cwd"], spec["process"]["cwd"]);
        assert_eq!(found["linux"], spec["linux"]);
        assert_eq!(found["mounts"][0], spec["mounts"][0]);
        assert_eq!(found["mounts"][1]["source"], json!("/some/out"));
        assert!(described(json!({}), Path::new("/"), 1).is_err());
        assert!(described(json!({ "process": {} }), Path::new("/"), 1).is_err());
    }
}
