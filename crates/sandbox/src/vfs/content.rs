//! The bytes of files.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
};

use super::{Errno, Error, Kind, NodeId, Result, Stop, Tree};
use crate::{Failure, Fault};

/// Files that one run may hold open on the host. An app may have more descriptors: the file that was opened first is closed,
/// and opened again when it is used.
const MAX_OPEN: usize = 32;

/// The bytes of one file, on the host.
#[derive(Debug)]
pub(super) struct Content {
    path: PathBuf,
    size: u64,
    /// Whether the file exists on the host: one that was never written to does not.
    exists: bool,
    writable: bool,
    /// Open while the app has a handle and has used it.
    file: Option<File>,
}

impl Content {
    /// An input file.
    pub(super) fn input(path: PathBuf, size: u64) -> Self {
        Self {
            path,
            size,
            exists: true,
            writable: false,
            file: None,
        }
    }

    /// A new, empty file of the app.
    pub(super) fn written(path: PathBuf) -> Self {
        Self {
            path,
            size: 0,
            exists: false,
            writable: true,
            file: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Removes the file from the host. One that stays behind goes with the scratch folder.
    pub(super) fn erase(&self) {
        if self.exists && self.writable {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Moves the file to `target`.
    pub(super) fn export(&mut self, target: PathBuf) -> std::result::Result<(), Fault> {
        self.close();
        if self.exists {
            fs::rename(&self.path, &target).map_err(Fault::disk(&target))
        } else {
            File::create_new(&target)
                .map(|_| ())
                .map_err(Fault::disk(&target))
        }
    }

    fn file(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None if self.writable => File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&self.path)?,
            None => File::open(&self.path)?,
        };
        self.exists = true;
        Ok(self.file.insert(file))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        self.file()?.read_exact_at(&mut buffer[..wanted], offset)?;
        Ok(wanted)
    }

    fn fault(&self, source: io::Error) -> Error {
        Stop::from(Fault::Disk {
            path: self.path.clone(),
            source,
        })
        .into()
    }
}

impl Tree {
    fn content(&mut self, id: NodeId) -> Result<&mut Content> {
        match &mut self.node_mut(id)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Folder(_) => Err(Errno::IsFolder.into()),
        }
    }

    /// The content of a file that is about to be used, with room for it among the open files.
    fn used(&mut self, id: NodeId) -> Result<&mut Content> {
        if self.content(id)?.file.is_none() {
            while self.open.len() >= MAX_OPEN
                && let Some(oldest) = self.open.pop_front()
            {
                if let Ok(content) = self.content(oldest) {
                    content.close();
                }
            }
            self.open.push_back(id);
        }
        self.content(id)
    }

    /// Reads at `offset` as much as `buffer` holds; less only at the end of the file.
    pub(crate) fn read(&mut self, id: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let content = self.used(id)?;
        content
            .read(offset, buffer)
            .map_err(|error| content.fault(error))
    }

    /// Writes all of `bytes` at `offset`.
    pub(crate) fn write(&mut self, id: NodeId, offset: u64, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset
            .checked_add(bytes.len() as u64)
            .ok_or(Errno::FileTooLarge)?;
        let size = self.content(id)?.size();
        self.resize(id, size.max(end))?;
        let content = self.used(id)?;
        match content
            .file()
            .and_then(|file| file.write_all_at(bytes, offset))
        {
            Ok(()) => Ok(()),
            Err(error) => Err(content.fault(error)),
        }
    }

    /// Cuts a file, or lengthens it with zeros.
    pub(crate) fn set_size(&mut self, id: NodeId, size: u64) -> Result<()> {
        if self.content(id)?.size() == size {
            return if self.is_writable(id)? {
                Ok(())
            } else {
                Err(Errno::ReadOnly.into())
            };
        }
        self.resize(id, size)?;
        let content = self.used(id)?;
        match content.file().and_then(|file| file.set_len(size)) {
            Ok(()) => Ok(()),
            Err(error) => Err(content.fault(error)),
        }
    }

    /// Accounts for a new size.
    fn resize(&mut self, id: NodeId, size: u64) -> Result<()> {
        let (bytes, limit) = (self.bytes, self.limits.output_bytes);
        let content = self.content(id)?;
        if !content.writable {
            return Err(Errno::ReadOnly.into());
        }
        let total = (bytes - content.size).saturating_add(size);
        if total > limit {
            return Err(Stop::from(Failure::OutputTooLarge { limit }).into());
        }
        content.size = size;
        self.bytes = total;
        Ok(())
    }
}
