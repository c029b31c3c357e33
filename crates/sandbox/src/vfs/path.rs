//! From the paths that an app utters to nodes of its tree.

use super::{Errno, NodeId, Result, Tree};

/// The longest path, in bytes, as on Linux.
const MAX_PATH: usize = 4096;

/// A name that may or may not exist, in a folder that does.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) folder: NodeId,
    pub(super) name: &'a str,
    /// Whether the path ended in `/` and so must be a folder.
    pub(super) must_be_folder: bool,
}

impl Tree {
    /// The node at `path` under `base`.
    pub(crate) fn lookup(&self, base: NodeId, path: &str) -> Result<NodeId> {
        let (node, _) = self.walk(base, check(path)?)?;
        if path.ends_with('/') && !self.is_folder(node)? {
            return Err(Errno::NotFolder.into());
        }
        Ok(node)
    }

    /// The folder that holds the last name of `path`, and that name.
    pub(super) fn place<'a>(&self, base: NodeId, path: &'a str) -> Result<Place<'a>> {
        let trimmed = check(path)?.trim_end_matches('/');
        let (folders, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        if matches!(name, "" | "." | "..") {
            return Err(Errno::Invalid.into());
        }
        let (folder, _) = self.walk(base, folders)?;
        self.children(folder)?;
        Ok(Place {
            folder,
            name,
            must_be_folder: trimmed.len() < path.len(),
        })
    }

    /// What stands at a place.
    pub(super) fn at(&self, place: &Place<'_>) -> Result<Option<NodeId>> {
        Ok(self.children(place.folder)?.get(place.name).copied())
    }

    /// Follows `path` and counts how deep under `base` it ends; no step may lead above `base`.
    fn walk(&self, base: NodeId, path: &str) -> Result<(NodeId, usize)> {
        let mut node = base;
        let mut depth = 0_usize;
        self.children(base)?;
        for name in path.split('/') {
            match name {
                "" | "." => {
                    self.children(node)?;
                }
                ".." => {
                    self.children(node)?;
                    depth = depth.checked_sub(1).ok_or(Errno::NotCapable)?;
                    node = self.parent(node)?;
                }
                _ => {
                    node = *self.children(node)?.get(name).ok_or(Errno::NoEntry)?;
                    depth += 1;
                }
            }
        }
        Ok((node, depth))
    }

    /// Names between the root and `id`.
    pub(super) fn depth(&self, mut id: NodeId) -> Result<usize> {
        let mut depth = 0;
        while id != NodeId::ROOT {
            id = self.parent(id)?;
            depth += 1;
        }
        Ok(depth)
    }
}

fn check(path: &str) -> Result<&str> {
    match path {
        "" => Err(Errno::NoEntry.into()),
        _ if path.len() > MAX_PATH => Err(Errno::NameTooLong.into()),
        _ if path.starts_with('/') => Err(Errno::NotCapable.into()),
        _ if path.contains('\0') => Err(Errno::IllegalName.into()),
        _ => Ok(path),
    }
}
