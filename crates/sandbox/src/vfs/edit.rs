//! Making, renaming and removing files.

use super::{
    Errno, Kind, Node, NodeId, Result, START_OF_TIME, Stop, Tree, content::Content, path::Place,
};
use crate::Failure;

/// How a path is to be opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Open {
    /// Make the file when there is none.
    pub(crate) create: bool,
    /// With `create`: fail when there is one.
    pub(crate) exclusive: bool,
    /// Empty the file.
    pub(crate) truncate: bool,
    /// Fail unless it is a folder.
    pub(crate) folder: bool,
    /// The handle is for writing.
    pub(crate) write: bool,
}

impl Tree {
    /// Opens the file or folder at `path` under `base`, and counts a handle on it.
    pub(crate) fn open(&mut self, base: NodeId, path: &str, how: Open) -> Result<NodeId> {
        if how.folder && (how.create || how.truncate) {
            return Err(Errno::Invalid.into());
        }
        let id = if how.create {
            self.open_or_make(base, path, how.exclusive)?
        } else {
            self.lookup(base, path)?
        };
        let folder = self.is_folder(id)?;
        if how.folder && !folder {
            return Err(Errno::NotFolder.into());
        }
        if how.write || how.truncate {
            if folder {
                return Err(Errno::IsFolder.into());
            }
            if !self.is_writable(id)? {
                return Err(Errno::ReadOnly.into());
            }
        }
        if how.truncate {
            self.set_size(id, 0)?;
        }
        self.acquire(id)?;
        Ok(id)
    }

    fn open_or_make(&mut self, base: NodeId, path: &str, exclusive: bool) -> Result<NodeId> {
        if path == "." {
            return if exclusive {
                Err(Errno::Exists.into())
            } else {
                Ok(base)
            };
        }
        let place = self.place(base, path)?;
        match self.at(&place)? {
            Some(_) if exclusive => Err(Errno::Exists.into()),
            Some(_) => self.lookup(base, path),
            None if place.must_be_folder => Err(Errno::IsFolder.into()),
            None => self.make(&place, Kind::File(Content::written())),
        }
    }

    /// Makes an empty folder.
    pub(crate) fn make_folder(&mut self, base: NodeId, path: &str) -> Result<()> {
        let place = self.place(base, path)?;
        match self.at(&place)? {
            Some(_) => Err(Errno::Exists.into()),
            None => self
                .make(&place, Kind::Folder(Default::default()))
                .map(|_| ()),
        }
    }

    fn make(&mut self, place: &Place<'_>, kind: Kind) -> Result<NodeId> {
        self.check_place(place)?;
        if self.files >= self.limits.files {
            return Err(Stop::from(Failure::TooManyFiles {
                limit: self.limits.files,
            })
            .into());
        }
        self.files += 1;
        self.attach(place.folder, place.name, kind, true)
    }

    /// Puts a new node under its name, and gives it the next number.
    pub(super) fn attach(
        &mut self,
        parent: NodeId,
        name: &str,
        kind: Kind,
        writable: bool,
    ) -> Result<NodeId> {
        self.last += 1;
        let id = NodeId(self.last);
        let (accessed, modified) = (START_OF_TIME, START_OF_TIME);
        let node = Node {
            name: name.to_owned(),
            parent,
            kind,
            accessed,
            modified,
            writable,
            linked: true,
            handles: 0,
        };
        self.nodes.insert(id, node);
        self.children_mut(parent)?.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Whether something may be put there.
    fn check_place(&self, place: &Place<'_>) -> Result<()> {
        let folder = self.node(place.folder)?;
        if !folder.linked {
            return Err(Errno::NoEntry.into());
        }
        if !folder.writable {
            return Err(Errno::ReadOnly.into());
        }
        // A result must unpack on any system.
        if place
            .name
            .chars()
            .any(|character| character.is_control() || character == '\\')
        {
            return Err(Errno::IllegalName.into());
        }
        // The depth of the folder counts the mount, as the path of the file under it counts the file.
        if place.name.len() > self.limits.name_bytes
            || self.depth(place.folder)? > self.limits.path_depth
        {
            return Err(Errno::NameTooLong.into());
        }
        Ok(())
    }

    /// Removes a file; open handles on it stay good.
    pub(crate) fn remove_file(&mut self, base: NodeId, path: &str) -> Result<()> {
        let place = self.place(base, path)?;
        let id = self.at(&place)?.ok_or(Errno::NoEntry)?;
        if self.is_folder(id)? {
            return Err(Errno::IsFolder.into());
        }
        if place.must_be_folder {
            return Err(Errno::NotFolder.into());
        }
        self.unlink(&place, id)
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&mut self, base: NodeId, path: &str) -> Result<()> {
        let place = self.place(base, path)?;
        let id = self.at(&place)?.ok_or(Errno::NoEntry)?;
        if !self.children(id)?.is_empty() {
            return Err(Errno::NotEmpty.into());
        }
        self.unlink(&place, id)
    }

    fn unlink(&mut self, place: &Place<'_>, id: NodeId) -> Result<()> {
        if !self.is_writable(place.folder)? {
            return Err(Errno::ReadOnly.into());
        }
        self.children_mut(place.folder)?.remove(place.name);
        self.node_mut(id)?.linked = false;
        self.forget(id);
        Ok(())
    }

    /// Renames, and replaces a file or an empty folder that stands in the way.
    pub(crate) fn rename(&mut self, from: (NodeId, &str), to: (NodeId, &str)) -> Result<()> {
        let (old, new) = (self.place(from.0, from.1)?, self.place(to.0, to.1)?);
        let id = self.at(&old)?.ok_or(Errno::NoEntry)?;
        if !self.is_writable(old.folder)? {
            return Err(Errno::ReadOnly.into());
        }
        self.check_place(&new)?;
        let folder = self.is_folder(id)?;
        if (old.must_be_folder || new.must_be_folder) && !folder {
            return Err(Errno::NotFolder.into());
        }
        if folder {
            self.check_move(id, new.folder)?;
        }
        match self.at(&new)? {
            Some(there) if there == id => return Ok(()),
            Some(there) => match (folder, self.is_folder(there)?) {
                (true, true) => self.remove_folder(to.0, to.1)?,
                (false, false) => self.unlink(&new, there)?,
                (true, false) => return Err(Errno::NotFolder.into()),
                (false, true) => return Err(Errno::IsFolder.into()),
            },
            None => {}
        }
        self.children_mut(old.folder)?.remove(old.name);
        self.children_mut(new.folder)?
            .insert(new.name.to_owned(), id);
        let node = self.node_mut(id)?;
        node.name = new.name.to_owned();
        node.parent = new.folder;
        Ok(())
    }

    /// Whether folder `id` may move into `target`: not into itself, and not so that anything gets too deep.
    fn check_move(&self, id: NodeId, target: NodeId) -> Result<()> {
        let mut above = target;
        while above != NodeId::ROOT {
            if above == id {
                return Err(Errno::Invalid.into());
            }
            above = self.parent(above)?;
        }
        if self.depth(target)? + self.height(id)? > self.limits.path_depth {
            return Err(Errno::NameTooLong.into());
        }
        Ok(())
    }

    /// Names on the longest path below `id`. Paths are short, so this does not recurse deep.
    fn height(&self, id: NodeId) -> Result<usize> {
        if !self.is_folder(id)? {
            return Ok(0);
        }
        let mut height = 0;
        for child in self.children(id)?.values() {
            height = height.max(1 + self.height(*child)?);
        }
        Ok(height)
    }
}
