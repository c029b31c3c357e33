//! What was found for one task, and what is voted for a range.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::{RangeId, packed};
use crate::TaskId;

/// How the bytes of a CID are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum Codec {
    /// The bytes themselves: a file of one chunk.
    Raw = 0x55,
    /// A node of a larger file (dag-pb).
    DagPb = 0x70,
}

/// A byte that stands for no codec of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("0x{0:02x} is no codec of a result: 0x55 is raw, 0x70 is dag-pb")]
pub struct UnknownCodec(pub u8);

impl From<Codec> for u8 {
    fn from(codec: Codec) -> Self {
        codec as Self
    }
}

impl TryFrom<u8> for Codec {
    type Error = UnknownCodec;

    fn try_from(byte: u8) -> Result<Self, UnknownCodec> {
        match byte {
            0x55 => Ok(Self::Raw),
            0x70 => Ok(Self::DagPb),
            _ => Err(UnknownCodec(byte)),
        }
    }
}

/// The CID (version 1, sha2-256) of the plain archive of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Content {
    /// How its bytes are to be read.
    pub codec: Codec,
    /// Their SHA-256.
    pub sha256: B256,
}

/// What was found for one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Leaf {
    /// Result digest: of the callback's bytes when the deal has one, else of the result folder; of a run that fails for every
    /// honest worker, the [digest of the failure](crate::failure::digest).
    pub digest: B256,
    /// Where the archive of the result is.
    pub content: Content,
}

impl Leaf {
    /// Its hash in the tree of a range: `keccak256(0x00 ‖ task ‖ digest ‖ codec ‖ content)` (§2.2).
    pub fn hash(&self, task: TaskId) -> B256 {
        packed(&[
            &[0x00],
            task.as_slice(),
            self.digest.as_slice(),
            &[self.content.codec.into()],
            self.content.sha256.as_slice(),
        ])
    }
}

/// What workers vote for: the results of a range, and where they are found together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value {
    /// Root of the tree of the leaves.
    pub root: B256,
    /// SHA-256 of the directory node that lists the archives by the index of their task.
    pub link: B256,
}

impl Value {
    /// `keccak256(root ‖ link)` (§2.2).
    pub fn hash(&self) -> B256 {
        packed(&[self.root.as_slice(), self.link.as_slice()])
    }

    /// What an enclave vouches for, next to the seal: `keccak256(range ‖ value)` (§2.2).
    pub fn result_hash(&self, range: RangeId) -> B256 {
        packed(&[range.0.as_slice(), self.hash().as_slice()])
    }

    /// The vote of `worker`, hidden: `keccak256(worker ‖ range ‖ value)` (§2.2).
    pub fn seal(&self, worker: Address, range: RangeId) -> B256 {
        packed(&[
            worker.as_slice(),
            range.0.as_slice(),
            self.hash().as_slice(),
        ])
    }
}
