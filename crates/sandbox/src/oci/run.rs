//! One run of an image, from its archive to its result.

use std::{path::Path, process::Stdio, sync::Arc};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    task::spawn_blocking,
    time::timeout,
};

use super::{
    Shared, Trouble,
    cell::Cell,
    harvest,
    images::Unpacked,
    spec::{Bind, Spec},
};
use crate::{
    Captured, Failure, Fault, IEXEC_IN, IEXEC_OUT, Job, Limits, Outcome,
    result::{self, Ended},
};

/// Where programs are looked for when the image does not say.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Status of a program that was killed: what the kernel does when memory is used up.
const KILLED: i32 = 137;

pub(super) async fn run(
    shared: &Arc<Shared>,
    job: &Job,
    limits: &Limits,
) -> Result<Outcome, Fault> {
    let (here, order, bounds) = (Arc::clone(shared), job.clone(), limits.clone());
    let prepared = blocking(move || prepare(&here, &order, &bounds)).await?;
    let (ended, cell) = match prepared {
        Ok(mut cell) => {
            let (status, stdout, stderr) = supervise(shared, &cell, limits).await?;
            cell.has_ended();
            (finished(status, stdout, stderr, &cell, limits), Some(cell))
        }
        Err((failure, detail)) => (refused(failure, detail), None),
    };
    let (output, delivery, bounds) = (job.output.clone(), job.delivery, limits.clone());
    blocking(move || {
        let ended = match &cell {
            Some(cell) if ended.end.is_ok() => {
                let gathered = harvest::gather(&cell.folder.join("files/out"), &output, &bounds)?;
                let end = match gathered {
                    Ok(()) => result::left_in(&output, &bounds)?,
                    Err(failure) => Err(failure),
                };
                Ended { end, ..ended }
            }
            _ => ended,
        };
        drop(cell);
        result::conclude(&output, ended, delivery)
    })
    .await
}

/// Runs `work` on a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(work)
        .await
        .map_err(|_| Fault::Engine("a run panicked".to_owned()))?
}

type Refused = (Failure, Option<String>);

/// Everything before the start, or why the app cannot be started anywhere.
fn prepare(shared: &Shared, job: &Job, limits: &Limits) -> Result<Result<Cell, Refused>, Fault> {
    harvest::check_empty(&job.output)?;
    let image = match shared.images.load(&job.app, limits) {
        Ok(image) => image,
        Err(Trouble::Fault(fault)) => return Err(fault),
        Err(Trouble::Image(problem)) => return Ok(Err((Failure::InvalidApp, Some(problem)))),
        Err(Trouble::TooLarge) => {
            let limit = limits.image_bytes;
            return Ok(Err((Failure::AppTooLarge { limit }, None)));
        }
    };
    let arguments = command_line(&image, job);
    let environment = environment(&image, job);
    let Some(program) = arguments.first() else {
        return Ok(Err((
            Failure::InvalidApp,
            Some("the image names no program".to_owned()),
        )));
    };
    if !has_program(&image, program, &environment)? {
        let problem = format!("the image holds no program {program:?}");
        return Ok(Err((Failure::InvalidApp, Some(problem))));
    }
    let (number, cpu) = shared.next();
    let name = format!("{}-{number}", shared.home.prefix);
    let folder = shared.home.runs().join(&name);
    let cell = Cell::make(&shared.engine, folder, name, limits)?;
    cell.show(&image.root, "rootfs")?;
    cell.show(&job.input, "in")?;
    let owner = Some((image.uid, image.gid));
    let (out, tmp) = (
        cell.create("files/out", owner)?,
        cell.create("files/tmp", owner)?,
    );
    let binds = [
        Bind {
            from: &tmp,
            to: "/tmp",
            writable: true,
        },
        Bind {
            from: &out,
            to: IEXEC_OUT,
            writable: true,
        },
        Bind {
            from: &cell.folder.join("in"),
            to: IEXEC_IN,
            writable: false,
        },
    ];
    let spec = Spec {
        root: &cell.folder.join("rootfs"),
        arguments: &arguments,
        environment: &environment,
        folder: &image.folder,
        uid: image.uid,
        gid: image.gid,
        binds: &binds,
        control_group: &format!("/{}", cell.name),
        cpu,
        own_processes: shared.engine.own_processes(),
    };
    cell.describe(&spec.config(limits))?;
    Ok(Ok(cell))
}

