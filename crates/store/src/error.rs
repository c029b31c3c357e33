//! What can go wrong, with what to do about it.

use cid::Cid;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a CID.
    #[error("`{text}` is not a CID: {reason}")]
    InvalidCid {
        /// What was given, cut to a printable length.
        text: String,
        /// What the parser found.
        reason: String,
    },
    /// A well-formed CID of a kind that UnixFS content does not use.
    #[error("{cid}: {what} is not supported; use sha2-256 with the dag-pb or raw codec")]
    UnsupportedCid {
        /// The CID.
        cid: Cid,
        /// Its codec or its hash.
        what: String,
    },
    /// No such block here.
    #[error("block {0} is not in this store; add the content again, or ask another gateway")]
    NotFound(Cid),
    /// The bytes found do not hash to the CID that was asked for.
    #[error(
        "block {0} is corrupted: its bytes do not hash to it; add the content again to mend it"
    )]
    Corrupt(Cid),
    /// A block whose hash is right but which is not well-formed UnixFS.
    #[error("block {cid} is malformed: {what}")]
    Malformed {
        /// The block.
        cid: Cid,
        /// The rule it breaks.
        what: String,
    },
    /// A [`crate::Limits`] value would be exceeded.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// The limit, in that unit.
        limit: u64,
    },
    /// The folder has no entry of that name.
    #[error("{folder} has no entry `{name}`")]
    NoEntry {
        /// The folder's CID.
        folder: Cid,
        /// The entry asked for.
        name: String,
    },
    /// A folder was expected.
    #[error("{0} is a file, not a folder")]
    NotAFolder(Cid),
    /// A file was expected.
    #[error("{0} is a folder, not a file; list it and ask for one of its files")]
    NotAFile(Cid),
    /// A path that cannot name an entry of a folder.
    #[error("invalid path `{path}`: {reason}")]
    InvalidPath {
        /// The path, cut to a printable length.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The range starts behind the end of the file.
    #[error("the range starts behind the end of the file, which has {length} bytes")]
    Range {
        /// Length of the file, in bytes.
        length: u64,
    },
    /// The content was not pinned.
    #[error("{0} is not pinned")]
    NotPinned(Cid),
    /// The stream that was being added failed.
    #[error("the input failed: {0}")]
    Input(#[source] std::io::Error),
    /// A local file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The store's URL is not one that this build can open.
    #[error("cannot open the store `{url}`: {reason}")]
    Open {
        /// The URL.
        url: String,
        /// Why not.
        reason: String,
    },
    /// Another process has the store open.
    #[error(
        "the store in {0} is open in another process; stop that process, or talk to it over HTTP"
    )]
    Locked(String),
    /// The object store underneath failed.
    #[error("object store: {0}")]
    Objects(#[from] object_store::Error),
    /// A gateway did not answer, or not in HTTP.
    #[error("{url}: {source}")]
    Http {
        /// What was asked for.
        url: String,
        /// The client's reason.
        source: reqwest::Error,
    },
    /// A gateway answered with an error.
    #[error("{url} answered {status}: {message}")]
    Refused {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the body.
        message: String,
    },
    /// A gateway's bytes do not make up the CID, under any layout that can be recomputed from a
    /// plain download.
    #[error(
        "the bytes from {url} do not hash to {cid}; the gateway is lying, or the file was added with a chunker other than \
         256 KiB and the gateway does not serve raw blocks: try another gateway"
    )]
    Unverified {
        /// Where they came from.
        url: String,
        /// What was asked for.
        cid: Cid,
    },
    /// A bug of this crate or of one below it.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn malformed(cid: &Cid, what: impl Into<String>) -> Self {
        Self::Malformed {
            cid: *cid,
            what: what.into(),
        }
    }

    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            source,
        }
    }

    pub(crate) fn http(url: &url::Url, source: reqwest::Error) -> Self {
        Self::Http {
            url: url.to_string(),
            source: source.without_url(),
        }
    }
}

/// The first 80 characters: errors repeat what was given, not all of it.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
