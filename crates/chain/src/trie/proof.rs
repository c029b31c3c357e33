//! Merkle proofs of one key (EIP-1186).

use super::{Child, Node, NodeSource, TrieError, node, update};
use alloy_primitives::B256;
use alloy_trie::{
    Nibbles,
    nodes::{ExtensionNodeRef, LeafNodeRef, RlpNode},
};

/// The RLP of each node from the root to where `key` is, or would be. Nodes embedded in their
/// parent are not repeated.
pub(super) fn prove(
    owner: Option<B256>,
    root: &mut Child,
    source: &dyn NodeSource,
    key: &Nibbles,
) -> Result<Vec<Vec<u8>>, TrieError> {
    let mut proof = Vec::new();
    let mut push = |rlp: Vec<u8>| {
        if proof.is_empty() || rlp.len() >= 32 {
            proof.push(rlp);
        }
    };
    let mut depth = 0;
    let mut child = root;
    loop {
        update::resolve(owner, source, child, &key.slice(..depth))?;
        let Child::Node { node, .. } = child else {
            break;
        };
        match std::sync::Arc::make_mut(node) {
            Node::Leaf { rest, value } => {
                let mut rlp = Vec::new();
                LeafNodeRef::new(rest, value).rlp(&mut rlp);
                push(rlp);
                break;
            }
            Node::Branch { prefix, children } => {
                let mut branch = Vec::new();
                node::encode_branch(children, &mut branch);
                if !prefix.is_empty() {
                    let mut rlp = Vec::new();
                    ExtensionNodeRef::new(prefix, &RlpNode::from_rlp(&branch)).rlp(&mut rlp);
                    push(rlp);
                }
                if !key.slice(depth..).starts_with(prefix) {
                    break;
                }
                push(branch);
                depth += prefix.len() + 1;
                child = &mut children[usize::from(key.get_unchecked(depth - 1))];
            }
        }
    }
    Ok(proof)
}
