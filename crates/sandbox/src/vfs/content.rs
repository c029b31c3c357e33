//! The bytes of files.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{Errno, Error, Kind, NodeId, Result, Stop, Tree};
use crate::{Failure, Fault};

/// Files that one run may hold open on the host. An app may have more descriptors: the file that was opened first is closed,
/// and opened again when it is used.
const MAX_OPEN: usize = 32;

/// Bytes of a written file that is kept in memory, at most: to make a file on the host, move it and remove it takes longer
/// than many a run.
const SMALL: u64 = 64 << 10;
/// Bytes of all of them together.
const ALL_SMALL: u64 = 4 << 20;

/// The bytes of one file.
#[derive(Debug)]
pub(super) struct Content {
    place: Place,
    size: u64,
    /// Open while the app has a handle and has used it.
    file: Option<File>,
}

/// Where they are.
#[derive(Debug)]
enum Place {
    /// In a file of the host that is only read.
    Input(PathBuf),
    /// Here, as many as `size` says.
    Memory(Vec<u8>),
    /// In a file of the host, in the scratch folder.
    Scratch(PathBuf),
}

/// What a file of the app leaves.
pub(super) enum Left {
    /// All its bytes.
    Bytes(Bytes),
    /// A file, which was moved.
    Moved(u64),
}

impl Content {
    /// An input file.
    pub(super) fn input(path: PathBuf, size: u64) -> Self {
        Self {
            place: Place::Input(path),
            size,
            file: None,
        }
    }

    /// A new, empty file of the app.
    pub(super) fn written() -> Self {
        Self {
            place: Place::Memory(Vec::new()),
            size: 0,
            file: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes it keeps in memory.
    pub(super) fn held(&self) -> u64 {
        match self.place {
            Place::Memory(_) => self.size,
            Place::Input(_) | Place::Scratch(_) => 0,
        }
    }

    fn is_writable(&self) -> bool {
        !matches!(self.place, Place::Input(_))
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Removes the file from the host. One that stays behind goes with the scratch folder.
    pub(super) fn erase(&self) {
        if let Place::Scratch(path) = &self.place {
            let _ = fs::remove_file(path);
        }
    }

    /// Moves the file to `target`, if it is one of the host.
    pub(super) fn export(&mut self, target: &Path) -> std::result::Result<Left, Fault> {
        self.close();
        match &mut self.place {
            Place::Memory(bytes) => Ok(Left::Bytes(std::mem::take(bytes).into())),
            Place::Input(path) | Place::Scratch(path) => {
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder).map_err(Fault::disk(folder))?;
                }
                fs::rename(path, target).map_err(Fault::disk(target))?;
                Ok(Left::Moved(self.size))
            }
        }
    }

    /// Goes on in a file of the host.
    fn spill(&mut self, path: PathBuf) -> io::Result<()> {
        if let Place::Memory(bytes) = &self.place {
            fs::write(&path, bytes)?;
            self.place = Place::Scratch(path);
        }
        Ok(())
    }

    fn file(&mut self) -> io::Result<&File> {
        let file = match (self.file.take(), &self.place) {
            (Some(file), _) => file,
            (None, Place::Input(path)) => File::open(path)?,
            (None, Place::Scratch(path)) => File::options().read(true).write(true).open(path)?,
            (None, Place::Memory(_)) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(self.file.insert(file))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..wanted];
        if let Place::Memory(bytes) = &self.place {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            buffer.copy_from_slice(&bytes[from..from + wanted]);
        } else {
            self.file()?.read_exact_at(buffer, offset)?;
        }
        Ok(wanted)
    }

    fn write(&mut self, offset: u64, new: &[u8]) -> io::Result<()> {
        if let Place::Memory(bytes) = &mut self.place {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            bytes[from..from + new.len()].copy_from_slice(new);
            return Ok(());
        }
        self.file()?.write_all_at(new, offset)
    }

    /// Cuts or lengthens what is there to `size`.
    fn fit(&mut self) -> io::Result<()> {
        let size = self.size;
        if let Place::Memory(bytes) = &mut self.place {
            bytes.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
            return Ok(());
        }
        self.file()?.set_len(size)
    }

    fn fault(&self, source: io::Error) -> Error {
        let path = match &self.place {
            Place::Input(path) | Place::Scratch(path) => path.clone(),
            Place::Memory(_) => PathBuf::new(),
        };
        Stop::from(Fault::Disk { path, source }).into()
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
        let content = self.content(id)?;
        if content.file.is_none() && !matches!(content.place, Place::Memory(_)) {
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
        if end > size {
            self.resize(id, end)?;
        }
        let content = self.used(id)?;
        content
            .write(offset, bytes)
            .map_err(|error| content.fault(error))
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
        self.resize(id, size)
    }

    /// Accounts for a new size, and gives a file that gets too large for memory a place on the host.
    fn resize(&mut self, id: NodeId, size: u64) -> Result<()> {
        let (bytes, held, limit) = (self.bytes, self.held, self.limits.output_bytes);
        let content = self.content(id)?;
        if !content.is_writable() {
            return Err(Errno::ReadOnly.into());
        }
        let total = (bytes - content.size).saturating_add(size);
        if total > limit {
            return Err(Stop::from(Failure::OutputTooLarge { limit }).into());
        }
        let others = held - content.held();
        let stays = size <= SMALL && others + size <= ALL_SMALL;
        if !stays && matches!(content.place, Place::Memory(_)) {
            let path = self.scratch.path()?.join(id.0.to_string());
            let content = self.content(id)?;
            content.spill(path).map_err(|error| content.fault(error))?;
        }
        let content = self.used(id)?;
        content.size = size;
        content.fit().map_err(|error| content.fault(error))?;
        let kept = content.held();
        (self.bytes, self.held) = (total, others + kept);
        Ok(())
    }
}
