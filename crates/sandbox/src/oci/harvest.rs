//! Taking the files that an app left out of its place.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use crate::{Failure, Fault, Limits};

/// That nothing is in the output folder yet.
pub(super) fn check_empty(output: &Path) -> Result<(), Fault> {
    match fs::read_dir(output).map_err(Fault::disk(output))?.next() {
        None => Ok(()),
        Some(_) => Err(Fault::Folder {
            path: output.to_owned(),
            problem: "the output folder is not empty",
        }),
    }
}

/// Copies what is in `from` to `to`, both folders. Everything in `from` has ended, so nothing changes meanwhile.
///
/// Plain files and folders only; each counts with its whole size, though it may be shared with another or have holes.
pub(super) fn gather(
    from: &Path,
    to: &Path,
    limits: &Limits,
) -> Result<Result<(), Failure>, Fault> {
    let mut room = Room {
        bytes: limits.output_bytes,
        files: limits.files,
    };
    match copy(from, to, 1, limits, &mut room) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Failed(failure)) => Ok(Err(failure)),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

struct Room {
    bytes: u64,
    files: usize,
}

enum Stop {
    Failed(Failure),
    Fault(Fault),
}

fn copy(
    from: &Path,
    to: &Path,
    depth: usize,
    limits: &Limits,
    room: &mut Room,
) -> Result<(), Stop> {
    let disk = |error| Stop::Fault(Fault::disk(from)(error));
    if depth > limits.path_depth {
        return Err(Stop::Failed(Failure::Result(
            "its path is longer than the limits allow",
        )));
    }
    for entry in fs::read_dir(from).map_err(disk)? {
        let entry = entry.map_err(disk)?;
        let about = entry.metadata().map_err(disk)?;
        let target = to.join(entry.file_name());
        let limit = limits.files;
        room.files = room
            .files
            .checked_sub(1)
            .ok_or(Stop::Failed(Failure::TooManyFiles { limit }))?;
        if about.is_dir() {
            fs::create_dir(&target).map_err(disk)?;
            copy(&entry.path(), &target, depth + 1, limits, room)?;
        } else if about.is_file() {
            let limit = limits.output_bytes;
            let left = room.bytes.checked_sub(about.len());
            room.bytes = left.ok_or(Stop::Failed(Failure::OutputTooLarge { limit }))?;
            let copied = File::open(entry.path())
                .and_then(|mut source| io::copy(&mut source, &mut File::create(&target)?));
            copied.map_err(|error| Stop::Fault(Fault::disk(&target)(error)))?;
        } else {
            return Err(Stop::Failed(Failure::Result(
                "it is neither a file nor a folder",
            )));
        }
    }
    Ok(())
}
