use std::collections::BTreeMap;

use crate::vfs::{Errno, NodeId, Result};

/// Descriptors that may be open at once.
pub(super) const MAX_DESCRIPTORS: usize = 256;

/// The descriptor of the root, the only folder that is open from the start.
pub(super) const ROOT: u32 = 3;

/// Open descriptors by number.
#[derive(Debug)]
pub(super) struct Descriptors(BTreeMap<u32, Descriptor>);

/// What a number stands for.
#[derive(Debug)]
pub(super) enum Descriptor {
    /// Standard input, which is empty.
    Stdin,
    Stdout,
    Stderr,
    /// A file or folder, which the tree counts as open.
    Node(Handle),
}

/// An open file or folder.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) node: NodeId,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    /// Where the next read or write happens.
    pub(super) position: u64,
    /// Of a folder, what the listing under way will tell: a snapshot.
    pub(super) listing: Vec<NodeId>,
}

impl Handle {
    pub(super) fn folder(node: NodeId) -> Self {
        Self {
            node,
            read: true,
            write: false,
            append: false,
            position: 0,
            listing: Vec::new(),
        }
    }
}

impl Default for Descriptors {
    fn default() -> Self {
        Self(BTreeMap::from([
            (0, Descriptor::Stdin),
            (1, Descriptor::Stdout),
            (2, Descriptor::Stderr),
            (ROOT, Descriptor::Node(Handle::folder(NodeId::ROOT))),
        ]))
    }
}

impl Descriptors {
    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor> {
        Ok(self.0.get(&fd).ok_or(Errno::BadDescriptor)?)
    }

    pub(super) fn handle(&mut self, fd: u32) -> Result<&mut Handle> {
        match self.0.get_mut(&fd) {
            Some(Descriptor::Node(handle)) => Ok(handle),
            Some(_) => Err(Errno::Invalid.into()),
            None => Err(Errno::BadDescriptor.into()),
        }
    }

    pub(super) fn has_room(&self) -> Result<()> {
        if self.0.len() < MAX_DESCRIPTORS {
            Ok(())
        } else {
            Err(Errno::TooManyDescriptors.into())
        }
    }

    /// Gives the lowest free number.
    pub(super) fn add(&mut self, handle: Handle) -> u32 {
        let fd = (0..)
            .zip(self.0.keys())
            .find(|(expected, fd)| expected != *fd)
            .map_or(self.0.len() as u32, |(free, _)| free);
        self.0.insert(fd, Descriptor::Node(handle));
        fd
    }

    pub(super) fn remove(&mut self, fd: u32) -> Result<Descriptor> {
        Ok(self.0.remove(&fd).ok_or(Errno::BadDescriptor)?)
    }

    /// Moves `from` to the number `to`, and gives what was there.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<Option<Descriptor>> {
        self.get(to)?;
        let moved = self.remove(from)?;
        let replaced = self.0.insert(to, moved);
        Ok(if from == to { None } else { replaced })
    }
}
