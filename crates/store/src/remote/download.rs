//! Fetching a whole file, verified before it is handed out.

use std::{io::Write, path::Path};

use cid::Cid;
use futures::TryStreamExt;
use tempfile::NamedTempFile;

use super::{Remote, recount::Candidates};
use crate::{Error, Limits, Result};

/// Where the bytes wait until they are verified.
trait Sink: Send {
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    fn restart(&mut self) -> Result<()>;
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.clear();
        Ok(())
    }
}

impl Sink for NamedTempFile {
    // A write to the page cache, of a few hundred kilobytes at most: not worth another thread.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes)
            .map_err(|error| Error::file(self.path(), error))
    }

    fn restart(&mut self) -> Result<()> {
        let restarted = self
            .as_file()
            .set_len(0)
            .and_then(|()| std::io::Seek::rewind(self.as_file_mut()));
        restarted.map_err(|error| Error::file(self.path(), error))
    }
}

impl Remote {
    /// Downloads a file to `destination`, which appears, or is replaced, only once verified. Gives
    /// its length in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Unverified`] when the bytes are not those of the CID, [`Error::NotAFile`] for a
    /// folder, [`Error::TooLarge`] past the limit of an upload, [`Error::Http`] or
    /// [`Error::Refused`] from the gateway.
    pub async fn download(&self, cid: &Cid, destination: &Path) -> Result<u64> {
        let folder = destination
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder).map_err(|error| Error::file(folder, error))?;
        let length = self.fetch(cid, &mut file, self.limits.upload).await?;
        file.as_file()
            .sync_all()
            .map_err(|error| Error::file(destination, error))?;
        file.persist(destination)
            .map_err(|error| Error::file(destination, error.error))?;
        Ok(length)
    }

    /// Downloads a file of at most `limit` bytes into memory.
    ///
    /// # Errors
    ///
    /// As [`Remote::download`].
    pub async fn bytes(&self, cid: &Cid, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.fetch(cid, &mut bytes, limit).await?;
        Ok(bytes)
    }

    async fn fetch(&self, cid: &Cid, sink: &mut impl Sink, limit: u64) -> Result<u64> {
        if let Some(length) = self.fetch_plain(cid, sink, limit).await? {
            return Ok(length);
        }
        sink.restart()?;
        match self.fetch_blocks(cid, sink, limit).await {
            Err(
                Error::NotFound(_)
                | Error::Corrupt(_)
                | Error::Malformed { .. }
                | Error::Refused { .. },
            ) => Err(Error::Unverified {
                url: self.url.to_string(),
                cid: *cid,
            }),
            other => other,
        }
    }

    /// The file as any gateway gives it. `None`: it does not have this CID under any layout that is
    /// known.
    async fn fetch_plain(
        &self,
        cid: &Cid,
        sink: &mut impl Sink,
        limit: u64,
    ) -> Result<Option<u64>> {
        let mut candidates = Candidates::of(cid, self.limits.block)?;
        let url = self.address(&format!("ipfs/{cid}"))?;
        let mut response = match self.send(&url, self.client.get(url.clone())).await {
            Err(Error::Refused { status: 404, .. }) => return Err(Error::NotFound(*cid)),
            other => other?,
        };
        let mut length = 0;
        while let Some(bytes) = response
            .chunk()
            .await
            .map_err(|error| Error::http(&url, error))?
        {
            length += bytes.len() as u64;
            Limits::check(length, limit, "bytes of a file")?;
            candidates.push(&bytes);
            sink.write(&bytes)?;
        }
        Ok(candidates.matches(cid)?.then_some(length))
    }

    async fn fetch_blocks(&self, cid: &Cid, sink: &mut impl Sink, limit: u64) -> Result<u64> {
        let mut stream = self.read(cid, ..).await?;
        Limits::check(stream.length(), limit, "bytes of a file")?;
        while let Some(bytes) = stream.try_next().await? {
            sink.write(&bytes)?;
        }
        Ok(stream.length())
    }
}
