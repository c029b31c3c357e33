//! Nodes in memory and their hashes.

use super::{NodeKey, NodeUpdates, record};
use alloy_primitives::B256;
use alloy_trie::{
    Nibbles,
    nodes::{ExtensionNodeRef, LeafNodeRef, RlpNode},
};
use std::sync::Arc;

/// An edge of the tree: what a branch has at one nibble, or the root.
#[derive(Clone, Debug, Default)]
pub(crate) enum Child {
    /// Nothing.
    #[default]
    Empty,
    /// A node not in memory: its reference (hash, or RLP below 32 bytes).
    Stub(RlpNode),
    /// A node in memory.
    Node {
        /// The node, shared with the other versions that have it.
        node: Arc<Node>,
        /// Its reference; `None` until hashed.
        rlp: Option<RlpNode>,
        /// When it last changed; never less than that of the nodes below it.
        stamp: u64,
    },
}

/// A node in memory.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// The end of a path.
    Leaf {
        /// What is left of the key.
        rest: Nibbles,
        /// RLP value.
        value: Vec<u8>,
    },
    /// A branch, with the extension that leads to it, if any.
    Branch {
        /// The nibbles of the extension; empty for a branch without.
        prefix: Nibbles,
        /// One edge a nibble.
        children: Box<[Child; 16]>,
    },
}

impl Child {
    /// A node changed now.
    pub(crate) fn new(node: Node, stamp: u64) -> Self {
        Self::Node {
            node: Arc::new(node),
            rlp: None,
            stamp,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The reference that a parent holds; `None` if empty or not hashed yet.
    pub(crate) fn reference(&self) -> Option<&RlpNode> {
        match self {
            Self::Empty => None,
            Self::Stub(rlp) => Some(rlp),
            Self::Node { rlp, .. } => rlp.as_ref(),
        }
    }

    pub(crate) fn prune(&mut self, limit: u64) {
        let Self::Node {
            node,
            rlp: Some(rlp),
            stamp,
        } = self
        else {
            return;
        };
        if *stamp <= limit {
            *self = Self::Stub(rlp.clone());
        } else if let Node::Branch { children, .. } = Arc::make_mut(node) {
            children.iter_mut().for_each(|child| child.prune(limit));
        }
    }

    pub(crate) fn resident(&self) -> usize {
        match self {
            Self::Node { node, .. } => match &**node {
                Node::Leaf { .. } => 1,
                Node::Branch { children, .. } => {
                    1 + children.iter().map(Self::resident).sum::<usize>()
                }
            },
            _ => 0,
        }
    }
}

/// RLP of the branch proper, without its extension.
pub(crate) fn encode_branch(children: &[Child; 16], out: &mut Vec<u8>) {
    let reference = |child: &Child| child.reference().map_or(1, |rlp| rlp.len());
    let payload_length = children.iter().map(reference).sum::<usize>() + 1;
    alloy::rlp::Header {
        list: true,
        payload_length,
    }
    .encode(out);
    for child in children {
        match child.reference() {
            Some(rlp) => out.extend_from_slice(rlp),
            None => out.push(alloy::rlp::EMPTY_STRING_CODE),
        }
    }
    out.push(alloy::rlp::EMPTY_STRING_CODE);
}

/// The reference of a node whose children are all hashed.
pub(crate) fn reference(node: &Node, buffer: &mut Vec<u8>) -> RlpNode {
    buffer.clear();
    match node {
        Node::Leaf { rest, value } => LeafNodeRef::new(rest, value).rlp(buffer),
        Node::Branch { prefix, children } => {
            encode_branch(children, buffer);
            let branch = RlpNode::from_rlp(buffer);
            if prefix.is_empty() {
                return branch;
            }
            buffer.clear();
            ExtensionNodeRef::new(prefix, &branch).rlp(buffer)
        }
    }
}

/// Hashes what changed, from the leaves up.
pub(crate) struct Hasher<'a> {
    owner: Option<B256>,
    written: &'a mut NodeUpdates,
    buffer: Vec<u8>,
}

impl<'a> Hasher<'a> {
    pub(crate) fn new(owner: Option<B256>, written: &'a mut NodeUpdates) -> Self {
        Self {
            owner,
            written,
            buffer: Vec::with_capacity(600),
        }
    }

    /// The reference of `child`, which starts at `path`; `None` if there is nothing.
    pub(crate) fn hash(&mut self, child: &mut Child, path: Nibbles) -> Option<RlpNode> {
        let Child::Node { node, rlp, .. } = child else {
            return child.reference().cloned();
        };
        if let Some(rlp) = rlp {
            return Some(rlp.clone());
        }
        if let Node::Branch { prefix, children } = Arc::make_mut(node) {
            let inner = path.join(prefix);
            for (nibble, child) in (0u8..16).zip(children.iter_mut()) {
                if matches!(child, Child::Node { rlp: None, .. }) {
                    let mut below = inner;
                    below.push(nibble);
                    self.hash(child, below);
                }
            }
            self.written.insert(
                NodeKey::new(self.owner, &path),
                Some(record::encode(prefix, children)),
            );
        }
        *rlp = Some(reference(node, &mut self.buffer));
        rlp.clone()
    }
}
