//! Opening the archive of a result: it comes from strangers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File as Disk},
    io::{self, Read, Write},
    path::Path,
};

use alloy_primitives::{B256, Bytes, hex};
use canut_protocol::{declared::Declared, failure, result::callback_digest};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipArchive, result::ZipError};

/// Name of the file that a client puts beside the files of a result; no archive may hold it.
pub const CERTIFICATE: &str = "canut-certificate.json";
/// The file that says what the result is.
const COMPUTED: &str = "computed.json";
/// Its largest size, in bytes.
const MAX_COMPUTED: u64 = 1 << 20;
/// Longest name of an entry, in bytes, and its largest number of folders.
const MAX_NAME: usize = 1_024;
const MAX_DEPTH: usize = 64;

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Entries.
    pub files: usize,
}

impl Default for Limits {
    /// As much as a run may write.
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            files: 10_003,
        }
    }
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, with `/` between names.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: B256,
    /// Whether the certified digest covers its bytes. Logs, for instance, are nobody's promise.
    pub certified: bool,
}

/// A failure that all workers came to: the result of a run that cannot succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its number, which is certified.
    pub code: u32,
    /// The words of the worker that uploaded it, shortened; these are not certified.
    pub message: String,
}

/// What came out of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The result digest (offchain.md, section 6.7).
    pub digest: B256,
    /// Its files, by path.
    pub files: Vec<File>,
    /// The bytes delivered on chain, for a deal with a callback.
    pub callback: Option<Bytes>,
    /// Why the run failed, if it did.
    pub failed: Option<Failed>,
}

/// Why an archive is not opened.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk, or a damaged archive.
    #[error("the result's archive cannot be unpacked: {0}")]
    Disk(#[from] io::Error),
    /// It is no zip, a damaged one, or compressed.
    #[error(
        "the result's archive is not a zip of stored files ({0}): it is damaged, or not one of Canut's"
    )]
    Zip(#[from] ZipError),
    /// An entry is compressed, so that a small archive could hold anything.
    #[error("the result's archive is compressed, which no worker of Canut's does: it is refused")]
    Compressed,
    /// It holds too much.
    #[error("the result's archive holds more than {bytes} bytes or {files} files", bytes = .0.bytes, files = .0.files)]
    TooLarge(Limits),
    /// An entry is not a plain file at a plain place.
    #[error("the result's archive holds `{name}`, which is refused: {problem}")]
    Entry {
        /// Its name, shortened.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Nothing says what the result is.
    #[error("the result's computed.json is missing or does not say what the result is")]
    Undeclared,
    /// The declared result is not there.
    #[error("the result's archive does not hold what its computed.json names")]
    Missing,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Computed {
    deterministic_output_path: Option<String>,
    callback_data: Option<String>,
    error_code: Option<u32>,
    error_message: Option<String>,
}

/// Unpacks an archive into a folder, which must be empty, and says what digest it has. What is unpacked when this fails is
/// worth nothing. Memory does not grow with the files. Blocks.
///
/// Every entry must be a plain file with a relative path of plain names; links, devices, paths that leave the folder, paths
/// through other files, and two entries of one name are refused.
pub(crate) fn open(
    path: &Path,
    into: &Path,
    callback: bool,
    limits: Limits,
) -> Result<Opened, ArchiveError> {
    let mut archive = ZipArchive::new(Disk::open(path)?)?;
    if archive.len() > limits.files {
        return Err(ArchiveError::TooLarge(limits));
    }
    let mut left = limits.bytes;
    let mut sums = BTreeMap::new();
    let mut sizes = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let folder = entry.is_dir();
        if entry.compression() != CompressionMethod::Stored {
            return Err(ArchiveError::Compressed);
        }
        let plain = entry
            .unix_mode()
            .is_none_or(|mode| matches!(mode & 0o170_000, 0 | 0o100_000 | 0o040_000));
        let name = check(&name, folder, plain && !entry.is_symlink(), &mut seen)?;
        let place = into.join(&name);
        if folder {
            fs::create_dir_all(place)?;
            continue;
        }
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        let (sum, bytes) = copy(&mut entry, &place, &mut left, limits)?;
        sums.insert(name.clone(), sum);
        sizes.insert(name, bytes);
    }
    conclude(into, callback, &sums, &sizes)
}

/// The name of an entry, if it can be unpacked on any system.
fn check(
    name: &str,
    folder: bool,
    plain: bool,
    seen: &mut BTreeSet<String>,
) -> Result<String, ArchiveError> {
    let refuse = |problem| {
        let name = name
            .chars()
            .take(80)
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        Err(ArchiveError::Entry { name, problem })
    };
    if !plain {
        return refuse("it is a link or a device");
    }
    let path = if folder {
        name.strip_suffix('/').unwrap_or(name)
    } else {
        name
    };
    if path.is_empty() || path.len() > MAX_NAME || path.split('/').count() > MAX_DEPTH {
        return refuse("its path is empty or too long");
    }
    if path.contains(['\\', ':', '\0']) || path.chars().any(char::is_control) {
        return refuse("its name holds a backslash, a colon or a control character");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("its path is not one of plain names below the folder");
    }
    if path == CERTIFICATE || path.split('/').next() == Some(CERTIFICATE) {
        return refuse("that name is kept for the certificate");
    }
    if !seen.insert(path.to_lowercase()) && !folder {
        return refuse("there are two of that name");
    }
    Ok(path.to_owned())
}

/// Writes a file that must not be there yet, and returns its SHA-256 and its size.
fn copy(
    entry: &mut impl Read,
    place: &Path,
    left: &mut u64,
    limits: Limits,
) -> Result<(B256, u64), ArchiveError> {
    // A path through a file, or onto a folder, fails here.
    let mut file = Disk::options().write(true).create_new(true).open(place)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 64 << 10], 0);
    loop {
        let read = entry.read(&mut buffer)?;
        if read == 0 {
            return Ok((B256::new(hasher.finalize().into()), bytes));
        }
        *left = left
            .checked_sub(read as u64)
            .ok_or(ArchiveError::TooLarge(limits))?;
        bytes += read as u64;
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read])?;
    }
}

