//! The file system that an app sees: a tree of its own, in which nothing of the host shows.
//!
//! Names live in memory, sorted; the bytes of input files are read from the input folder, those of written files are kept
//! in memory while they are few, and lie in a scratch folder under numbers when they are many. No path that an app utters ever reaches the host, so there is nothing to escape to; there
//! are no links of either kind, devices or permissions. Inode numbers count from the root in the order of making, times are
//! constant until the app sets them, and listings are sorted: two runs cannot tell their hosts apart.
//!
//! ```text
//! /            read-only
//! ├── iexec_in   the input folder, read-only
//! ├── iexec_out  becomes the output folder
//! └── tmp        forgotten at the end
//! ```

mod content;
mod edit;
mod error;
mod export;
mod import;
mod path;
mod scratch;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};

pub(crate) use edit::Open;
pub(crate) use error::{Errno, Error, Result, Stop};

use self::content::Content;
pub(crate) use self::scratch::Scratch;
use crate::Limits;

/// The time at which every run starts, and of every file: 2000-01-01T00:00:00Z, in nanoseconds since 1970.
pub(crate) const START_OF_TIME: u64 = 946_684_800_000_000_000;

/// A file or folder, by its inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u64);

impl NodeId {
    /// The folder that holds all others.
    pub(crate) const ROOT: Self = Self(1);

    /// The number, as `stat` shows it.
    pub(crate) fn inode(self) -> u64 {
        self.0
    }
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: HashMap<NodeId, Node>,
    last: u64,
    scratch: Scratch,
    limits: Limits,
    /// Files and folders that the app made and that still exist.
    files: usize,
    /// Bytes in files that the app made and that still exist.
    bytes: u64,
    /// Those of them that are in memory.
    held: u64,
    /// Whose bytes are open on the host, the first opened first.
    open: VecDeque<NodeId>,
}

#[derive(Debug)]
struct Node {
    name: String,
    parent: NodeId,
    kind: Kind,
    /// Times in nanoseconds since 1970.
    accessed: u64,
    modified: u64,
    /// Whether it may be changed.
    writable: bool,
    /// Whether it has a name; one without lives until its last handle is closed.
    linked: bool,
    handles: u32,
}

#[derive(Debug)]
enum Kind {
    Folder(BTreeMap<String, NodeId>),
    File(Content),
}

/// What `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) inode: u64,
    pub(crate) folder: bool,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
}

impl Tree {
    fn node(&self, id: NodeId) -> Result<&Node> {
        self.nodes
            .get(&id)
            .ok_or(Error::Errno(Errno::BadDescriptor))
    }

    fn node_mut(&mut self, id: NodeId) -> Result<&mut Node> {
        self.nodes
            .get_mut(&id)
            .ok_or(Error::Errno(Errno::BadDescriptor))
    }

    fn children(&self, id: NodeId) -> Result<&BTreeMap<String, NodeId>> {
        match &self.node(id)?.kind {
            Kind::Folder(children) => Ok(children),
            Kind::File(_) => Err(Errno::NotFolder.into()),
        }
    }

    fn children_mut(&mut self, id: NodeId) -> Result<&mut BTreeMap<String, NodeId>> {
        match &mut self.node_mut(id)?.kind {
            Kind::Folder(children) => Ok(children),
            Kind::File(_) => Err(Errno::NotFolder.into()),
        }
    }

    pub(crate) fn is_folder(&self, id: NodeId) -> Result<bool> {
        Ok(matches!(self.node(id)?.kind, Kind::Folder(_)))
    }

    pub(crate) fn is_writable(&self, id: NodeId) -> Result<bool> {
        Ok(self.node(id)?.writable)
    }

    pub(crate) fn stat(&self, id: NodeId) -> Result<Stat> {
        let node = self.node(id)?;
        let (folder, size) = match &node.kind {
            Kind::Folder(_) => (true, 0),
            Kind::File(content) => (false, content.size()),
        };
        let Node {
            accessed,
            modified,
            linked,
            ..
        } = *node;
        Ok(Stat {
            inode: id.0,
            folder,
            links: linked.into(),
            size,
            accessed,
            modified,
        })
    }

    /// Sets the times that are given, in nanoseconds since 1970.
    pub(crate) fn set_times(
        &mut self,
        id: NodeId,
        accessed: Option<u64>,
        modified: Option<u64>,
    ) -> Result<()> {
        let node = self.node_mut(id)?;
        if !node.writable {
            return Err(Errno::ReadOnly.into());
        }
        node.accessed = accessed.unwrap_or(node.accessed);
        node.modified = modified.unwrap_or(node.modified);
        Ok(())
    }

    /// What a folder holds, sorted by name.
    pub(crate) fn list(&self, folder: NodeId) -> Result<Vec<NodeId>> {
        Ok(self.children(folder)?.values().copied().collect())
    }

    /// The folder of a folder; the root is its own.
    pub(crate) fn parent(&self, id: NodeId) -> Result<NodeId> {
        Ok(self.node(id)?.parent)
    }

    /// The name of a listed file, unless it is gone since.
    pub(crate) fn name(&self, id: NodeId) -> Option<&str> {
        self.nodes
            .get(&id)
            .filter(|node| node.linked)
            .map(|node| node.name.as_str())
    }

    /// Counts a handle on `id`, which keeps it from vanishing.
    pub(crate) fn acquire(&mut self, id: NodeId) -> Result<()> {
        self.node_mut(id)?.handles += 1;
        Ok(())
    }

    /// Gives a handle back.
    pub(crate) fn release(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.handles = node.handles.saturating_sub(1);
        if node.handles == 0
            && let Kind::File(content) = &mut node.kind
        {
            content.close();
            self.open.retain(|open| *open != id);
        }
        self.forget(id);
    }

    /// Removes a node that has neither name nor handle.
    fn forget(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        if node.linked || node.handles > 0 {
            return;
        }
        if let Some(Node {
            kind: Kind::File(content),
            ..
        }) = self.nodes.remove(&id)
        {
            self.bytes = self.bytes.saturating_sub(content.size());
            self.held = self.held.saturating_sub(content.held());
            content.erase();
        }
        self.files = self.files.saturating_sub(1);
    }
}