/// The entry point and the arguments of the request; without these, those of the image.
fn command_line(image: &Unpacked, job: &Job) -> Vec<String> {
    let own = if job.arguments.is_empty() {
        &image.command
    } else {
        &job.arguments
    };
    image.entrypoint.iter().chain(own).cloned().collect()
}

/// The variables of the image, then those of the run.
fn environment(image: &Unpacked, job: &Job) -> Vec<String> {
    let has = |name: &str| {
        image
            .environment
            .iter()
            .any(|variable| variable.starts_with(name))
    };
    let defaults = [("PATH=", PATH), ("HOME=", "HOME=/tmp")];
    let missing = defaults.into_iter().filter(|(name, _)| !has(name));
    let job = job
        .environment()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    missing
        .map(|(_, variable)| variable.to_owned())
        .chain(image.environment.iter().cloned())
        .chain(job)
        .collect()
}

/// Whether the engine will find `program`. It is looked for as the app would see it, so that a link leads nowhere else.
fn has_program(image: &Unpacked, program: &str, environment: &[String]) -> Result<bool, Fault> {
    let folders = environment
        .iter()
        .rev()
        .find_map(|variable| variable.strip_prefix("PATH="))
        .unwrap_or_default();
    let candidates: Vec<_> = if program.contains('/') {
        vec![Path::new(&image.folder).join(program)]
    } else {
        folders
            .split(':')
            .map(|folder| Path::new(folder).join(program))
            .collect()
    };
    let root = rustix::fs::openat(
        CWD,
        &image.root,
        OFlags::PATH | OFlags::DIRECTORY,
        Mode::empty(),
    )
    .map_err(|error| Fault::disk(&image.root)(error.into()))?;
    for candidate in candidates {
        let opened = rustix::fs::openat2(
            &root,
            &candidate,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        );
        match opened.and_then(rustix::fs::fstat) {
            Ok(about) if about.st_mode & 0o170_111 > 0o100_000 => return Ok(true),
            Ok(_)
            | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::INVAL) =>
                {}
            Err(error) => return Err(Fault::disk(&image.root)(error.into())),
        }
    }
    Ok(false)
}

/// Starts the container and waits until it ends or time is up. The engine has a process group of its own, so that Ctrl-C on a
/// terminal reaches the worker only.
async fn supervise(
    shared: &Shared,
    cell: &Cell,
    limits: &Limits,
) -> Result<(i32, Captured, Captured), Fault> {
    let mut command = Command::from(shared.engine.run(&cell.folder, &cell.name, &cell.door));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| Fault::Resources(error.to_string()))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        tokio::join!(
            child.wait(),
            capture(stdout, limits.log_bytes),
            capture(stderr, limits.log_bytes),
        )
    };
    let (status, stdout, stderr) = timeout(limits.time, whole)
        .await
        .map_err(|_| Fault::WallTime(limits.time))?;
    let status = status.map_err(|error| Fault::Engine(error.to_string()))?;
    let status = shared.engine.status(status.code(), &cell.folder)?;
    Ok((status, stdout, stderr))
}

/// Reads a stream to its end, and keeps its beginning.
async fn capture(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> Captured {
    let mut captured = Captured::default();
    let Some(mut stream) = stream else {
        return captured;
    };
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        captured.write(&buffer[..read], limit);
    }
    captured
}

fn finished(
    status: i32,
    stdout: Captured,
    stderr: Captured,
    cell: &Cell,
    limits: &Limits,
) -> Ended {
    let end = match status {
        0 => Ok(Vec::new()),
        KILLED if cell.ran_out_of_memory() => Err(Failure::OutOfMemory {
            limit: limits.memory_bytes,
        }),
        status => Err(Failure::ExitStatus(status.cast_unsigned())),
    };
    Ended {
        end,
        fuel_used: None,
        stdout,
        stderr,
        detail: None,
    }
}

fn refused(failure: Failure, detail: Option<String>) -> Ended {
    Ended {
        end: Err(failure),
        fuel_used: None,
        stdout: Captured::default(),
        stderr: Captured::default(),
        detail,
    }
}
