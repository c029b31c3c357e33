//! Adding a folder, file by file.

use std::io;

use bytes::Bytes;
use cid::Cid;
use futures::Stream;
use rust_unixfs::{
    Metadata,
    dir::builder::{BufferingTreeBuilder, TreeBuildingFailed, TreeConstructionFailed, TreeOptions},
};

use crate::{
    AddOptions, Added, BlockSource, Error, Layout, Limits, Result, Store, add, error::excerpt,
    node, session::Session,
};

/// A folder being added; what it holds is safe from garbage collection until [`Folder::finish`],
/// which pins it.
///
/// Folders above Kubo's threshold (256 KiB of names and CIDs) are sharded as Kubo does.
#[derive(Debug)]
pub struct Folder {
    store: Store,
    session: Session,
    options: AddOptions,
    tree: BufferingTreeBuilder,
    entries: usize,
    budget: u64,
    /// Files that are entries of the root.
    top_files: Vec<Cid>,
}

impl Folder {
    pub(crate) fn new(store: Store, session: Session, options: AddOptions) -> Self {
        let mut tree = TreeOptions::default();
        tree.wrap_with_directory();
        tree.cid_version(options.layout.version);
        let budget = store.limits().upload;
        let tree = BufferingTreeBuilder::new(tree);
        Self {
            store,
            session,
            options,
            tree,
            entries: 0,
            budget,
            top_files: Vec::new(),
        }
    }

    /// Adds a file at a relative path such as `a/b.txt`; folders on the way are made.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`] for a path that is absolute, holds `..` or was given before;
    /// [`Error::TooLarge`] past a limit; [`Error::Input`] when the stream fails.
    pub async fn file<S>(&mut self, path: &str, stream: S) -> Result<Added>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        self.enter(path)?;
        let added = self.blob(stream).await?;
        self.place(path, added)?;
        Ok(added)
    }

    /// Adds a file whose name is its CID.
    pub(crate) async fn unnamed_file<S>(&mut self, stream: S) -> Result<Added>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let added = self.blob(stream).await?;
        let name = added.cid.to_string();
        self.enter(&name)?;
        self.place(&name, added)?;
        Ok(added)
    }

    /// Adds a folder, which may stay empty.
    ///
    /// # Errors
    ///
    /// As [`Folder::file`].
    pub fn folder(&mut self, path: &str) -> Result<()> {
        self.enter(path)?;
        self.tree
            .set_metadata(path, Metadata::default())
            .map_err(|error| refused(path, &error))
    }

    /// Adds an entry for content that the store already holds; it is read once, to be sure that it
    /// is whole.
    ///
    /// # Errors
    ///
    /// As [`Folder::file`], and [`Error::NotFound`] or [`Error::Corrupt`] when the store does not
    /// hold it whole.
    pub async fn link(&mut self, path: &str, cid: &Cid) -> Result<()> {
        self.enter(path)?;
        self.session.protect(cid);
        self.store.check_whole(&self.session, cid).await?;
        let size = node::cumulative_size(cid, &self.session.get(cid).await?)?;
        self.place(path, Added { cid: *cid, size })
    }

    /// Writes the folders and pins the root, if the options say so.
    ///
    /// # Errors
    ///
    /// Those of the object store.
    pub async fn finish(self) -> Result<Added> {
        let mut folders = self.write(true).await?;
        folders.pop().map(|(_, root)| root).ok_or_else(no_root)
    }

    /// Writes the folders and pins the root, or each of its entries when it was only a means to add
    /// several. Gives the folders by path, children first; the root comes last under the empty
    /// path.
    pub(crate) async fn write(self, wrap: bool) -> Result<Vec<(String, Added)>> {
        let mut nodes = self.tree.build();
        let (mut folders, mut root) = (Vec::new(), None);
        while let Some(next) = nodes.next_borrowed() {
            let node = next.map_err(|error| unbuildable(&error))?;
            let (path, block) = (node.path.to_owned(), Bytes::copy_from_slice(node.block));
            let added = Added {
                cid: *node.cid,
                size: node.total_size,
            };
            let children = node::decode(&added.cid, &block)?.links();
            self.session.put(&added.cid, block).await?;
            self.session.joined(&children);
            // The inner nodes of a sharded folder come before it, without a path; so does the root,
            // last.
            if path.is_empty() {
                root = Some(added);
            } else {
                folders.push((path, added));
            }
        }
        let root = root.ok_or_else(no_root)?;
        if self.options.pin {
            let tops = folders
                .iter()
                .filter(|(path, _)| !path.contains('/'))
                .map(|(_, added)| added.cid);
            let kept = if wrap {
                vec![root.cid]
            } else {
                tops.chain(self.top_files).collect()
            };
            for cid in kept {
                self.store.pin_written(&cid).await?;
            }
        }
        if wrap {
            folders.push((String::new(), root));
        }
        Ok(folders)
    }

    async fn blob<S>(&mut self, stream: S) -> Result<Added>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        add::write_file(
            &self.session,
            self.options.layout,
            self.store.limits(),
            &mut self.budget,
            stream,
        )
        .await
    }

    fn enter(&mut self, path: &str) -> Result<()> {
        let limits = self.store.limits();
        check_path(path, limits)?;
        self.entries += 1;
        Limits::check(
            self.entries as u64,
            limits.entries as u64,
            "entries of one upload",
        )
    }

    fn place(&mut self, path: &str, added: Added) -> Result<()> {
        self.tree
            .put_link(path, added.cid, added.size)
            .map_err(|error| refused(path, &error))?;
        if !path.contains('/') {
            self.top_files.push(added.cid);
        }
        Ok(())
    }
}

