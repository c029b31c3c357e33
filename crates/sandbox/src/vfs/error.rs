use crate::{Failure, Fault};

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a call of the app was refused.
#[derive(Debug)]
pub(crate) enum Error {
    /// The app is told, and goes on.
    Errno(Errno),
    /// The run ends here.
    Stop(Stop),
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Why a run ends from outside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The app met a limit.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The machine failed; the app must not see it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The app ended itself.
    #[error("exit status {0}")]
    Exit(u32),
}

/// An error that an app sees, by its number in WASI preview 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Errno {
    BadDescriptor = 8,
    Exists = 20,
    BadAddress = 21,
    FileTooLarge = 22,
    IllegalName = 25,
    Invalid = 28,
    IsFolder = 31,
    TooManyDescriptors = 33,
    NameTooLong = 37,
    NoEntry = 44,
    NotFolder = 54,
    NotEmpty = 55,
    NotSocket = 57,
    Unsupported = 58,
    Overflow = 61,
    ReadOnly = 69,
    NoSeek = 70,
    /// The path leads out of the folder it starts in, or the descriptor lacks the right.
    NotCapable = 76,
}
