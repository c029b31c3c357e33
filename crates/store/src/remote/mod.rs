//! The store of somebody else, over HTTP: nothing it says is believed.

mod download;
mod recount;
mod upload;

pub use recount::cid_of;

use std::{ops::RangeBounds, time::Duration};

use bytes::{Bytes, BytesMut};
use cid::Cid;
use url::Url;

use crate::{
    BlockSource, Entry, Error, FileStream, Kind, Limits, Result, address, error::excerpt, read,
    tree,
};

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of an error's body, or of the answer to an upload, that are read.
const ANSWER: usize = 1 << 20;

/// A client of any gateway (`GET /ipfs/…`), and of a node that takes `POST /api/v0/add`.
///
/// There are two ways to verify what comes:
///
/// - [`Remote::download`] and [`Remote::bytes`] fetch a *file* as any gateway serves it, cut it
///   again as `ipfs add` would have (256 KiB chunks; as CID version 0 or 1, with raw leaves or
///   without), and compare the CID. No byte is handed out before the whole is verified. A file
///   added with another chunker cannot be verified so; then, and for folders, they turn to the
///   other way.
/// - [`Remote::read`], [`Remote::resolve`] and [`Remote::list`] fetch single blocks (`?format=raw`,
///   which [`crate::server`] and trustless gateways answer) and check each one: ranges, folders and
///   streams without end, verified as they come.
#[derive(Debug, Clone)]
pub struct Remote {
    url: Url,
    client: reqwest::Client,
    limits: Limits,
}

impl Remote {
    /// A client of the gateway at `url`, such as `http://127.0.0.1:8080`; `https` needs the feature
    /// `tls`.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] for a URL that is not HTTP.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_limits(url, Limits::default())
    }

    /// [`Remote::new`] with other limits.
    ///
    /// # Errors
    ///
    /// As [`Remote::new`].
    pub fn with_limits(url: &str, limits: Limits) -> Result<Self> {
        let failed = |reason: String| Error::Open {
            url: excerpt(url),
            reason,
        };
        let mut parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.cannot_be_a_base() {
            return Err(failed(
                "the address of a gateway begins with http:// or https://".to_owned(),
            ));
        }
        if !parsed.path().ends_with('/') {
            parsed.set_path(&format!("{}/", parsed.path()));
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build();
        Ok(Self {
            url: parsed,
            client: client.map_err(|error| failed(error.to_string()))?,
            limits,
        })
    }

    /// Reads a file or the part of it in `range`, block by block.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::read`], and [`Error::Http`] or [`Error::Refused`] from the gateway.
    pub async fn read(&self, cid: &Cid, range: impl RangeBounds<u64> + Send) -> Result<FileStream> {
        read::open(self, cid, range).await
    }

    /// Follows a path from a folder.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::resolve`], and [`Error::Http`] or [`Error::Refused`] from the gateway.
    pub async fn resolve(&self, root: &Cid, path: &str) -> Result<Cid> {
        tree::resolve(self, root, path).await
    }

    /// Whether the CID is a file or a folder.
    ///
    /// # Errors
    ///
    /// As [`Remote::resolve`].
    pub async fn kind(&self, cid: &Cid) -> Result<Kind> {
        tree::kind(self, cid).await
    }

    /// The entries of a folder, by name.
    ///
    /// # Errors
    ///
    /// As [`crate::Store::list`], and [`Error::Http`] or [`Error::Refused`] from the gateway.
    pub async fn list(&self, folder: &Cid) -> Result<Vec<Entry>> {
        tree::list(self, folder).await
    }

    fn address(&self, path: &str) -> Result<Url> {
        self.url.join(path).map_err(|error| Error::Open {
            url: self.url.to_string(),
            reason: error.to_string(),
        })
    }

    /// Sends a request; an answer other than a success is an error.
    async fn send(&self, url: &Url, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let response = request
            .send()
            .await
            .map_err(|error| Error::http(url, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let message = bounded(url, response, ANSWER).await.unwrap_or_default();
        let message = excerpt(String::from_utf8_lossy(&message).trim());
        Err(Error::Refused {
            url: url.to_string(),
            status: status.as_u16(),
            message,
        })
    }
}

impl BlockSource for Remote {
    async fn block(&self, cid: &Cid) -> Result<Bytes> {
        address::codec(cid)?;
        let url = self.address(&format!("ipfs/{cid}?format=raw"))?;
        let request = self
            .client
            .get(url.clone())
            .header("accept", "application/vnd.ipld.raw");
        let response = match self.send(&url, request).await {
            Err(Error::Refused { status: 404, .. }) => return Err(Error::NotFound(*cid)),
            other => other?,
        };
        match bounded(&url, response, self.limits.block).await {
            Ok(block) if address::matches(cid, &block) => Ok(block),
            Ok(_) | Err(Error::TooLarge { .. }) => Err(Error::Corrupt(*cid)),
            Err(error) => Err(error),
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }
}

async fn bounded(url: &Url, mut response: reqwest::Response, limit: usize) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(bytes) = response
        .chunk()
        .await
        .map_err(|error| Error::http(url, error))?
    {
        Limits::check(
            (body.len() + bytes.len()) as u64,
            limit as u64,
            "bytes of an answer",
        )?;
        body.extend_from_slice(&bytes);
    }
    Ok(body.freeze())
}
