//! Reading a block: dag-pb around UnixFS (<https://specs.ipfs.tech/unixfs/>), from bytes that
//! nobody vouches for.

use bytes::Bytes;
use cid::Cid;
use quick_protobuf::BytesReader;

use crate::{
    Error, Result,
    address::{self, Codec},
};

/// A link to another block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) cid: Cid,
    pub(crate) name: String,
    /// Cumulative bytes of the blocks below, as the link claims (`Tsize`).
    pub(crate) tsize: u64,
}

/// A child of a file's tree, with the bytes of the file that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) cid: Cid,
    pub(crate) length: u64,
}

/// What a block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A file, or a part of one: bytes of its own, then those of its children. `length` is the sum.
    File {
        length: u64,
        data: Bytes,
        children: Vec<Chunk>,
    },
    /// A folder in one block.
    Folder { links: Vec<Link> },
    /// A level of a folder spread over a hash trie of 256 children a node.
    Shard { links: Vec<Link> },
}

impl Node {
    /// Every block this one links to.
    pub(crate) fn links(&self) -> Vec<Cid> {
        match self {
            Self::File { children, .. } => children.iter().map(|child| child.cid).collect(),
            Self::Folder { links } | Self::Shard { links } => {
                links.iter().map(|link| link.cid).collect()
            }
        }
    }
}

/// Reads a block whose bytes were checked against `cid`.
pub(crate) fn decode(cid: &Cid, block: &Bytes) -> Result<Node> {
    match address::codec(cid)? {
        Codec::Raw => Ok(Node::File {
            length: block.len() as u64,
            data: block.clone(),
            children: Vec::new(),
        }),
        Codec::DagPb => {
            let (links, data) = dag_pb(cid, block)?;
            let data = data.ok_or_else(|| Error::malformed(cid, "no UnixFS data"))?;
            UnixFs::read(&data)
                .map_err(|error| Error::malformed(cid, error.to_string()))?
                .node(cid, links)
        }
    }
}

/// Bytes of the block and of all blocks below it, as `ipfs add` prints them.
pub(crate) fn cumulative_size(cid: &Cid, block: &Bytes) -> Result<u64> {
    let links = match address::codec(cid)? {
        Codec::Raw => Vec::new(),
        Codec::DagPb => dag_pb(cid, block)?.0,
    };
    Ok(links.iter().fold(block.len() as u64, |sum, link| {
        sum.saturating_add(link.tsize)
    }))
}

/// The outer message: links, and the inner message.
fn dag_pb(cid: &Cid, block: &Bytes) -> Result<(Vec<Link>, Option<Bytes>)> {
    let read = || -> quick_protobuf::Result<_> {
        let mut reader = BytesReader::from_bytes(block);
        let (mut links, mut data) = (Vec::new(), None);
        while !reader.is_eof() {
            match reader.next_tag(block)? {
                10 => data = Some(block.slice_ref(reader.read_bytes(block)?)),
                18 => links.push(reader.read_bytes(block)?),
                tag => reader.read_unknown(block, tag)?,
            }
        }
        Ok((links, data))
    };
    let (links, data) =
        read().map_err(|error| Error::malformed(cid, format!("not dag-pb: {error}")))?;
    Ok((
        links
            .into_iter()
            .map(|bytes| link(cid, bytes))
            .collect::<Result<_>>()?,
        data,
    ))
}

fn link(parent: &Cid, bytes: &[u8]) -> Result<Link> {
    let read = || -> quick_protobuf::Result<_> {
        let mut reader = BytesReader::from_bytes(bytes);
        let (mut hash, mut name, mut tsize): (&[u8], _, _) = (&[], "", 0);
        while !reader.is_eof() {
            match reader.next_tag(bytes)? {
                10 => hash = reader.read_bytes(bytes)?,
                18 => name = reader.read_string(bytes)?,
                24 => tsize = reader.read_uint64(bytes)?,
                tag => reader.read_unknown(bytes, tag)?,
            }
        }
        Ok((hash, name, tsize))
    };
    let (hash, name, tsize) =
        read().map_err(|error| Error::malformed(parent, format!("link: {error}")))?;
    let cid =
        Cid::try_from(hash).map_err(|error| Error::malformed(parent, format!("link: {error}")))?;
    Ok(Link {
        cid,
        name: name.to_owned(),
        tsize,
    })
}

#[derive(Default)]
struct UnixFs {
    kind: u64,
    data: Bytes,
    filesize: Option<u64>,
    blocksizes: Vec<u64>,
    hash: u64,
    fanout: u64,
}

impl UnixFs {
    fn read(bytes: &Bytes) -> quick_protobuf::Result<Self> {
        let mut reader = BytesReader::from_bytes(bytes);
        let mut found = Self::default();
        while !reader.is_eof() {
            match reader.next_tag(bytes)? {
                8 => found.kind = reader.read_uint64(bytes)?,
                18 => found.data = bytes.slice_ref(reader.read_bytes(bytes)?),
                24 => found.filesize = Some(reader.read_uint64(bytes)?),
                32 => found.blocksizes.push(reader.read_uint64(bytes)?),
                34 => found
                    .blocksizes
                    .extend(reader.read_packed(bytes, |reader, bytes| reader.read_uint64(bytes))?),
                40 => found.hash = reader.read_uint64(bytes)?,
                48 => found.fanout = reader.read_uint64(bytes)?,
                tag => reader.read_unknown(bytes, tag)?,
            }
        }
        Ok(found)
    }

    fn node(self, cid: &Cid, links: Vec<Link>) -> Result<Node> {
        match self.kind {
            0 | 2 => self.file(cid, links),
            1 => Ok(Node::Folder { links }),
            5 if self.fanout == 256 && self.hash == 0x22 => Ok(Node::Shard { links }),
            5 => Err(Error::malformed(
                cid,
                "a sharded folder must be a murmur3 trie of 256 children a node",
            )),
            4 => Err(Error::malformed(cid, "symbolic links are not served")),
            kind => Err(Error::malformed(cid, format!("UnixFS type {kind}"))),
        }
    }

    /// The sizes must add up: a reader seeks by them, and pays by them.
    fn file(self, cid: &Cid, links: Vec<Link>) -> Result<Node> {
        if links.len() != self.blocksizes.len() {
            return Err(Error::malformed(cid, "one size for each link"));
        }
        let total = self
            .blocksizes
            .iter()
            .try_fold(self.data.len() as u64, |sum, size| sum.checked_add(*size));
        let length = total.ok_or_else(|| Error::malformed(cid, "sizes that overflow"))?;
        if self.filesize.is_some_and(|claimed| claimed != length) {
            return Err(Error::malformed(
                cid,
                "the sizes of the parts do not add up to that of the file",
            ));
        }
        let children = links
            .into_iter()
            .zip(self.blocksizes)
            .map(|(link, length)| Chunk {
                cid: link.cid,
                length,
            })
            .collect();
        Ok(Node::File {
            length,
            data: self.data,
            children,
        })
    }
}
