//! Reading a file: only the blocks that the range touches, each checked against its CID, a few
//! ahead.

use std::{
    future::Future,
    ops::{Bound, Range, RangeBounds},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use cid::Cid;
use futures::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use crate::{
    Error, Limits, Result,
    node::{self, Node},
};

/// Blocks of one node's children that are fetched at the same time.
const AHEAD: usize = 4;

/// Where blocks come from. An implementation returns only bytes that hash to the CID.
pub trait BlockSource: Clone + Send + Sync + 'static {
    /// The bytes of a block.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or [`Error::Corrupt`] when what was found is not what was asked for.
    fn block(&self, cid: &Cid) -> impl Future<Output = Result<Bytes>> + Send;

    /// Bounds on what is read.
    fn limits(&self) -> &Limits;
}

/// The bytes of a file or of a part of it, in order. It holds a few blocks, whatever the length.
/// Once it has failed it ends.
pub struct FileStream {
    length: u64,
    range: Range<u64>,
    bytes: BoxStream<'static, Result<Bytes>>,
}

impl FileStream {
    /// Bytes of the whole file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of the file that the stream gives.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Everything, in memory.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for more than `limit` bytes, before reading any; otherwise what reading
    /// gives.
    pub async fn collect(mut self, limit: usize) -> Result<Vec<u8>> {
        let length = self.range.end - self.range.start;
        Limits::check(length, limit as u64, "bytes of a file read into memory")?;
        let mut all = Vec::with_capacity(limit.min(usize::try_from(length).unwrap_or(limit)));
        while let Some(bytes) = self.bytes.try_next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

impl Stream for FileStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.bytes.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for FileStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileStream")
            .field("length", &self.length)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Opens a file; an end behind that of the file is that of the file.
pub(crate) async fn open<S: BlockSource>(
    source: &S,
    cid: &Cid,
    range: impl RangeBounds<u64>,
) -> Result<FileStream> {
    let root = node::decode(cid, &source.block(cid).await?)?;
    let Node::File { length, .. } = root else {
        return Err(Error::NotAFile(*cid));
    };
    Limits::check(length, source.limits().upload, "bytes of a file")?;
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1).min(length),
        Bound::Excluded(end) => (*end).min(length),
        Bound::Unbounded => length,
    };
    if start > length {
        return Err(Error::Range { length });
    }
    let range = start..end.max(start);
    // Streams may be polled again after an error; what follows one is of no use.
    let bytes = walk(source.clone(), *cid, root, range.clone(), 0);
    let bytes = bytes.scan(false, |failed, item| {
        let ended = std::mem::replace(failed, item.is_err());
        std::future::ready((!ended).then_some(item))
    });
    Ok(FileStream {
        length,
        range,
        bytes: bytes.boxed(),
    })
}

/// The bytes `range` of the part of a file that `node` holds. Children that do not meet the range
/// are never read, so each block read yields at least one byte, whatever the tree.
fn walk<S: BlockSource>(
    source: S,
    cid: Cid,
    node: Node,
    range: Range<u64>,
    depth: usize,
) -> BoxStream<'static, Result<Bytes>> {
    let Node::File { data, children, .. } = node else {
        return stream::iter([Err(Error::malformed(&cid, "a part of a file is a folder"))]).boxed();
    };
    let limit = source.limits().depth;
    if depth > limit {
        let error = Error::TooLarge {
            what: "levels of a file's tree",
            limit: limit as u64,
        };
        return stream::iter([Err(error)]).boxed();
    }
    let own = meet(0..data.len() as u64, &range).map(|own| {
        // Within the block, hence within memory.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded by the length of the block"
        )]
        let bytes = data.slice(own.start as usize..own.end as usize);
        Ok(bytes)
    });
    let mut offset = data.len() as u64;
    let children = children.into_iter().filter_map(move |child| {
        let start = offset;
        // The decoder checked that the lengths add up within 64 bits.
        offset += child.length;
        meet(start..offset, &range).map(|part| (child, part.start - start..part.end - start))
    });
    let fetch = source.clone();
    let below = stream::iter(children)
        .map(move |(child, part)| {
            let source = fetch.clone();
            async move {
                let node = node::decode(&child.cid, &source.block(&child.cid).await?)?;
                match node {
                    Node::File { length, .. } if length != child.length => Err(Error::malformed(
                        &child.cid,
                        "its length is not the one its parent says",
                    )),
                    node => Ok((child.cid, node, part)),
                }
            }
        })
        .buffered(AHEAD)
        .map_ok(move |(cid, node, part)| walk(source.clone(), cid, node, part, depth + 1))
        .try_flatten();
    stream::iter(own).chain(below).boxed()
}

fn meet(a: Range<u64>, b: &Range<u64>) -> Option<Range<u64>> {
    let both = a.start.max(b.start)..a.end.min(b.end);
    (!both.is_empty()).then_some(both)
}
