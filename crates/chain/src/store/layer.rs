//! One step of the chain's history, as it is journalled, kept in memory, and later written to the
//! database.

use super::SealedBlock;
use crate::{
    codec::{Codec, CodecError, take},
    state::StateChanges,
    trie::NodeUpdates,
};
use alloy_primitives::{B256, Bytes};
use arc_swap::ArcSwapOption;
use std::sync::{Arc, OnceLock};

/// What a step is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A block.
    Block(Arc<SealedBlock>),
    /// State changed by a developer method, between two blocks.
    Patch,
    /// Back to the state after the undo entry `to`; blocks above `number` are gone.
    Revert { to: u64, number: u64 },
}

/// A step with its effects. Steps are numbered without gaps; a database holds all of them up to one
/// number.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) seq: u64,
    pub(crate) step: Step,
    pub(crate) changes: StateChanges,
    pub(crate) nodes: NodeUpdates,
    /// What whoever orders keeps with the block; set before it is committed.
    pub(crate) finality: OnceLock<Bytes>,
    /// The step before, while it is not in the database.
    pub(crate) parent: ArcSwapOption<Layer>,
}

/// The old values of what a step changed: enough to read the state before it, or to go back to it.
#[derive(Debug)]
pub(crate) struct Undo {
    pub(crate) seq: u64,
    /// Height and hash of the head after the step.
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) is_block: bool,
    pub(crate) before: StateChanges,
}

impl Codec for Undo {
    fn write(&self, out: &mut Vec<u8>) {
        self.seq.write(out);
        self.number.write(out);
        self.hash.write(out);
        out.push(u8::from(self.is_block));
        self.before.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let (seq, number, hash) = (u64::read(bytes)?, u64::read(bytes)?, B256::read(bytes)?);
        let is_block = take(bytes, 1)? == [1];
        Ok(Self {
            seq,
            number,
            hash,
            is_block,
            before: Codec::read(bytes)?,
        })
    }
}

/// A layer as the journal has it: tries, undo and indexes follow from it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) step: Step,
    pub(crate) changes: StateChanges,
    pub(crate) finality: Bytes,
}

impl Layer {
    /// Appends the bytes of the [`Record`] of this layer.
    pub(crate) fn write_record(&self, out: &mut Vec<u8>) {
        self.seq.write(out);
        match &self.step {
            Step::Block(block) => {
                out.push(0);
                block.write(out);
            }
            Step::Patch => out.push(1),
            Step::Revert { to, number } => {
                out.push(2);
                to.write(out);
                number.write(out);
            }
        }
        self.changes.write(out);
        self.finality.get().cloned().unwrap_or_default().write(out);
    }
}

impl Record {
    /// The inverse of [`Layer::write_record`].
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let bytes = &mut bytes;
        let seq = u64::read(bytes)?;
        let step = match take(bytes, 1)? {
            [0] => Step::Block(Arc::new(SealedBlock::read(bytes)?)),
            [1] => Step::Patch,
            [2] => Step::Revert {
                to: u64::read(bytes)?,
                number: u64::read(bytes)?,
            },
            _ => return Err(CodecError),
        };
        let (changes, finality) = (Codec::read(bytes)?, Codec::read(bytes)?);
        if !bytes.is_empty() {
            return Err(CodecError);
        }
        Ok(Self {
            seq,
            step,
            changes,
            finality,
        })
    }
}

impl Drop for Layer {
    /// A chain of thousands is let go one by one, not by recursion.
    fn drop(&mut self) {
        let mut next = self.parent.swap(None);
        while let Some(layer) = next.and_then(Arc::into_inner) {
            next = layer.parent.swap(None);
        }
    }
}
