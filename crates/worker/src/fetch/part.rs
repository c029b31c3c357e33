//! A file on its way: what has come of it, and how it goes on after a broken connection.

use std::{path::Path, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue},
};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
    time::{Instant, timeout},
};

use super::Absence;

/// Longest silence of a server.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// Bytes in a second that a server must send on average, once it had as long as for a silence.
const PACE: u64 = 4 << 10;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    /// Bytes that are there.
    pub(super) length: u64,
    /// Bytes there may be.
    limit: u64,
    /// Whether somebody compares the whole with its digest: then the rest may come from anywhere.
    hashed: bool,
    /// The server's name for this version of the file.
    version: Option<HeaderValue>,
}

impl Part {
    /// A file that begins anew.
    pub(super) async fn begin(at: &Path, limit: u64) -> Result<Self, Absence> {
        Self::open(
            OpenOptions::new().create(true).write(true).truncate(true),
            at,
            limit,
            false,
        )
        .await
    }

    /// A file of which some may be there, and which is going to be compared with its digest.
    pub(super) async fn go_on(at: &Path, limit: u64) -> Result<Self, Absence> {
        Self::open(
            OpenOptions::new().create(true).append(true),
            at,
            limit,
            true,
        )
        .await
    }

    async fn open(
        options: &OpenOptions,
        at: &Path,
        limit: u64,
        hashed: bool,
    ) -> Result<Self, Absence> {
        let disk = |_| Absence::Disk;
        let file = options.open(at).await.map_err(disk)?;
        let length = file.metadata().await.map_err(disk)?.len();
        let mut part = Self {
            file,
            length,
            limit,
            hashed,
            version: None,
        };
        if part.length > limit {
            part.restart().await?;
        }
        Ok(part)
    }

    /// Whether more may be asked for.
    pub(super) const fn can_go_on(&self) -> bool {
        self.length > 0 && (self.hashed || self.version.is_some())
    }

    /// The version that what comes must be of.
    pub(super) const fn version(&self) -> Option<&HeaderValue> {
        self.version.as_ref()
    }

    /// Takes the body of a good answer.
    pub(super) async fn take(&mut self, response: Response<Incoming>) -> Result<(), Absence> {
        let headers = response.headers();
        if response.status() == StatusCode::PARTIAL_CONTENT {
            if first_byte(headers) != Some(self.length) {
                return Err(Absence::Unreachable);
            }
        } else {
            self.restart().await?;
            let strong = |tag: &&HeaderValue| tag.as_bytes().starts_with(b"\"");
            self.version = headers.get(ETAG).filter(strong).cloned();
        }
        let announced = number(headers.get(CONTENT_LENGTH));
        if announced.is_some_and(|more| more > self.limit.saturating_sub(self.length)) {
            return Err(Absence::TooLarge);
        }
        self.append(response.into_body()).await?;
        self.file.sync_all().await.map_err(|_| Absence::Disk)
    }

    async fn append(&mut self, mut body: Incoming) -> Result<(), Absence> {
        let (began, before) = (Instant::now(), self.length);
        while let Some(frame) = timeout(SILENCE, body.frame())
            .await
            .map_err(|_| Absence::Unreachable)?
        {
            let Ok(bytes) = frame.map_err(|_| Absence::Unreachable)?.into_data() else {
                continue;
            };
            let length = self.length.saturating_add(bytes.len() as u64);
            if length > self.limit {
                return Err(Absence::TooLarge);
            }
            self.file
                .write_all(&bytes)
                .await
                .map_err(|_| Absence::Disk)?;
            self.length = length;
            let patience = SILENCE + Duration::from_secs((length - before) / PACE);
            if began.elapsed() > patience {
                return Err(Absence::Unreachable);
            }
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Absence> {
        self.length = 0;
        self.version = None;
        let rewound = async {
            self.file.set_len(0).await?;
            tokio::io::AsyncSeekExt::rewind(&mut self.file).await
        };
        rewound.await.map_err(|_| Absence::Disk).map(|_| ())
    }
}

/// Where the bytes of a part begin: `bytes 5-9/10`.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

fn number(value: Option<&HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.parse().ok()
}
