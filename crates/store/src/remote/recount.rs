//! The CID of a file from its bytes alone, for each way in which it may have been added.

use std::{fs::File, io::Read, path::Path};

use bytes::Bytes;
use cid::{Cid, Version};
use rust_unixfs::file::adder::FileAdder;
use sha2::{Digest, Sha256};

use crate::{
    Added, Error, Layout, Result,
    address::{self, Codec},
    node,
};

/// Cuts a stream as one layout does and keeps only the last block, which is the root.
pub(super) struct Tree {
    adder: FileAdder,
    last: Option<(Cid, Bytes)>,
}

impl Tree {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            adder: layout.adder(),
            last: None,
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (blocks, taken) = self.adder.push(bytes);
            if let Some((cid, block)) = blocks.last() {
                self.last = Some((cid, block.into()));
            }
            bytes = &bytes[taken..];
        }
    }

    pub(super) fn finish(self) -> Result<Option<Added>> {
        let last = self
            .adder
            .finish()
            .last()
            .map(|(cid, block)| (cid, block.into()))
            .or(self.last);
        last.map(|(cid, block)| {
            Ok(Added {
                cid,
                size: node::cumulative_size(&cid, &block)?,
            })
        })
        .transpose()
    }
}

/// The CID that a local file gets in any store, in layout [`Layout::V1`]. Blocks.
///
/// # Errors
///
/// When the file cannot be read.
pub fn cid_of(path: &Path) -> Result<Cid> {
    let mut file = File::open(path).map_err(|error| Error::file(path, error))?;
    let (mut tree, mut buffer) = (Tree::new(Layout::V1), vec![0; 64 << 10]);
    loop {
        match file
            .read(&mut buffer)
            .map_err(|error| Error::file(path, error))?
        {
            0 => break,
            read => tree.push(&buffer[..read]),
        }
    }
    let added = tree.finish()?;
    added
        .map(|added| added.cid)
        .ok_or_else(|| Error::Internal("a file without a root".to_owned()))
}

/// All the ways in which a file can have this CID.
pub(super) enum Candidates {
    /// One raw block: its hash is that of the file.
    Whole {
        hash: Sha256,
        length: u64,
        limit: u64,
    },
    /// A tree, with leaves of either kind.
    Trees(Vec<Tree>),
}

impl Candidates {
    pub(super) fn of(cid: &Cid, block_limit: usize) -> Result<Self> {
        if address::codec(cid)? == Codec::Raw {
            return Ok(Self::Whole {
                hash: Sha256::new(),
                length: 0,
                limit: block_limit as u64,
            });
        }
        let version = cid.version();
        let usual = version == Version::V1;
        Ok(Self::Trees(
            [usual, !usual]
                .map(|raw_leaves| {
                    Tree::new(Layout {
                        version,
                        raw_leaves,
                    })
                })
                .into(),
        ))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Whole { hash, length, .. } => {
                hash.update(bytes);
                *length += bytes.len() as u64;
            }
            Self::Trees(trees) => trees.iter_mut().for_each(|tree| tree.push(bytes)),
        }
    }

    pub(super) fn matches(self, cid: &Cid) -> Result<bool> {
        match self {
            Self::Whole {
                hash,
                length,
                limit,
            } => Ok(length <= limit && address::digest(cid)? == <[u8; 32]>::from(hash.finalize())),
            Self::Trees(trees) => {
                for tree in trees {
                    if tree.finish()?.is_some_and(|added| added.cid == *cid) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}
