//! Adding a file: from a stream of bytes to a tree of blocks, with a few blocks in memory whatever
//! its size.

use std::{io, pin::pin};

use bytes::Bytes;
use cid::{Cid, Version};
use futures::{
    Stream, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use rust_unixfs::file::adder::FileAdder;

use crate::{Error, Limits, Result, node, session::Session};

/// Leaves of one file that are written at the same time.
const WRITES: usize = 4;

/// The bytes of a file, as they come.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// The shape of the blocks, hence the CID: chunks of 256 KiB in a balanced tree of 174 links in
/// every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Version of the CIDs of nodes: [`Version::V0`] (`Qm…`) or [`Version::V1`] (`bafy…`).
    pub version: Version,
    /// Whether the leaves hold the bytes as they are; if not, each is a node.
    pub raw_leaves: bool,
}

impl Layout {
    /// What `ipfs add` does unless told otherwise.
    pub const V0: Self = Self {
        version: Version::V0,
        raw_leaves: false,
    };
    /// What `ipfs add --cid-version=1` does.
    pub const V1: Self = Self {
        version: Version::V1,
        raw_leaves: true,
    };

    pub(crate) fn adder(self) -> FileAdder {
        FileAdder::builder()
            .with_cid_version(self.version)
            .with_raw_leaves(self.raw_leaves)
            .build()
    }
}

/// How to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddOptions {
    /// The shape of the blocks.
    pub layout: Layout,
    /// Whether to keep the content until it is unpinned. Without a pin the next garbage collection
    /// takes it.
    pub pin: bool,
}

impl Default for AddOptions {
    fn default() -> Self {
        Self {
            layout: Layout::V0,
            pin: true,
        }
    }
}

/// What was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its root.
    pub cid: Cid,
    /// Bytes of all its blocks: the content and the nodes (what `ipfs add` prints as `Size`).
    pub size: u64,
}

/// Writes a file's blocks. `budget` is the number of bytes that may still come, and is reduced by
/// the length of the file.
pub(crate) async fn write_file<S>(
    session: &Session,
    layout: Layout,
    limits: &Limits,
    budget: &mut u64,
    stream: S,
) -> Result<Added>
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    let mut adder = layout.adder();
    let mut writer = Writer {
        session,
        leaves: FuturesUnordered::new(),
        last: None,
    };
    let mut stream = pin!(stream);
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(Error::Input)?;
        *budget = budget
            .checked_sub(bytes.len() as u64)
            .ok_or(Error::TooLarge {
                what: "bytes of one upload",
                limit: limits.upload,
            })?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (blocks, taken) = adder.push(rest);
            writer.put(blocks).await?;
            rest = &rest[taken..];
        }
    }
    writer.put(adder.finish()).await?;
    writer.finish().await
}

struct Writer<'a> {
    session: &'a Session,
    leaves: FuturesUnordered<BoxFuture<'a, Result<()>>>,
    last: Option<Added>,
}

impl Writer<'_> {
    async fn put(&mut self, blocks: impl Iterator<Item = (Cid, Vec<u8>)>) -> Result<()> {
        // The iterator borrows nothing, but is not known to be `Send`.
        let blocks: Vec<_> = blocks.collect();
        for (cid, block) in blocks {
            let block = Bytes::from(block);
            let children = node::decode(&cid, &block)?.links();
            self.last = Some(Added {
                cid,
                size: node::cumulative_size(&cid, &block)?,
            });
            if children.is_empty() {
                if self.leaves.len() >= WRITES {
                    self.leaves.try_next().await?;
                }
                let session = self.session;
                self.leaves
                    .push(Box::pin(async move { session.put(&cid, block).await }));
            } else {
                // A node is written when all it links to is.
                while self.leaves.try_next().await?.is_some() {}
                self.session.put(&cid, block).await?;
                self.session.joined(&children);
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Added> {
        while self.leaves.try_next().await?.is_some() {}
        self.last
            .ok_or_else(|| Error::Internal("a file without a root".to_owned()))
    }
}
