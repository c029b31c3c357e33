//! How a branch is stored: its key, and its bytes.

use super::{Child, Node, TrieError};
use alloy_primitives::B256;
use alloy_trie::{Nibbles, nodes::RlpNode};

/// Where a branch is stored: `0 ‖ path` in the account trie, `1 ‖ account hash ‖ path` in a storage
/// trie, one byte a nibble.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey(Vec<u8>);

impl NodeKey {
    pub(crate) fn new(owner: Option<B256>, path: &Nibbles) -> Self {
        let mut key = Vec::with_capacity(33 + path.len());
        match owner {
            None => key.push(0),
            Some(owner) => {
                key.push(1);
                key.extend_from_slice(owner.as_slice());
            }
        }
        key.extend(path.iter());
        Self(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `prefix length ‖ prefix ‖ mask of children (2 bytes) ‖ references`.
/// A reference of 33 bytes is written as it is; a shorter one is RLP and so tells its own length.
pub(crate) fn encode(prefix: &Nibbles, children: &[Child; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + prefix.len() + 16 * 33);
    out.push(u8::try_from(prefix.len()).unwrap_or(u8::MAX));
    out.extend(prefix.iter());
    let mask = children.iter().enumerate().fold(0u16, |mask, (i, child)| {
        mask | (u16::from(!child.is_empty()) << i)
    });
    out.extend_from_slice(&mask.to_be_bytes());
    for rlp in children.iter().filter_map(Child::reference) {
        out.extend_from_slice(rlp);
    }
    out
}

/// The inverse of [`encode`]; every child is a stub.
pub(crate) fn decode(bytes: &[u8]) -> Result<Node, TrieError> {
    parse(bytes).ok_or(TrieError::Codec)
}

fn parse(bytes: &[u8]) -> Option<Node> {
    let (&length, rest) = bytes.split_first()?;
    let (prefix, rest) = rest.split_at_checked(usize::from(length))?;
    if prefix.len() > 64 || prefix.iter().any(|nibble| *nibble > 15) {
        return None;
    }
    let (mask, mut rest) = rest.split_at_checked(2)?;
    let mask = u16::from_be_bytes(mask.try_into().ok()?);
    let mut children: Box<[Child; 16]> = Box::default();
    for (i, child) in children.iter_mut().enumerate() {
        if mask & (1 << i) == 0 {
            continue;
        }
        let length = reference_length(*rest.first()?)?;
        let (reference, after) = rest.split_at_checked(length)?;
        *child = Child::Stub(RlpNode::from_raw(reference)?);
        rest = after;
    }
    rest.is_empty().then(|| Node::Branch {
        prefix: Nibbles::from_nibbles(prefix),
        children,
    })
}

/// A hash is `0xa0 ‖ 32 bytes`; an embedded node is an RLP list below 32 bytes.
fn reference_length(first: u8) -> Option<usize> {
    match first {
        0xa0 => Some(33),
        0xc0..0xdf => Some(usize::from(first - 0xc0) + 1),
        _ => None,
    }
}
