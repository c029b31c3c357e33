//! Insertion and removal of one key.

use super::{Child, Node, NodeKey, NodeSource, NodeUpdates, TrieError, node, record};
use alloy_primitives::B256;
use alloy_trie::{Nibbles, nodes::RlpNode};
use std::sync::Arc;

/// One change under way: the key, and where to read what is not in memory.
pub(crate) struct Update<'a> {
    pub(crate) owner: Option<B256>,
    pub(crate) source: &'a dyn NodeSource,
    pub(crate) stamp: u64,
    pub(crate) key: Nibbles,
    /// Where branches stopped existing. One that exists again is overwritten when it is hashed.
    pub(crate) removed: &'a mut NodeUpdates,
}

/// Reads the node behind a stub and checks it against the reference.
pub(crate) fn load(
    owner: Option<B256>,
    source: &dyn NodeSource,
    path: &Nibbles,
    expected: &RlpNode,
) -> Result<Node, TrieError> {
    let node = match source.branch(owner, path)? {
        Some(bytes) => record::decode(&bytes)?,
        None => {
            let missing = || TrieError::Missing { owner, path: *path };
            let (key, value) = source.leaf(owner, path)?.ok_or_else(missing)?;
            let key = Nibbles::unpack(key);
            Node::Leaf {
                rest: key.slice(path.len()..),
                value,
            }
        }
    };
    let found = node::reference(&node, &mut Vec::with_capacity(600));
    if found == *expected {
        Ok(node)
    } else {
        Err(TrieError::Mismatch { owner, path: *path })
    }
}

/// Brings the node of `child` into memory; what is read from storage has stamp 0.
pub(crate) fn resolve(
    owner: Option<B256>,
    source: &dyn NodeSource,
    child: &mut Child,
    path: &Nibbles,
) -> Result<(), TrieError> {
    if let Child::Stub(rlp) = child {
        let node = Arc::new(load(owner, source, path, rlp)?);
        *child = Child::Node {
            node,
            rlp: Some(rlp.clone()),
            stamp: 0,
        };
    }
    Ok(())
}

impl Update<'_> {
    /// Sets the value of the key.
    pub(crate) fn insert(&mut self, root: &mut Child, value: Vec<u8>) -> Result<(), TrieError> {
        self.insert_at(root, 0, value)
    }

    /// Removes the key, if it is there.
    pub(crate) fn remove(&mut self, root: &mut Child) -> Result<(), TrieError> {
        self.remove_at(root, 0).map(drop)
    }

    fn forget(&mut self, path: &Nibbles) {
        self.removed.insert(NodeKey::new(self.owner, path), None);
    }

    fn insert_at(
        &mut self,
        child: &mut Child,
        depth: usize,
        value: Vec<u8>,
    ) -> Result<(), TrieError> {
        resolve(self.owner, self.source, child, &self.key.slice(..depth))?;
        let key = self.key.slice(depth..);
        let Child::Node { node, rlp, stamp } = child else {
            *child = Child::new(Node::Leaf { rest: key, value }, self.stamp);
            return Ok(());
        };
        (*rlp, *stamp) = (None, self.stamp);
        match Arc::make_mut(node) {
            Node::Leaf { rest, value: old } if *rest == key => *old = value,
            Node::Leaf { rest, value: old } => {
                let leaf = |rest: Nibbles| {
                    Child::new(
                        Node::Leaf {
                            rest,
                            value: std::mem::take(old),
                        },
                        self.stamp,
                    )
                };
                let (prefix, mut children) = split(rest, &key, leaf);
                place(&mut children, &key, prefix.len(), value, self.stamp);
                *Arc::make_mut(node) = Node::Branch { prefix, children };
            }
            Node::Branch { prefix, children } if key.starts_with(prefix) => {
                let at = prefix.len();
                let nibble = usize::from(key.get_unchecked(at));
                return self.insert_at(&mut children[nibble], depth + at + 1, value);
            }
            Node::Branch { prefix, children } => {
                let below = std::mem::take(children);
                let branch = |prefix: Nibbles| {
                    Child::new(
                        Node::Branch {
                            prefix,
                            children: below,
                        },
                        self.stamp,
                    )
                };
                let (prefix, mut children) = split(prefix, &key, branch);
                place(&mut children, &key, prefix.len(), value, self.stamp);
                *Arc::make_mut(node) = Node::Branch { prefix, children };
            }
        }
        Ok(())
    }

    /// Whether anything was removed.
    fn remove_at(&mut self, child: &mut Child, depth: usize) -> Result<bool, TrieError> {
        let path = self.key.slice(..depth);
        resolve(self.owner, self.source, child, &path)?;
        let key = self.key.slice(depth..);
        let Child::Node { node, rlp, stamp } = child else {
            return Ok(false);
        };
        match &**node {
            Node::Leaf { rest, .. } => {
                let found = *rest == key;
                if found {
                    *child = Child::Empty;
                }
                return Ok(found);
            }
            Node::Branch { prefix, .. } if !key.starts_with(prefix) => return Ok(false),
            Node::Branch { .. } => {}
        }
        let Node::Branch { prefix, children } = Arc::make_mut(node) else {
            return Ok(false);
        };
        let at = prefix.len();
        let nibble = usize::from(key.get_unchecked(at));
        if !self.remove_at(&mut children[nibble], depth + at + 1)? {
            return Ok(false);
        }
        (*rlp, *stamp) = (None, self.stamp);
        let mut left = (0u8..16)
            .zip(children.iter_mut())
            .filter(|(_, child)| !child.is_empty());
        if let (Some((nibble, last)), None) = (left.next(), left.next()) {
            let merged = self.collapse(&path, prefix, nibble, last)?;
            *child = Child::new(merged, self.stamp);
        }
        Ok(true)
    }

    /// A branch at `path` with one child left becomes that child, with a longer path.
    fn collapse(
        &mut self,
        path: &Nibbles,
        prefix: &Nibbles,
        nibble: u8,
        last: &mut Child,
    ) -> Result<Node, TrieError> {
        let mut joined = *prefix;
        joined.push(nibble);
        let below = path.join(&joined);
        resolve(self.owner, self.source, last, &below)?;
        self.forget(path);
        let Child::Node { node, .. } = last else {
            return Err(TrieError::Missing {
                owner: self.owner,
                path: below,
            });
        };
        Ok(match Arc::unwrap_or_clone(Arc::clone(node)) {
            Node::Leaf { rest, value } => Node::Leaf {
                rest: joined.join(&rest),
                value,
            },
            Node::Branch { prefix, children } => {
                self.forget(&below);
                Node::Branch {
                    prefix: joined.join(&prefix),
                    children,
                }
            }
        })
    }
}

/// Splits `old` where it leaves `key`: the common prefix, and children with what was at `old` in
/// its new place.
fn split(
    old: &Nibbles,
    key: &Nibbles,
    make: impl FnOnce(Nibbles) -> Child,
) -> (Nibbles, Box<[Child; 16]>) {
    let common = old.common_prefix_length(key);
    let mut children: Box<[Child; 16]> = Box::default();
    children[usize::from(old.get_unchecked(common))] = make(old.slice(common + 1..));
    (key.slice(..common), children)
}

/// Puts a new leaf beside the old child of a split.
fn place(children: &mut [Child; 16], key: &Nibbles, common: usize, value: Vec<u8>, stamp: u64) {
    let rest = key.slice(common + 1..);
    children[usize::from(key.get_unchecked(common))] =
        Child::new(Node::Leaf { rest, value }, stamp);
}