fn conclude(
    into: &Path,
    callback: bool,
    sums: &BTreeMap<String, B256>,
    sizes: &BTreeMap<String, u64>,
) -> Result<Opened, ArchiveError> {
    let computed = read_computed(into, sizes)?;
    let mut declared = None;
    let (mut data, mut failed) = (None, None);
    let digest = if let Some(code) = computed.error_code {
        let message = crate::http::excerpt(&computed.error_message.unwrap_or_default());
        failed = Some(Failed { code, message });
        failure::digest(code)
    } else if callback {
        let bytes = computed
            .callback_data
            .and_then(|data| hex::decode(data).ok())
            .ok_or(ArchiveError::Undeclared)?;
        let digest = callback_digest(&bytes);
        data = Some(Bytes::from(bytes));
        digest
    } else {
        let path = computed
            .deterministic_output_path
            .ok_or(ArchiveError::Undeclared)?;
        let part = Declared::read(&path).ok_or(ArchiveError::Undeclared)?;
        let digest = part.digest(sums).ok_or(ArchiveError::Missing)?;
        declared = Some(part);
        digest
    };
    let files = sums.iter().map(|(path, sha256)| File {
        path: path.clone(),
        bytes: sizes.get(path).copied().unwrap_or_default(),
        sha256: *sha256,
        certified: declared.as_ref().is_some_and(|part| part.covers(path)),
    });
    Ok(Opened {
        digest,
        files: files.collect(),
        callback: data,
        failed,
    })
}

fn read_computed(into: &Path, sizes: &BTreeMap<String, u64>) -> Result<Computed, ArchiveError> {
    if sizes
        .get(COMPUTED)
        .is_none_or(|bytes| *bytes > MAX_COMPUTED)
    {
        return Err(ArchiveError::Undeclared);
    }
    let json = fs::read(into.join(COMPUTED))?;
    serde_json::from_slice(&json).map_err(|_| ArchiveError::Undeclared)
}

#[cfg(test)]
#[path = "archive/tests.rs"]
mod tests;
