//! The log index: which blocks may hold a log of an address or with a topic.
//!
//! Blocks are gathered in sections. A section is a sorted list of (hash of the value, block),
//! written once it is large, so that indexing never touches old pages. The hash is short: a reader
//! looks into the blocks that it is given.

use super::SealedBlock;
use crate::codec::{CodecError, take};
use alloy_primitives::{B256, keccak256};
use std::collections::BTreeSet;

/// A section is closed above this many entries (12 bytes each).
const SECTION_ENTRIES: usize = 1 << 16;

/// A value that logs are looked up by, shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogKey(u64);

impl LogKey {
    /// The key of an address (20 bytes) or a topic (32 bytes, whatever its position).
    pub(crate) fn new(value: &[u8]) -> Self {
        Self(super::base::short(&keccak256(value)))
    }
}

/// A section being filled: `first` is the height of its first block.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) first: u64,
    entries: BTreeSet<(LogKey, u32)>,
}

impl Section {
    /// An empty section that starts at a height.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            entries: BTreeSet::new(),
        }
    }

    /// Whether the next block starts a new section.
    pub(crate) fn is_full(&self, next: u64) -> bool {
        self.entries.len() >= SECTION_ENTRIES
            || next.saturating_sub(self.first) >= u64::from(u32::MAX)
    }

    /// Adds the logs of a block.
    pub(crate) fn add(&mut self, block: &SealedBlock) {
        let offset = u32::try_from(block.number().saturating_sub(self.first)).unwrap_or(u32::MAX);
        for log in block.receipts.iter().flat_map(|receipt| &receipt.logs) {
            self.entries
                .insert((LogKey::new(log.address.as_slice()), offset));
            self.entries.extend(
                log.topics()
                    .iter()
                    .map(|topic: &B256| (LogKey::new(topic.as_slice()), offset)),
            );
        }
    }

    /// Forgets the blocks above a height.
    pub(crate) fn truncate(&mut self, number: u64) {
        let first = self.first;
        self.entries
            .retain(|(_, offset)| first + u64::from(*offset) <= number);
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() * 12);
        for (key, offset) in &self.entries {
            out.extend_from_slice(&key.0.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
        }
        out
    }

    pub(crate) fn from_bytes(first: u64, bytes: &[u8]) -> Result<Self, CodecError> {
        let (entries, []) = bytes.as_chunks::<12>() else {
            return Err(CodecError);
        };
        let entries = entries.iter().map(|entry| {
            let mut entry = entry.as_slice();
            Ok((
                LogKey(word(take(&mut entry, 8)?)?),
                u32::try_from(word(entry)?).map_err(|_| CodecError)?,
            ))
        });
        Ok(Self {
            first,
            entries: entries.collect::<Result<_, CodecError>>()?,
        })
    }
}

fn word(bytes: &[u8]) -> Result<u64, CodecError> {
    let mut word = [0; 8];
    let at = 8usize.checked_sub(bytes.len()).ok_or(CodecError)?;
    word[at..].copy_from_slice(bytes);
    Ok(u64::from_be_bytes(word))
}

/// Heights in a stored section that may hold a log with `key`.
pub(crate) fn find(first: u64, bytes: &[u8], key: LogKey) -> Result<BTreeSet<u64>, CodecError> {
    let (entries, []) = bytes.as_chunks::<12>() else {
        return Err(CodecError);
    };
    let wanted = key.0.to_be_bytes();
    let start = entries.partition_point(|entry| entry[..8] < wanted[..]);
    let found = entries[start..]
        .iter()
        .take_while(|entry| entry[..8] == wanted[..]);
    found.map(|entry| Ok(first + word(&entry[8..])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::consensus::{Header, Receipt};
    use alloy_primitives::{Address, Bytes, Log};
    use proptest::prelude::*;

    fn block(number: u64, topics: &[u8]) -> SealedBlock {
        let log = |topic: &u8| {
            Log::new_unchecked(Address::ZERO, vec![B256::repeat_byte(*topic)], Bytes::new())
        };
        let logs = topics.iter().map(log).collect();
        let receipt = Receipt {
            status: true.into(),
            cumulative_gas_used: 0,
            logs,
        };
        SealedBlock::new(
            Header {
                number,
                ..Header::default()
            },
            Vec::new(),
            vec![receipt],
        )
    }

    proptest! {
        /// The index names exactly the blocks with a value, after any number of writes, reads
        /// and truncations.
        #[test]
        fn finds_the_blocks_that_have_a_value(
            topics in prop::collection::vec(prop::collection::vec(0u8..6, 0..4), 1..30),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut section = Section::new(100);
            for (number, topics) in (100u64..).zip(&topics) {
                section.add(&block(number, topics));
                section = Section::from_bytes(100, &section.to_bytes()).unwrap();
            }
            let last = 100 + cut.index(topics.len()) as u64;
            section.truncate(last);
            for wanted in 0..6u8 {
                let key = LogKey::new(B256::repeat_byte(wanted).as_slice());
                let found = find(100, &section.to_bytes(), key).unwrap();
                let blocks = (100..=last).zip(&topics);
                let expected = blocks.filter(|(_, topics)| topics.contains(&wanted));
                prop_assert_eq!(found, expected.map(|(number, _)| number).collect());
            }
        }
    }
}