/// The CID of a folder with these files, which are not touched.
pub(crate) fn root_of(layout: Layout, files: &[(String, Added)]) -> Result<Cid> {
    let mut tree = tree(layout);
    for (path, added) in files {
        tree.put_link(path, added.cid, added.size)
            .map_err(|error| refused(path, &error))?;
    }
    let last = tree.build().last().ok_or_else(no_root)?;
    last.map(|node| node.cid)
        .map_err(|error| unbuildable(&error))
}

fn tree(layout: Layout) -> BufferingTreeBuilder {
    let mut options = TreeOptions::default();
    options.wrap_with_directory();
    options.cid_version(layout.version);
    BufferingTreeBuilder::new(options)
}

/// A relative path of plain names.
pub(crate) fn check_path(path: &str, limits: &Limits) -> Result<()> {
    let invalid = |reason| {
        Err(Error::InvalidPath {
            path: excerpt(path),
            reason,
        })
    };
    if path.starts_with('/') {
        return invalid("it must be relative");
    }
    for (index, name) in path.split('/').enumerate() {
        match name {
            "" => return invalid("it has an empty name"),
            "." | ".." => return invalid("`.` and `..` are not names"),
            _ if name.contains('\0') => return invalid("a name cannot hold a zero byte"),
            _ => Limits::check(name.len() as u64, limits.name as u64, "bytes of one name")?,
        }
        Limits::check(index as u64 + 1, limits.depth as u64, "folders in a path")?;
    }
    Ok(())
}

fn refused(path: &str, error: &TreeBuildingFailed) -> Error {
    let reason = match error {
        TreeBuildingFailed::DuplicatePath(_) => "it was given twice",
        TreeBuildingFailed::LeafAsDirectory(_) => "a part of it is a file",
        _ => "it is not a relative path of plain names",
    };
    Error::InvalidPath {
        path: excerpt(path),
        reason,
    }
}

fn unbuildable(error: &TreeConstructionFailed) -> Error {
    Error::Internal(format!("a folder could not be built: {error}"))
}

fn no_root() -> Error {
    Error::Internal("a folder without a root".to_owned())
}
