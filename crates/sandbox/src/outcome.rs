use std::{fmt, io, path::PathBuf};

use alloy_primitives::{B256, Bytes};
use canut_protocol::failure;

use crate::{computed::ComputedError, result::ResultFile};

/// What came out of a run, equal for every honest worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the app did its work.
    pub verdict: Result<Success, Failure>,
    /// The result digest: of the result (offchain.md 6.7), or of the failure ([`Failure::digest`]).
    pub digest: B256,
    /// What the output folder holds now, sorted by path: the app's files and its logs, or the reason of its failure.
    pub files: Vec<ResultFile>,
    /// Work done, in units of fuel, where the runtime counts it.
    pub fuel_used: Option<u64>,
    /// What the app wrote to its standard output.
    pub stdout: Captured,
    /// What the app wrote to its standard error.
    pub stderr: Captured,
    /// More about a failure, for people (a backtrace, the words of the compiler). It is neither stored nor certified.
    pub detail: Option<String>,
}

/// What a successful run gives beyond its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success {
    /// The bytes for the callback contract, when the deal has one.
    pub callback: Option<Bytes>,
}

/// A failure that is the app's own: it happens again on every machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The file is no app that this runtime can run.
    #[error(
        "the app is no program that this market can run: build it as a WASI command for wasm32-wasip1 or wasm32-wasip2, or as a container image"
    )]
    InvalidApp,
    /// The app is larger than [`Limits::app_bytes`](crate::Limits::app_bytes).
    #[error("the app is larger than the limit of {limit} bytes")]
    AppTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The app broke a rule of the machine.
    #[error("the app crashed: {0}")]
    Trap(&'static str),
    /// Calls too deep for the stack.
    #[error("the app used up its stack: it recurses too deep")]
    StackOverflow,
    /// The work paid for is done, and the app is not.
    #[error("the app used up its fuel of {limit}: choose a longer category, or split the work")]
    OutOfFuel {
        /// The limit, in units of fuel.
        limit: u64,
    },
    /// The app asked for more memory, tables or instances than the limits give, and did not survive the refusal.
    #[error("the app wanted more memory than the limit of {limit} bytes")]
    OutOfMemory {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The app wrote too many bytes.
    #[error("the app wrote more than the limit of {limit} bytes")]
    OutputTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The app made too many files and folders.
    #[error("the app made more than the limit of {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// The app said that it failed.
    #[error("the app ended with exit status {0}")]
    ExitStatus(u32),
    /// The app left something in `IEXEC_OUT` that no result may hold.
    #[error("the app left a file in IEXEC_OUT that no result may hold: {0}")]
    Result(&'static str),
    /// The app ended well but its `computed.json` is missing or wrong.
    #[error("computed.json: {0}")]
    Computed(#[from] ComputedError),
}

impl Failure {
    /// The number of this kind of failure, as [`canut_protocol::Failure`] has it.
    pub fn code(&self) -> u32 {
        match self {
            Self::InvalidApp => 1,
            Self::AppTooLarge { .. } => 2,
            Self::Trap(_) => 3,
            Self::StackOverflow => 4,
            Self::OutOfFuel { .. } => 5,
            Self::OutOfMemory { .. } => 6,
            Self::OutputTooLarge { .. } => 7,
            Self::TooManyFiles { .. } => 8,
            Self::ExitStatus(_) => 9,
            Self::Computed(ComputedError::Missing) => 10,
            Self::Computed(_) => 11,
            Self::Result(_) => 12,
        }
    }

    /// The result digest of a failed run.
    pub fn digest(&self) -> B256 {
        failure::digest(self.code())
    }
}

/// A failure of this machine, or of whoever prepared the folders. The task is to be given to another worker.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The run took longer than [`Limits::wall_time`](crate::Limits::wall_time).
    #[error("the run took longer than {0:?}: the machine is too slow or too busy")]
    WallTime(std::time::Duration),
    /// A file or folder of this machine cannot be used.
    #[error("{path}: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folders given to the run are not as [`Job`](crate::Job) says.
    #[error("{path}: {problem}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system refused memory or a thread.
    #[error("this machine has no room for the run: {0}")]
    Resources(String),
    /// This machine has no runtime for such an app.
    #[error("there is no runtime for such an app on this machine")]
    Missing,
    /// The image is for another kind of machine.
    #[error("the image is not for this kind of processor")]
    Foreign,
    /// The engine failed.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// The run was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
}

impl Fault {
    pub(crate) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk {
            path: path.into(),
            source,
        }
    }
}

/// The first bytes of an output stream.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes, at most [`Limits::log_bytes`](crate::Limits::log_bytes).
    pub bytes: Vec<u8>,
    /// Whether more was written than kept.
    pub truncated: bool,
}

impl Captured {
    /// Keeps of `bytes` what fits under `limit`.
    pub(crate) fn write(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len());
        let kept = &bytes[..bytes.len().min(room)];
        self.bytes.extend_from_slice(kept);
        self.truncated |= kept.len() < bytes.len();
    }
}

/// Safe to print: control characters, which could move the cursor of a terminal, become U+FFFD.
impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for character in String::from_utf8_lossy(&self.bytes).chars() {
            let harmless = !character.is_control() || matches!(character, '\n' | '\t');
            f.write_char(if harmless {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn a_failure_has_a_digest_of_its_kind() {
        assert_eq!(
            Failure::ExitStatus(3).digest(),
            keccak256(b"canut.failed\0\0\0\x09")
        );
        assert_eq!(
            Failure::ExitStatus(3).digest(),
            Failure::ExitStatus(4).digest()
        );
        assert_ne!(
            Failure::ExitStatus(3).digest(),
            Failure::StackOverflow.digest()
        );
    }

    #[test]
    fn every_failure_has_a_name_in_the_protocol() {
        for code in 1..=12 {
            assert!(canut_protocol::Failure::from_code(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_log_is_cut_at_its_limit_and_cannot_drive_a_terminal() {
        let mut log = Captured::default();
        log.write(b"\x1b[2Jhello\n", 9);
        assert!(log.truncated);
        assert_eq!(log.to_string(), "\u{fffd}[2Jhello");
        log.write(b"more", 9);
        assert_eq!(log.bytes, b"\x1b[2Jhello");
    }
}
