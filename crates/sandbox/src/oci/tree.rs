//! The files of an image, put together in memory from its layers.
//!
//! Layers come from strangers. Nothing of them touches the disk under a name of theirs before all are read: names, links and
//! whiteouts (OCI image specification, "Layer") meet here, where a link cannot lead anywhere but to a node of the tree.

use std::collections::{BTreeMap, BTreeSet};

/// Links followed on one path.
const HOPS: usize = 40;
/// Bytes of one name, and names in a path.
const NAME: usize = 255;
const DEPTH: usize = 128;
/// Bytes of the target of a link.
const TARGET: usize = 4_095;

/// A node, by its place in [`Tree::nodes`].
pub(super) type Id = usize;

/// What is wrong with a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct TreeError(pub(super) &'static str);

/// Who may do what with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds since the epoch.
    pub(super) modified: u64,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder(BTreeMap<Vec<u8>, Id>),
    /// The number of its content.
    File(u64),
    /// The target of a symbolic link.
    Link(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The last layer that put it there, or something in it.
    layer: usize,
    pub(super) meta: Meta,
    pub(super) kind: Kind,
}

/// A tree of folders, files and links. Two names of one node are a hard link.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    layer: usize,
    /// Folders that this layer hid the older contents of.
    opaque: BTreeSet<Id>,
    /// Nodes it may have, those replaced included.
    most: usize,
}

const PLAIN: Meta = Meta {
    mode: 0o755,
    uid: 0,
    gid: 0,
    modified: 0,
};

impl Tree {
    pub(super) const ROOT: Id = 0;

    pub(super) fn new(most: usize) -> Self {
        let root = Node {
            layer: 0,
            meta: PLAIN,
            kind: Kind::Folder(BTreeMap::new()),
        };
        Self {
            nodes: vec![root],
            layer: 0,
            opaque: BTreeSet::new(),
            most,
        }
    }

