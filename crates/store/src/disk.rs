//! Adding what lies in the local file system.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use tokio::{fs::File, io::AsyncReadExt};
use walkdir::WalkDir;

use crate::{AddOptions, Added, Error, Result, Store};

const READ: usize = 256 * 1024;

impl Store {
    /// Adds a local file, or a folder with all it holds, hidden files too.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when something cannot be read; [`Error::InvalidPath`] on a symbolic link, a
    /// device or a name that is not UTF-8; [`Error::TooLarge`] past a limit.
    pub async fn add_path(&self, path: &Path, options: AddOptions) -> Result<Added> {
        let about = tokio::fs::metadata(path)
            .await
            .map_err(|error| Error::file(path, error))?;
        if about.is_file() {
            return self.add_file(open(path).await?, options).await;
        }
        let mut folder = self.folder(options);
        for entry in walk(path) {
            match entry? {
                (name, Some(at)) => {
                    folder.file(&name, open(&at).await?).await?;
                }
                (name, None) => folder.folder(&name)?,
            }
        }
        folder.finish().await
    }
}

/// What is in a folder, by name: files with where they are, and folders. Each directory is read at
/// once.
fn walk(root: &Path) -> impl Iterator<Item = Result<(String, Option<PathBuf>)>> {
    WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter().map(move |entry| {
        let entry = entry.map_err(|error| Error::file(root, error.into()))?;
        let invalid = |reason| Error::InvalidPath { path: entry.path().display().to_string(), reason };
        let name = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        let name = name.ok_or_else(|| invalid("names must be UTF-8"))?.to_owned();
        match entry.file_type() {
            kind if kind.is_dir() => Ok((name, None)),
            kind if kind.is_file() => Ok((name, Some(entry.into_path()))),
            _ => Err(invalid("only files and folders can be added; replace the link or device by its content")),
        }
    })
}

/// The files in a folder, by name.
pub(crate) fn files(root: &Path) -> impl Iterator<Item = Result<(String, PathBuf)>> {
    walk(root).filter_map(|entry| entry.map(|(name, at)| at.map(|at| (name, at))).transpose())
}

/// The bytes of a file.
pub(crate) async fn open(
    path: &Path,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
    let file = File::open(path)
        .await
        .map_err(|error| Error::file(path, error))?;
    Ok(stream::try_unfold(file, async |mut file| {
        let mut buffer = BytesMut::with_capacity(READ);
        let read = file.read_buf(&mut buffer).await?;
        Ok((read > 0).then(|| (buffer.freeze(), file)))
    }))
}
