//! The result folder: what an app left in `IEXEC_OUT`, checked and digested.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use canut_protocol::result::callback_digest;

use crate::{
    Captured, Delivery, Failure, Fault, Limits, Outcome, Success,
    computed::{self, Computed, ComputedError},
    digest,
    job::IEXEC_OUT,
};

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResultFile {
    /// Its path from the folder, with `/` between names.
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// How an app ended, before its result is looked at.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) end: Result<(), Failure>,
    pub(crate) fuel_used: Option<u64>,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    pub(crate) detail: Option<String>,
}

/// Adds the logs to the output folder, reads `computed.json` and digests the result. Of a failure the folder keeps its
/// reason and the logs only.
pub(crate) fn conclude(
    output: &Path,
    ended: Ended,
    delivery: Delivery,
    limits: &Limits,
) -> Result<Outcome, Fault> {
    let concluded = match &ended.end {
        Ok(()) => {
            write_logs(output, &ended)?;
            success(output, delivery, limits)?
        }
        Err(failure) => Err(failure.clone()),
    };
    let (verdict, digest, files) = match concluded {
        Ok((success, digest, files)) => (Ok(success), digest, files),
        Err(failure) => {
            clear(output)?;
            write_reason(output, &failure)?;
            write_logs(output, &ended)?;
            let digest = failure.digest();
            (Err(failure), digest, list(output, limits)?)
        }
    };
    let Ended {
        fuel_used,
        stdout,
        stderr,
        detail,
        ..
    } = ended;
    Ok(Outcome {
        verdict,
        digest,
        files,
        fuel_used,
        stdout,
        stderr,
        detail,
    })
}

/// The files under `folder`, sorted by the bytes of their paths. Empty folders do not appear.
///
/// # Errors
///
/// [`Fault::Folder`] for anything that is neither file nor folder (a symbolic link, a device), for a name that is no UTF-8
/// or too long, and for more files or depth than `limits` allow; three files more for the logs and the reason of a failure.
pub fn list(folder: &Path, limits: &Limits) -> Result<Vec<ResultFile>, Fault> {
    let mut files = Vec::new();
    walk(folder, String::new(), 1, limits, &mut files)?;
    files.sort_unstable();
    Ok(files)
}

fn walk(
    folder: &Path,
    prefix: String,
    depth: usize,
    limits: &Limits,
    files: &mut Vec<ResultFile>,
) -> Result<(), Fault> {
    let disk = |error| Fault::Disk {
        path: folder.to_owned(),
        source: error,
    };
    for entry in fs::read_dir(folder).map_err(disk)? {
        let entry = entry.map_err(disk)?;
        let refuse = |problem| {
            Err(Fault::Folder {
                path: entry.path(),
                problem,
            })
        };
        let Ok(name) = entry.file_name().into_string() else {
            return refuse("its name is not UTF-8");
        };
        if name.len() > limits.name_bytes || depth > limits.path_depth {
            return refuse("its path is longer than the limits allow");
        }
        if files.len() >= limits.files.saturating_add(3) {
            return refuse("there are more files than the limits allow");
        }
        let metadata = entry.metadata().map_err(disk)?;
        let path = format!("{prefix}{name}");
        if metadata.is_dir() {
            walk(&entry.path(), path + "/", depth + 1, limits, files)?;
        } else if metadata.is_file() {
            files.push(ResultFile {
                path,
                bytes: metadata.len(),
            });
        } else {
            return refuse("it is neither a file nor a folder");
        }
    }
    Ok(())
}

type Concluded = Result<(Success, B256, Vec<ResultFile>), Failure>;

fn success(output: &Path, delivery: Delivery, limits: &Limits) -> Result<Concluded, Fault> {
    let files = match list(output, limits) {
        Err(Fault::Folder { problem, .. }) => return Ok(Err(Failure::Result(problem))),
        listed => listed?,
    };
    let declared = match read_computed(output, delivery)? {
        Ok(declared) => declared,
        Err(error) => return Ok(Err(error.into())),
    };
    Ok(Ok(match declared {
        Computed::Callback(data) => {
            let digest = callback_digest(&data);
            let success = Success {
                callback: Some(data),
            };
            (success, digest, files)
        }
        Computed::Path(path) => {
            let path = output.join(path);
            match digest::of(&path) {
                Ok(digest) => (Success { callback: None }, digest, files),
                Err(error) if leads_nowhere(&error) => {
                    return Ok(Err(ComputedError::NoSuchPath.into()));
                }
                Err(error) => {
                    return Err(Fault::Disk {
                        path,
                        source: error,
                    });
                }
            }
        }
    }))
}

fn leads_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

fn read_computed(
    output: &Path,
    delivery: Delivery,
) -> Result<Result<Computed, ComputedError>, Fault> {
    let path = output.join(computed::FILE);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.is_file() => return Ok(Err(ComputedError::Missing)),
        Ok(metadata) if metadata.len() > computed::MAX_BYTES => {
            return Ok(Err(ComputedError::TooLarge));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(ComputedError::Missing));
        }
        Err(error) => {
            return Err(Fault::Disk {
                path,
                source: error,
            });
        }
    }
    let json = fs::read(&path).map_err(Fault::disk(path))?;
    Ok(computed::parse(&json, delivery))
}

/// Adds `stdout.txt` and `stderr.txt`, as iExec's worker does (offchain.md 4.2). A file of that name which the app wrote
/// itself is left alone.
fn write_logs(output: &Path, ended: &Ended) -> Result<(), Fault> {
    for (name, log) in [("stdout.txt", &ended.stdout), ("stderr.txt", &ended.stderr)] {
        let path = output.join(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => write(path, &log.bytes)?,
            Err(error) => {
                return Err(Fault::Disk {
                    path,
                    source: error,
                });
            }
        }
    }
    Ok(())
}

/// Writes `error.txt` and a `computed.json` that names it, as iExec's worker does (offchain.md 6.8).
fn write_reason(output: &Path, failure: &Failure) -> Result<(), Fault> {
    write(output.join("error.txt"), format!("{failure}\n").as_bytes())?;
    let computed = serde_json::json!({
        "deterministic-output-path": format!("{IEXEC_OUT}/error.txt"),
        "error-code": failure.code(),
        "error-message": failure.to_string(),
    });
    write(output.join(computed::FILE), computed.to_string().as_bytes())
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), Fault> {
    fs::write(&path, bytes).map_err(Fault::disk(path))
}

fn clear(folder: &Path) -> Result<(), Fault> {
    fs::remove_dir_all(folder)
        .and_then(|()| fs::create_dir(folder))
        .map_err(Fault::disk(folder))
}

#[cfg(test)]
#[path = "result/tests.rs"]
mod tests;
