//! What was found for the tasks of a range, as bytes.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use super::{Codec, Content, Leaf, MAX_COUNT};

/// Bytes of a leaf: digest, codec, SHA-256.
const LEAF: usize = 65;

/// The leaves of a range in the order of their tasks; 65 bytes for each, one string in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct Leaves(pub Vec<Leaf>);

/// Bytes that are no leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not those of 1 to {MAX_COUNT} results")]
pub struct NoLeaves;

impl Leaves {
    /// Most bytes of leaves.
    pub const MAX_BYTES: usize = LEAF * MAX_COUNT as usize;
}

impl TryFrom<Bytes> for Leaves {
    type Error = NoLeaves;

    fn try_from(bytes: Bytes) -> Result<Self, NoLeaves> {
        let (leaves, rest) = bytes.as_chunks::<LEAF>();
        if !rest.is_empty() || leaves.is_empty() || leaves.len() > usize::from(MAX_COUNT) {
            return Err(NoLeaves);
        }
        let read = |leaf: &[u8; LEAF]| {
            let [digest @ .., _] = leaf.first_chunk::<33>().ok_or(NoLeaves)?;
            let codec = Codec::try_from(leaf[32]).map_err(|_| NoLeaves)?;
            let sha256 = leaf.last_chunk::<32>().ok_or(NoLeaves)?;
            let content = Content {
                codec,
                sha256: B256::new(*sha256),
            };
            Ok(Leaf {
                digest: B256::new(*digest),
                content,
            })
        };
        leaves.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Leaves> for Bytes {
    fn from(leaves: Leaves) -> Self {
        let mut bytes = Vec::with_capacity(leaves.0.len() * LEAF);
        for leaf in leaves.0 {
            bytes.extend(leaf.digest);
            bytes.push(leaf.content.codec.into());
            bytes.extend(leaf.content.sha256);
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn leaves_travel_and_nothing_else_is_taken_for_some(found in prop::collection::vec(any::<([u8; 32], bool, [u8; 32])>(), 1..20), cut in 1_usize..64) {
            let leaves = found.into_iter().map(|(digest, raw, sha256)| Leaf {
                digest: B256::new(digest),
                content: Content { codec: if raw { Codec::Raw } else { Codec::DagPb }, sha256: B256::new(sha256) },
            });
            let leaves = Leaves(leaves.collect());
            let bytes = Bytes::from(leaves.clone());
            prop_assert_eq!(Leaves::try_from(bytes.clone()), Ok(leaves.clone()));
            prop_assert_eq!(Leaves::try_from(bytes.slice(cut..)), Err(NoLeaves));
            let json = serde_json::to_string(&leaves).unwrap();
            prop_assert_eq!(serde_json::from_str::<Leaves>(&json).unwrap(), leaves);
        }

        #[test]
        fn bytes_from_outside_never_panic(bytes: Vec<u8>) {
            let _ = Leaves::try_from(Bytes::from(bytes));
        }
    }
}