    /// What comes now is of the next layer.
    pub(super) fn next_layer(&mut self) {
        self.layer += 1;
        self.opaque.clear();
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Puts a folder at `path`; what an older one holds stays.
    pub(super) fn folder(&mut self, path: &[u8], meta: Meta) -> Result<(), TreeError> {
        let names = names(path)?;
        let Some((name, parents)) = names.split_last() else {
            return self.touch(Self::ROOT, meta);
        };
        let parent = self.parent(parents)?;
        match self.child(parent, name) {
            Some(id) if self.is_folder(id) => self.touch(id, meta),
            _ => self.add(parent, name, meta, Kind::Folder(BTreeMap::new())),
        }
    }

    /// Puts a file or a symbolic link at `path`, or takes away what a whiteout of that name takes away.
    pub(super) fn put(&mut self, path: &[u8], meta: Meta, kind: Kind) -> Result<(), TreeError> {
        if matches!(&kind, Kind::Link(target) if target.is_empty() || target.len() > TARGET || target.contains(&0))
        {
            return Err(TreeError("a link has no target, or one too long"));
        }
        let names = names(path)?;
        let (name, parents) = names
            .split_last()
            .ok_or(TreeError("a file would replace the root"))?;
        let parent = self.parent(parents)?;
        match name.strip_prefix(b".wh.") {
            None => self.add(parent, name, meta, kind),
            Some(b".wh..opq") => {
                self.hide_below(parent);
                Ok(())
            }
            Some(hidden) => {
                self.hide(parent, hidden);
                Ok(())
            }
        }
    }

    /// Gives the file at `target` a second name.
    pub(super) fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Result<(), TreeError> {
        let to = names(target)?;
        let (last, parents) = to
            .split_last()
            .ok_or(TreeError("a hard link leads to a folder"))?;
        let parent = self.parent(parents)?;
        let id = self
            .child(parent, last)
            .ok_or(TreeError("a hard link leads nowhere"))?;
        if self.is_folder(id) {
            return Err(TreeError("a hard link leads to a folder"));
        }
        let names = names(path)?;
        let (name, parents) = names
            .split_last()
            .ok_or(TreeError("a file would replace the root"))?;
        let parent = self.parent(parents)?;
        self.enter(parent, name, id);
        Ok(())
    }

    /// Adds an empty folder at `path` unless something is there.
    pub(super) fn ensure_folder(&mut self, path: &str) -> Result<(), TreeError> {
        let names = names(path.as_bytes())?;
        self.parent(&names).map(|_| ())
    }

    /// The node at `path`, links followed as the app would.
    pub(super) fn find(&self, path: &[u8]) -> Option<Id> {
        let names = names(path).ok()?;
        let (path, missing) = self.walk(&names).ok()?;
        path.last().copied().filter(|_| missing.is_empty())
    }

    fn touch(&mut self, id: Id, meta: Meta) -> Result<(), TreeError> {
        let layer = self.layer;
        let node = self.nodes.get_mut(id).ok_or(LOST)?;
        (node.meta, node.layer) = (meta, layer);
        Ok(())
    }

    fn add(&mut self, parent: Id, name: &[u8], meta: Meta, kind: Kind) -> Result<(), TreeError> {
        if self.nodes.len() >= self.most {
            return Err(TreeError("it holds too many files"));
        }
        let id = self.nodes.len();
        self.nodes.push(Node {
            layer: self.layer,
            meta,
            kind,
        });
        self.enter(parent, name, id);
        Ok(())
    }

    fn enter(&mut self, parent: Id, name: &[u8], id: Id) {
        if let Some(children) = self.children(parent) {
            children.insert(name.to_owned(), id);
        }
    }

    fn child(&self, parent: Id, name: &[u8]) -> Option<Id> {
        match &self.nodes.get(parent)?.kind {
            Kind::Folder(children) => children.get(name).copied(),
            _ => None,
        }
    }

    fn is_folder(&self, id: Id) -> bool {
        self.nodes
            .get(id)
            .is_some_and(|node| matches!(node.kind, Kind::Folder(_)))
    }

    /// The folder that `names` lead to; what is missing of it is made.
    fn parent(&mut self, names: &[Vec<u8>]) -> Result<Id, TreeError> {
        let (path, missing) = self.walk(names)?;
        let mut at = path.last().copied().unwrap_or(Self::ROOT);
        if !self.is_folder(at) {
            return Err(TreeError("a file is used as a folder"));
        }
        for id in path {
            if let Some(node) = self.nodes.get_mut(id) {
                node.layer = self.layer;
            }
        }
        for name in missing.iter().rev() {
            self.add(at, name, PLAIN, Kind::Folder(BTreeMap::new()))?;
            at = self.child(at, name).ok_or(LOST)?;
        }
        Ok(at)
    }

    /// Follows `names` from the root, and links on the way, as if the root were that of the system. Gives the nodes passed,
    /// and the names after the last one that is there, the next one last.
    fn walk(&self, names: &[Vec<u8>]) -> Result<(Vec<Id>, Vec<Vec<u8>>), TreeError> {
        let mut rest: Vec<Vec<u8>> = names.iter().rev().cloned().collect();
        let mut path = vec![Self::ROOT];
        let mut hops = 0;
        while let Some(name) = rest.pop() {
            let at = path.last().copied().unwrap_or(Self::ROOT);
            if name == b".." {
                if path.len() > 1 {
                    path.pop();
                }
                continue;
            }
            let Some(id) = self.child(at, &name) else {
                rest.push(name);
                if rest.iter().any(|name| name == b"..") {
                    return Err(TreeError("a link leads through a folder that is not there"));
                }
                return Ok((path, rest));
            };
            let Some(Kind::Link(target)) = self.nodes.get(id).map(|node| &node.kind) else {
                path.push(id);
                continue;
            };
            hops += 1;
            if hops > HOPS {
                return Err(TreeError("links lead in a circle"));
            }
            if target.starts_with(b"/") {
                path.truncate(1);
            }
            rest.extend(parts(target).rev().map(<[u8]>::to_owned));
        }
        Ok((path, Vec::new()))
    }

    /// Takes `name` away if nothing of this layer is in it.
    fn hide(&mut self, parent: Id, name: &[u8]) {
        let layer = self.layer;
        let old = self
            .child(parent, name)
            .and_then(|id| self.nodes.get(id))
            .is_some_and(|node| node.layer < layer);
        if old && let Some(children) = self.children(parent) {
            children.remove(name);
        }
    }

    /// Takes away what older layers put in a folder.
    fn hide_below(&mut self, parent: Id) {
        if !self.opaque.insert(parent) {
            return;
        }
        let Some(mut children) = self.children(parent).map(std::mem::take) else {
            return;
        };
        let layer = self.layer;
        children.retain(|_, id| self.nodes.get(*id).is_some_and(|node| node.layer == layer));
        if let Some(emptied) = self.children(parent) {
            *emptied = children;
        }
    }

    fn children(&mut self, id: Id) -> Option<&mut BTreeMap<Vec<u8>, Id>> {
        match &mut self.nodes.get_mut(id)?.kind {
            Kind::Folder(children) => Some(children),
            _ => None,
        }
    }
}

const LOST: TreeError = TreeError("it is not consistent");

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
}

/// The names of a path in a layer, which leads down only.
fn names(path: &[u8]) -> Result<Vec<Vec<u8>>, TreeError> {
    let names: Vec<_> = parts(path).map(<[u8]>::to_owned).collect();
    let wrong = |name: &Vec<u8>| name == b".." || name.len() > NAME || name.contains(&0);
    if names.iter().any(wrong) || names.len() > DEPTH {
        return Err(TreeError("a path leads upwards, or is too long"));
    }
    Ok(names)
}

#[cfg(test)]
#[path = "tree/tests.rs"]
mod tests;
