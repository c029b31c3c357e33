//! The `wasm` runtime.

mod allowance;
mod clock;
mod engine;
mod execute;
mod interrupt;
mod nan;
mod p1;
mod p2;
mod program;
mod threads;
mod world;

use std::{path::PathBuf, sync::Arc};

use tokio::{runtime::Handle, sync::oneshot, time};

use self::{
    interrupt::{Interrupt, Interrupted},
    program::Programs,
    threads::Threads,
};
use crate::{
    Fault, Job, Kind, Limits, Outcome, Run, Runtime,
    result::{self, Ended},
};

/// Runs WASI commands: core modules of preview 1, components of preview 2.
///
/// A run sees its job and nothing else: no clock of the host, no randomness, no network, no thread, no file but its own. The
/// same job gives the same [`Outcome`], whatever the machine, with two exceptions. How deep a recursion may go depends on
/// the machine code, thus on the processor and the version of wasmtime; and so may, between versions of wasmtime and of this
/// crate, the fuel that a program burns. Both show only in programs that meet those limits, and workers of one version on one kind of
/// processor agree even then.
///
/// The time to compile an app is bounded by its size alone: a compilation cannot be interrupted.
#[derive(Debug, Clone)]
pub struct WasmRuntime {
    programs: Arc<Programs>,
    threads: Arc<Threads>,
}

impl WasmRuntime {
    /// A runtime that keeps compiled apps in the folder `cache`, or only in memory without one.
    ///
    /// What lies in `cache` is run as machine code: the folder must belong to this worker alone.
    ///
    /// # Errors
    ///
    /// [`Fault::Engine`] when the folder cannot be used, or wasmtime does not support this machine.
    pub fn new(cache: Option<PathBuf>) -> Result<Self, Fault> {
        let engine =
            engine::new(cache.as_deref()).map_err(|error| Fault::Engine(format!("{error:#}")))?;
        let programs =
            Programs::new(&engine).map_err(|error| Fault::Engine(format!("{error:#}")))?;
        Ok(Self {
            programs: Arc::new(programs),
            threads: Arc::default(),
        })
    }

    /// Runs on a thread, whose stack is known, and stops it when time is up or nobody waits any more.
    async fn run_on_thread(&self, job: &Job, limits: &Limits) -> Result<Outcome, Fault> {
        let (interrupt, interrupted) = Interrupt::new();
        let (reply, mut answer) = oneshot::channel();
        let (programs, job, own_limits, handle) = (
            Arc::clone(&self.programs),
            job.clone(),
            limits.clone(),
            Handle::current(),
        );
        let run = move || {
            let _context = handle.enter();
            // The receiver is gone when the run was cancelled.
            let _ = reply.send(run(&programs, &job, &own_limits, &interrupted));
        };
        self.threads
            .run(run)
            .map_err(|error| Fault::Resources(error.to_string()))?;
        let lost = |_| Fault::Engine("the thread of the run panicked".to_owned());
        match time::timeout(limits.wall_time, &mut answer).await {
            Ok(answer) => answer.map_err(lost)?,
            Err(_) => {
                interrupt.raise();
                match answer.await.map_err(lost)? {
                    Err(Fault::Cancelled) => Err(Fault::WallTime(limits.wall_time)),
                    other => other,
                }
            }
        }
    }
}

impl Runtime for WasmRuntime {
    fn runs(&self, kind: Kind) -> bool {
        kind == Kind::Wasm
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(self.run_on_thread(job, limits))
    }
}

fn run(
    programs: &Programs,
    job: &Job,
    limits: &Limits,
    interrupted: &Interrupted,
) -> Result<Outcome, Fault> {
    let ended = match programs.load(&job.app, limits)? {
        Ok(program) => execute::execute(&program, job, limits, interrupted)?,
        Err(refused) => Ended {
            end: Err(refused.failure),
            fuel_used: Some(0),
            stdout: Default::default(),
            stderr: Default::default(),
            detail: refused.detail,
        },
    };
    result::conclude(&job.output, ended, job.delivery)
}
