//! The result: what an app left in `IEXEC_OUT`, checked and digested.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek},
    path::Path,
};

use alloy_primitives::B256;
use bytes::Bytes;
use canut_protocol::{declared::Declared, result::callback_digest};
use sha2::{Digest, Sha256};

use crate::{
    Captured, Delivery, Failure, Fault, Limits, Outcome, Success,
    computed::{self, Computed, ComputedError},
    job::IEXEC_OUT,
};

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResultFile {
    /// Its path from the folder, with `/` between names.
    pub path: String,
    /// Its size, in bytes.
    bytes: u64,
    /// Its bytes, if they are in memory; else they are in the output folder.
    held: Option<Bytes>,
}

/// The bytes of a file of a result, from wherever they are.
pub(crate) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

impl ResultFile {
    /// A file whose bytes are in memory.
    pub fn held(path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let held = bytes.into();
        Self {
            path: path.into(),
            bytes: held.len() as u64,
            held: Some(held),
        }
    }

    /// A file of so many bytes that lies in the output folder.
    pub(crate) fn lying(path: String, bytes: u64) -> Self {
        let held = None;
        Self { path, bytes, held }
    }

    /// Its size, in bytes.
    pub fn size(&self) -> u64 {
        self.bytes
    }

    /// All its bytes. `output` is the folder of the run.
    ///
    /// # Errors
    ///
    /// What the system says of a file that cannot be read.
    pub fn read(&self, output: &Path) -> io::Result<Bytes> {
        match &self.held {
            Some(bytes) => Ok(bytes.clone()),
            None => fs::read(output.join(&self.path)).map(Bytes::from),
        }
    }

    pub(crate) fn open(&self, output: &Path) -> io::Result<Box<dyn Source>> {
        Ok(match &self.held {
            Some(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            None => Box::new(File::open(output.join(&self.path))?),
        })
    }
}

/// How an app ended, before its result is looked at.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it left.
    pub(crate) end: Result<Vec<ResultFile>, Failure>,
    pub(crate) fuel_used: Option<u64>,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    pub(crate) detail: Option<String>,
}

/// Adds the logs, reads `computed.json` and digests the result. Of a failure only its reason and the logs remain.
pub(crate) fn conclude(output: &Path, ended: Ended, delivery: Delivery) -> Result<Outcome, Fault> {
    let Ended {
        end,
        fuel_used,
        stdout,
        stderr,
        detail,
    } = ended;
    let concluded = match end {
        Ok(mut files) => {
            add_logs(&mut files, &stdout, &stderr);
            success(output, &files, delivery)?.map(|(success, digest)| (success, digest, files))
        }
        Err(failure) => Err(failure),
    };
    let (verdict, digest, mut files) = match concluded {
        Ok((success, digest, files)) => (Ok(success), digest, files),
        Err(failure) => {
            clear(output)?;
            let mut files = reason(&failure);
            add_logs(&mut files, &stdout, &stderr);
            let digest = failure.digest();
            (Err(failure), digest, files)
        }
    };
    files.sort_unstable();
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

/// What lies in `folder`, or what is wrong with it as a result.
pub(crate) fn left_in(
    folder: &Path,
    limits: &Limits,
) -> Result<Result<Vec<ResultFile>, Failure>, Fault> {
    match list(folder, limits) {
        Err(Fault::Folder { problem, .. }) => Ok(Err(Failure::Result(problem))),
        listed => listed.map(Ok),
    }
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
            files.push(ResultFile::lying(path, metadata.len()));
        } else {
            return refuse("it is neither a file nor a folder");
        }
    }
    Ok(())
}

type Concluded = Result<(Success, B256), Failure>;

fn success(output: &Path, files: &[ResultFile], delivery: Delivery) -> Result<Concluded, Fault> {
    let declared = match read_computed(output, files, delivery)? {
        Ok(declared) => declared,
        Err(error) => return Ok(Err(error.into())),
    };
    Ok(match declared {
        Computed::Callback(data) => {
            let digest = callback_digest(&data);
            let callback = Some(data);
            Ok((Success { callback }, digest))
        }
        Computed::Path(declared) => match digest_of(output, files, &declared)? {
            Some(digest) => Ok((Success { callback: None }, digest)),
            None => Err(ComputedError::NoSuchPath.into()),
        },
    })
}

/// The digest of a part of the result; `None` without a file in it.
fn digest_of(
    output: &Path,
    files: &[ResultFile],
    declared: &Declared,
) -> Result<Option<B256>, Fault> {
    let mut digests = BTreeMap::new();
    for file in files.iter().filter(|file| declared.covers(&file.path)) {
        let digest = file.open(output).and_then(sha256);
        let digest = digest.map_err(Fault::disk(output.join(&file.path)))?;
        digests.insert(file.path.clone(), digest);
    }
    Ok(declared.digest(&digests))
}

fn sha256(mut source: impl Read) -> io::Result<B256> {
    let mut hasher = Sha256::new();
    io::copy(&mut source, &mut hasher)?;
    Ok(B256::new(hasher.finalize().into()))
}

fn read_computed(
    output: &Path,
    files: &[ResultFile],
    delivery: Delivery,
) -> Result<Result<Computed, ComputedError>, Fault> {
    let Some(file) = files.iter().find(|file| file.path == computed::FILE) else {
        return Ok(Err(ComputedError::Missing));
    };
    if file.bytes > computed::MAX_BYTES {
        return Ok(Err(ComputedError::TooLarge));
    }
    let json = file.read(output);
    let json = json.map_err(Fault::disk(output.join(computed::FILE)))?;
    Ok(computed::parse(&json, delivery))
}

/// Adds `stdout.txt` and `stderr.txt`, as iExec's worker does (offchain.md 4.2). What the app itself left under such a name
/// stays.
fn add_logs(files: &mut Vec<ResultFile>, stdout: &Captured, stderr: &Captured) {
    for (name, log) in [("stdout.txt", stdout), ("stderr.txt", stderr)] {
        let taken = |file: &ResultFile| {
            let rest = file.path.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !files.iter().any(taken) {
            files.push(ResultFile::held(name, log.bytes.clone()));
        }
    }
}

/// `error.txt` and a `computed.json` that names it, as iExec's worker writes (offchain.md 6.8).
fn reason(failure: &Failure) -> Vec<ResultFile> {
    let computed = serde_json::json!({
        "deterministic-output-path": format!("{IEXEC_OUT}/error.txt"),
        "error-code": failure.code(),
        "error-message": failure.to_string(),
    });
    vec![
        ResultFile::held("error.txt", format!("{failure}\n")),
        ResultFile::held(computed::FILE, computed.to_string()),
    ]
}

fn clear(folder: &Path) -> Result<(), Fault> {
    fs::remove_dir_all(folder)
        .and_then(|()| fs::create_dir(folder))
        .map_err(Fault::disk(folder))
}

#[cfg(test)]
#[path = "result/tests.rs"]
mod tests;
