//! Looking into the archive of a result: what digest it has, and what it delivers on chain.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use alloy_primitives::{B256, Bytes, hex};
use canut_protocol::{Deal, Failure, declared::Declared, failure, result::callback_digest};
use canut_vault::format::result as sealed;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

/// Largest `computed.json`, in bytes.
const MAX_COMPUTED: u64 = 1 << 20;

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files.
    pub files: usize,
}

impl Default for ArchiveLimits {
    /// As much as a run may write.
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            files: 10_003,
        }
    }
}

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The result digest (offchain.md, section 6.7).
    pub digest: B256,
    /// The bytes for the callback contract; empty without one.
    pub callback: Bytes,
    /// Why the run failed, if the result is a failure.
    pub failure: Option<Failure>,
}

/// Why the digest of an archive cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("the archive cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is no zip, or a damaged one.
    #[error("the archive is not a zip of stored files: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// It holds too much.
    #[error("the archive holds more than {0:?}")]
    TooLarge(ArchiveLimits),
    /// Its `computed.json` does not say what the result is.
    #[error("the archive's computed.json is missing or does not say what the result is")]
    Undeclared,
    /// The result that its `computed.json` names is not in it.
    #[error("the archive does not hold {0}, which its computed.json names")]
    Missing(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Computed {
    deterministic_output_path: Option<String>,
    callback_data: Option<String>,
    error_code: Option<u32>,
}

/// Reads the archive at `path`, of a deal with a callback or without. Memory does not grow with the files. Blocks.
pub fn inspect(
    path: &Path,
    has_callback: bool,
    limits: ArchiveLimits,
) -> Result<Contents, ArchiveError> {
    inspect_in(File::open(path)?, has_callback, limits)
}

/// The same of an archive anywhere.
pub fn inspect_in(
    source: impl Read + Seek,
    has_callback: bool,
    limits: ArchiveLimits,
) -> Result<Contents, ArchiveError> {
    let mut archive = ZipArchive::new(source)?;
    if archive.len() > limits.files {
        return Err(ArchiveError::TooLarge(limits));
    }
    let computed = read_computed(&mut archive)?;
    if let Some(code) = computed.error_code {
        let digest = failure::digest(code);
        let failure = Failure::from_code(code);
        return Ok(Contents {
            digest,
            callback: Bytes::new(),
            failure,
        });
    }
    if has_callback {
        let data = computed
            .callback_data
            .and_then(|data| hex::decode(data).ok());
        let callback = Bytes::from(data.ok_or(ArchiveError::Undeclared)?);
        return Ok(Contents {
            digest: callback_digest(&callback),
            callback,
            failure: None,
        });
    }
    let declared = computed
        .deterministic_output_path
        .ok_or(ArchiveError::Undeclared)?;
    let missing = || ArchiveError::Missing(declared.chars().take(80).collect());
    let part = Declared::read(&declared).ok_or_else(missing)?;
    let digest = part
        .digest(&digests(&mut archive, limits)?)
        .ok_or_else(missing)?;
    Ok(Contents {
        digest,
        callback: Bytes::new(),
        failure: None,
    })
}

/// Whether the archive at `path` is an encrypted result, where the deal asks for one. Its digest is known to nobody but the
/// beneficiary: the pool sees the form, and the workers vote. Blocks.
pub fn is_sealed(path: &Path, deal: &Deal, limits: ArchiveLimits) -> bool {
    sealed::is_wanted(&deal.params) && sealed::check_shape(path, limits.bytes).is_ok()
}

fn read_computed(archive: &mut ZipArchive<impl Read + Seek>) -> Result<Computed, ArchiveError> {
    let entry = archive
        .by_name("computed.json")
        .map_err(|_| ArchiveError::Undeclared)?;
    let mut json = Vec::new();
    entry.take(MAX_COMPUTED).read_to_end(&mut json)?;
    serde_json::from_slice(&json).map_err(|_| ArchiveError::Undeclared)
}

/// SHA-256 of every file, by its path.
fn digests(
    archive: &mut ZipArchive<impl Read + Seek>,
    limits: ArchiveLimits,
) -> Result<BTreeMap<String, B256>, ArchiveError> {
    let mut left = limits.bytes;
    let mut files = BTreeMap::new();
    let mut buffer = vec![0; 64 << 10];
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_dir() {
            continue;
        }
        let mut hasher = Sha256::new();
        loop {
            let read = entry.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            left = left
                .checked_sub(read as u64)
                .ok_or(ArchiveError::TooLarge(limits))?;
            hasher.update(&buffer[..read]);
        }
        files.insert(
            entry.name()?.into_owned(),
            B256::new(hasher.finalize().into()),
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use alloy_primitives::keccak256;
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn archive(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = ZipWriter::new(file.reopen().unwrap());
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in files {
            zip.start_file(*name, stored).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        file
    }

    fn sha(content: &str) -> B256 {
        B256::new(Sha256::digest(content).into())
    }

    fn look(files: &[(&str, &str)], callback: bool) -> Result<Contents, ArchiveError> {
        inspect(archive(files).path(), callback, ArchiveLimits::default())
    }

    const OF_A_FOLDER: (&str, &str) = (
        "computed.json",
        r#"{"deterministic-output-path":"/iexec_out/out"}"#,
    );

    #[test]
    fn a_result_is_a_file_a_folder_or_bytes_for_a_contract() {
        let file = r#"{"deterministic-output-path":"/iexec_out/a.txt"}"#;
        let contents = look(&[("a.txt", "a"), ("computed.json", file)], false).unwrap();
        assert_eq!(contents.digest, sha("a"));

        let files = [
            ("out/b.txt", "b"),
            ("out/a/x", "x"),
            ("stdout.txt", "noise"),
            OF_A_FOLDER,
        ];
        let below = keccak256(sha("x"));
        assert_eq!(
            look(&files, false).unwrap().digest,
            keccak256([below, sha("b")].concat())
        );

        let bytes = ("computed.json", r#"{"callback-data":"0x00ff"}"#);
        let contents = look(&[bytes], true).unwrap();
        assert_eq!(
            (contents.digest, contents.callback),
            (keccak256([0, 255]), vec![0, 255].into())
        );
    }

    #[test]
    fn a_failure_has_the_digest_of_its_kind() {
        let failed = (
            "computed.json",
            r#"{"error-code":9,"deterministic-output-path":"x"}"#,
        );
        let contents = look(&[failed], false).unwrap();
        assert_eq!(contents.digest, failure::digest(9));
        assert_eq!(contents.failure, Some(Failure::AppExited));
    }

    #[test]
    fn junk_is_refused() {
        assert!(matches!(look(&[], false), Err(ArchiveError::Undeclared)));
        assert!(matches!(
            look(&[OF_A_FOLDER], false),
            Err(ArchiveError::Missing(_))
        ));
        assert!(matches!(
            look(&[OF_A_FOLDER], true),
            Err(ArchiveError::Undeclared)
        ));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "PK not a zip").unwrap();
        let junk = inspect(file.path(), false, ArchiveLimits::default());
        assert!(matches!(junk, Err(ArchiveError::Zip(_))));
        let tight = ArchiveLimits { bytes: 3, files: 9 };
        let large = archive(&[("out/a", "four"), OF_A_FOLDER]);
        assert!(matches!(
            inspect(large.path(), false, tight),
            Err(ArchiveError::TooLarge(_))
        ));
    }
}
