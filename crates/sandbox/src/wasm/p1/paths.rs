//! Calls on paths under an open folder.

use super::{
    Call,
    descriptors::Handle,
    files::{
        self, RIGHT_ALLOCATE, RIGHT_READ, RIGHT_SET_SIZE, RIGHT_WRITE, TYPE_FILE, TYPE_FOLDER,
    },
};
use crate::vfs::{Errno, NodeId, Open, Result};

impl Call<'_> {
    /// The folder behind `fd`, and the path that the app gave.
    fn path(&mut self, fd: u32, path: u32, length: u32) -> Result<(NodeId, String)> {
        let base = self.guest.descriptors.handle(fd)?.node;
        self.guest.world.meter.path();
        Ok((base, self.memory.text(path, length)?.to_owned()))
    }
}

pub(super) fn path_create_directory(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    call.guest.world.files.lock().make_folder(base, &path)
}

pub(super) fn path_filestat_get(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    path: u32,
    length: u32,
    result: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    let files = call.guest.world.files.lock();
    let stat = files.stat(files.lookup(base, &path)?)?;
    call.memory.write(
        result,
        &files::encode(&stat, if stat.folder { TYPE_FOLDER } else { TYPE_FILE }),
    )
}

#[expect(clippy::too_many_arguments, reason = "the signature is WASI's")]
pub(super) fn path_filestat_set_times(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    path: u32,
    length: u32,
    accessed: u64,
    modified: u64,
    times: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    let node = call.guest.world.files.lock().lookup(base, &path)?;
    files::set_times(call, node, accessed, modified, times)
}

/// There are no links.
#[expect(clippy::too_many_arguments, reason = "the signature is WASI's")]
pub(super) fn path_link(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    path: u32,
    length: u32,
    to: u32,
    to_path: u32,
    to_length: u32,
) -> Result<()> {
    call.path(fd, path, length)?;
    call.path(to, to_path, to_length)?;
    Err(Errno::Unsupported.into())
}

#[expect(clippy::too_many_arguments, reason = "the signature is WASI's")]
pub(super) fn path_open(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    path: u32,
    length: u32,
    how: u32,
    rights: u64,
    _inheriting: u64,
    fd_flags: u32,
    result: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    call.guest.descriptors.has_room()?;
    let write = rights & (RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE) != 0;
    let mut files = call.guest.world.files.lock();
    // A right to write means nothing for folders, and C libraries ask for every right they can get.
    let folder = how & 2 != 0
        || files
            .lookup(base, &path)
            .is_ok_and(|node| files.is_folder(node).unwrap_or(false));
    let how = Open {
        create: how & 1 != 0,
        folder: how & 2 != 0,
        exclusive: how & 4 != 0,
        truncate: how & 8 != 0,
        write: write && !folder,
    };
    let node = files.open(base, &path, how)?;
    let handle = Handle {
        read: rights & RIGHT_READ != 0,
        write: how.write,
        append: fd_flags & 1 != 0,
        ..Handle::folder(node)
    };
    drop(files);
    let fd = call.guest.descriptors.add(handle);
    call.memory.write_u32(result, fd)
}

/// There are no links to read.
pub(super) fn path_readlink(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    length: u32,
    _to: u32,
    _size: u32,
    _result: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    call.guest.world.files.lock().lookup(base, &path)?;
    Err(Errno::Invalid.into())
}

pub(super) fn path_remove_directory(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    call.guest.world.files.lock().remove_folder(base, &path)
}

pub(super) fn path_rename(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    length: u32,
    to: u32,
    to_path: u32,
    to_length: u32,
) -> Result<()> {
    let (old, old_path) = call.path(fd, path, length)?;
    let (new, new_path) = call.path(to, to_path, to_length)?;
    call.guest
        .world
        .files
        .lock()
        .rename((old, &old_path), (new, &new_path))
}

/// There are no links.
pub(super) fn path_symlink(
    call: &mut Call<'_>,
    old: u32,
    old_length: u32,
    fd: u32,
    path: u32,
    length: u32,
) -> Result<()> {
    call.memory.text(old, old_length)?;
    call.path(fd, path, length)?;
    Err(Errno::Unsupported.into())
}

pub(super) fn path_unlink_file(call: &mut Call<'_>, fd: u32, path: u32, length: u32) -> Result<()> {
    let (base, path) = call.path(fd, path, length)?;
    call.guest.world.files.lock().remove_file(base, &path)
}
