//! One run of a program, from its start to its end.

use std::{fs, path::Path};

use wasmtime::{CallHook, Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{
    interrupt::{Interrupted, STRETCH},
    p1, p2,
    program::Program,
    world::World,
};
use crate::{
    Failure, Fault, Job, Limits,
    result::Ended,
    vfs::{Scratch, Stop},
};

/// What a store holds: a world, and what one preview of WASI adds to it.
pub(super) trait HasWorld: Send + 'static {
    fn world(&mut self) -> &mut World;
}

/// Runs `program`, and moves its files to the output folder of `job` when it ends well.
pub(super) fn execute(
    program: &Program,
    job: &Job,
    limits: &Limits,
    interrupted: &Interrupted,
) -> Result<Ended, Fault> {
    check_empty(&job.output)?;
    // Beside the output folder, so that files can be renamed into it.
    let beside = job.output.parent().unwrap_or(Path::new("."));
    let world = World::new(job, limits, Scratch::new(beside))?;
    match program {
        Program::Module(pre) => {
            let mut store = store(
                pre.module().engine(),
                p1::Guest::new(world),
                limits,
                interrupted,
            )?;
            let result = interrupted.drive(p1::start(&mut store, pre))?;
            end(store, result, job, limits)
        }
        Program::Component(pre) => {
            let guest = p2::Guest::new(world, job.task);
            let mut store = store(pre.engine(), guest, limits, interrupted)?;
            let result = interrupted.drive(p2::start(&mut store, pre))?;
            end(store, result, job, limits)
        }
    }
}

fn check_empty(output: &Path) -> Result<(), Fault> {
    match fs::read_dir(output).map_err(Fault::disk(output))?.next() {
        None => Ok(()),
        Some(_) => Err(Fault::Folder {
            path: output.to_owned(),
            problem: "the output folder is not empty",
        }),
    }
}

fn store<G: HasWorld>(
    engine: &wasmtime::Engine,
    guest: G,
    limits: &Limits,
    interrupted: &Interrupted,
) -> Result<Store<G>, Fault> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.world().allowance);
    store
        .set_fuel(limits.fuel)
        .and_then(|()| store.fuel_async_yield_interval(Some(STRETCH)))
        .map_err(|error| Fault::Engine(error.to_string()))?;
    let interrupted = interrupted.clone();
    // The price of calls is not taken from the fuel of the store: the code counts that in a register of its own meanwhile.
    store.call_hook(move |mut store, hook| {
        if matches!(hook, CallHook::ReturningFromHost) {
            interrupted.check().map_err(Stop::from)?;
            if store.get_fuel()? < store.data_mut().world().meter.count() {
                return Err(Trap::OutOfFuel.into());
            }
        }
        Ok(())
    });
    Ok(store)
}

fn end<G: HasWorld>(
    mut store: Store<G>,
    result: wasmtime::Result<u32>,
    job: &Job,
    limits: &Limits,
) -> Result<Ended, Fault> {
    let left = store
        .get_fuel()
        .map_err(|error| Fault::Engine(error.to_string()))?;
    let world = store.data_mut().world();
    let calls = world.meter.count();
    let detail = result.as_ref().err().map(|error| format!("{error:#}"));
    let end = match status(result, limits) {
        // It had more after its last pause than was left to it.
        Ok(_) if calls > left => Err(Failure::OutOfFuel { limit: limits.fuel }),
        Ok(Ok(0)) => Ok(world.files.lock().export(&job.output)?),
        Ok(Ok(_)) | Ok(Err(Failure::Trap(_))) if world.allowance.refused => {
            Err(Failure::OutOfMemory {
                limit: limits.memory_bytes,
            })
        }
        Ok(Ok(status)) => Err(Failure::ExitStatus(status)),
        Ok(Err(failure)) => Err(failure),
        // Its first memory or table was already too large.
        Err(Fault::Engine(_)) if world.allowance.refused => Err(Failure::OutOfMemory {
            limit: limits.memory_bytes,
        }),
        Err(fault) => return Err(fault),
    };
    Ok(Ended {
        detail: if end.is_ok() { None } else { detail },
        end,
        fuel_used: Some(limits.fuel.saturating_sub(left.saturating_sub(calls))),
        stdout: world.stdout.take(),
        stderr: world.stderr.take(),
    })
}

/// The exit status of a program, or why it has none.
fn status(result: wasmtime::Result<u32>, limits: &Limits) -> Result<Result<u32, Failure>, Fault> {
    let error = match result {
        Ok(status) => return Ok(Ok(status)),
        Err(error) => error,
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ok(Ok(exit.0.cast_unsigned()));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Ok(Err(failure(*trap, limits)));
    }
    // What else is raised while the app runs is a rule that it broke; faults of the host come as `Stop`.
    let misuse = error.downcast_ref::<WasmBacktrace>().is_some();
    match error.downcast::<Stop>() {
        Ok(Stop::Exit(status)) => Ok(Ok(status)),
        Ok(Stop::Failed(failure)) => Ok(Err(failure)),
        Ok(Stop::Fault(fault)) => Err(fault),
        Err(_) if misuse => Ok(Err(Failure::Trap("it misused a function of the host"))),
        Err(error) if error.to_string().starts_with("resource limit exceeded") => {
            Ok(Err(Failure::OutOfMemory {
                limit: limits.memory_bytes,
            }))
        }
        Err(error) if error.is::<std::io::Error>() => Err(Fault::Resources(error.to_string())),
        Err(error) => Err(Fault::Engine(format!("{error:#}"))),
    }
}

/// A trap in words of our own, which no version of wasmtime changes.
fn failure(trap: Trap, limits: &Limits) -> Failure {
    Failure::Trap(match trap {
        Trap::OutOfFuel => return Failure::OutOfFuel { limit: limits.fuel },
        Trap::StackOverflow => return Failure::StackOverflow,
        Trap::UnreachableCodeReached => {
            "it reached code it meant never to reach (an abort, or a panic)"
        }
        Trap::MemoryOutOfBounds => "it used memory out of bounds",
        Trap::HeapMisaligned => "it used memory out of alignment",
        Trap::TableOutOfBounds => "it used a table out of bounds",
        Trap::IndirectCallToNull => "it called a function that is not there",
        Trap::BadSignature => "it called a function by the wrong type",
        Trap::IntegerOverflow => "an integer overflowed",
        Trap::IntegerDivisionByZero => "it divided by zero",
        Trap::BadConversionToInteger => "it made an integer of a number that is none",
        _ => "it broke a rule of WebAssembly",
    })
}
