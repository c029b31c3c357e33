//! Calls on open descriptors.

use super::{
    Call,
    descriptors::{Descriptor, ROOT},
    memory::offset,
};
use crate::vfs::{Errno, NodeId, Result, START_OF_TIME, Stat};

const TYPE_CHARACTER: u8 = 2;
pub(super) const TYPE_FOLDER: u8 = 3;
pub(super) const TYPE_FILE: u8 = 4;

const APPEND: u16 = 1;

/// Rights of a descriptor (witx `rights`): of reading, of writing, and all there are for folders.
pub(super) const RIGHT_READ: u64 = 1 << 1;
pub(super) const RIGHT_WRITE: u64 = 1 << 6;
pub(super) const RIGHT_ALLOCATE: u64 = 1 << 8;
pub(super) const RIGHT_SET_SIZE: u64 = 1 << 22;
const RIGHTS_ALL: u64 = (1 << 28) - 1;

/// The space of a directory entry before its name.
const ENTRY_HEADER: usize = 24;

pub(super) fn fd_advise(
    call: &mut Call<'_>,
    fd: u32,
    _offset: u64,
    _length: u64,
    advice: u32,
) -> Result<()> {
    call.guest.descriptors.handle(fd)?;
    if advice > 5 {
        Err(Errno::Invalid.into())
    } else {
        Ok(())
    }
}

pub(super) fn fd_allocate(call: &mut Call<'_>, fd: u32, offset: u64, length: u64) -> Result<()> {
    let node = writable(call, fd)?;
    let end = offset.checked_add(length).ok_or(Errno::FileTooLarge)?;
    let mut files = call.guest.world.files.lock();
    if files.stat(node)?.size < end {
        files.set_size(node, end)?;
    }
    Ok(())
}

pub(super) fn fd_close(call: &mut Call<'_>, fd: u32) -> Result<()> {
    let closed = call.guest.descriptors.remove(fd)?;
    close(call, closed);
    Ok(())
}

fn close(call: &mut Call<'_>, descriptor: Descriptor) {
    if let Descriptor::Node(handle) = descriptor {
        call.guest.world.files.lock().release(handle.node);
    }
}

pub(super) fn fd_datasync(call: &mut Call<'_>, fd: u32) -> Result<()> {
    fd_sync(call, fd)
}

/// Nothing outlives the run but its result, so there is nothing to wait for.
pub(super) fn fd_sync(call: &mut Call<'_>, fd: u32) -> Result<()> {
    call.guest.descriptors.handle(fd).map(|_| ())
}

pub(super) fn fd_fdstat_get(call: &mut Call<'_>, fd: u32, result: u32) -> Result<()> {
    let (kind, flags, rights) = match call.guest.descriptors.get(fd)? {
        Descriptor::Stdin => (TYPE_CHARACTER, 0, RIGHT_READ),
        Descriptor::Stdout | Descriptor::Stderr => (TYPE_CHARACTER, 0, RIGHT_WRITE),
        Descriptor::Node(handle) => {
            let folder = call.guest.world.files.lock().is_folder(handle.node)?;
            let mut rights = RIGHTS_ALL;
            if !folder && !handle.read {
                rights &= !RIGHT_READ;
            }
            if !folder && !handle.write {
                rights &= !(RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE);
            }
            (
                if folder { TYPE_FOLDER } else { TYPE_FILE },
                if handle.append { APPEND } else { 0 },
                rights,
            )
        }
    };
    let mut stat = [0; 24];
    stat[0] = kind;
    stat[2..4].copy_from_slice(&flags.to_le_bytes());
    stat[8..16].copy_from_slice(&rights.to_le_bytes());
    stat[16..24].copy_from_slice(&rights.to_le_bytes());
    call.memory.write(result, &stat)
}

pub(super) fn fd_fdstat_set_flags(call: &mut Call<'_>, fd: u32, flags: u32) -> Result<()> {
    call.guest.descriptors.handle(fd)?.append = flags & u32::from(APPEND) != 0;
    Ok(())
}

/// Rights are left as they are: what an app may do follows from the tree alone.
pub(super) fn fd_fdstat_set_rights(
    call: &mut Call<'_>,
    fd: u32,
    _base: u64,
    _inheriting: u64,
) -> Result<()> {
    call.guest.descriptors.get(fd).map(|_| ())
}

pub(super) fn fd_filestat_get(call: &mut Call<'_>, fd: u32, result: u32) -> Result<()> {
    let stat = match call.guest.descriptors.get(fd)? {
        Descriptor::Node(handle) => {
            let stat = call.guest.world.files.lock().stat(handle.node)?;
            encode(&stat, if stat.folder { TYPE_FOLDER } else { TYPE_FILE })
        }
        _ => {
            let (accessed, modified) = (START_OF_TIME, START_OF_TIME);
            encode(
                &Stat {
                    inode: 0,
                    folder: false,
                    links: 1,
                    size: 0,
                    accessed,
                    modified,
                },
                TYPE_CHARACTER,
            )
        }
    };
    call.memory.write(result, &stat)
}

/// A `filestat` (witx): device, inode, type, links, size, and three times.
pub(super) fn encode(stat: &Stat, kind: u8) -> [u8; 64] {
    let words = [
        1,
        stat.inode,
        kind.into(),
        stat.links,
        stat.size,
        stat.accessed,
        stat.modified,
        stat.modified,
    ];
    let mut bytes = [0; 64];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

pub(super) fn fd_filestat_set_size(call: &mut Call<'_>, fd: u32, size: u64) -> Result<()> {
    let node = writable(call, fd)?;
    call.guest.world.files.lock().set_size(node, size)
}

pub(super) fn fd_filestat_set_times(
    call: &mut Call<'_>,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<()> {
    let node = call.guest.descriptors.handle(fd)?.node;
    set_times(call, node, accessed, modified, flags)
}

/// Sets the times that `flags` (witx `fstflags`) name, to the given ones or to now.
pub(super) fn set_times(
    call: &mut Call<'_>,
    node: NodeId,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<()> {
    let world = &mut call.guest.world;
    let mut chosen = |given, set, now| match (flags & set != 0, flags & now != 0) {
        (true, true) => Err(Errno::Invalid),
        (true, false) => Ok(Some(given)),
        (false, true) => Ok(Some(world.clock.wall())),
        (false, false) => Ok(None),
    };
    let (accessed, modified) = (chosen(accessed, 1, 2)?, chosen(modified, 4, 8)?);
    world.files.lock().set_times(node, accessed, modified)
}

pub(super) fn fd_pread(
    call: &mut Call<'_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    offset: u64,
    result: u32,
) -> Result<()> {
    let node = readable(call, fd)?;
    let read = read(call, node, iovecs, count, offset)?;
    call.memory.write_u32(result, read)
}

pub(super) fn fd_read(
    call: &mut Call<'_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    result: u32,
) -> Result<()> {
    match call.guest.descriptors.get(fd)? {
        Descriptor::Stdin => return call.memory.write_u32(result, 0),
        Descriptor::Stdout | Descriptor::Stderr => return Err(Errno::NotCapable.into()),
        Descriptor::Node(_) => {}
    }
    let node = readable(call, fd)?;
    let position = call.guest.descriptors.handle(fd)?.position;
    let read = read(call, node, iovecs, count, position)?;
    call.guest.descriptors.handle(fd)?.position += u64::from(read);
    call.memory.write_u32(result, read)
}

fn read(call: &mut Call<'_>, node: NodeId, iovecs: u32, count: u32, start: u64) -> Result<u32> {
    let mut files = call.guest.world.files.lock();
    if files.is_folder(node)? {
        return Err(Errno::IsFolder.into());
    }
    let mut total = 0_u32;
    for (address, length) in call.memory.vectors(iovecs, count)? {
        let buffer = call.memory.slice_mut(address, length)?;
        let read = files.read(node, start.saturating_add(total.into()), buffer)? as u32;
        total += read;
        if read < length {
            break;
        }
    }
    Ok(total)
}

pub(super) fn fd_pwrite(
    call: &mut Call<'_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    offset: u64,
    result: u32,
) -> Result<()> {
    let node = writable(call, fd)?;
    let written = write(call, node, iovecs, count, offset)?;
    call.memory.write_u32(result, written)
}

pub(super) fn fd_write(
    call: &mut Call<'_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    result: u32,
) -> Result<()> {
    let log = match call.guest.descriptors.get(fd)? {
        Descriptor::Stdin => return Err(Errno::NotCapable.into()),
        Descriptor::Stdout => call.guest.world.stdout.clone(),
        Descriptor::Stderr => call.guest.world.stderr.clone(),
        Descriptor::Node(_) => {
            let node = writable(call, fd)?;
            let handle = call.guest.descriptors.handle(fd)?;
            let start = if handle.append {
                call.guest.world.files.lock().stat(node)?.size
            } else {
                handle.position
            };
            let written = write(call, node, iovecs, count, start)?;
            call.guest.descriptors.handle(fd)?.position = start + u64::from(written);
            return call.memory.write_u32(result, written);
        }
    };
    let mut total = 0;
    for (address, length) in call.memory.vectors(iovecs, count)? {
        log.write(call.memory.slice(address, length)?);
        total += length;
    }
    call.memory.write_u32(result, total)
}

fn write(call: &mut Call<'_>, node: NodeId, iovecs: u32, count: u32, start: u64) -> Result<u32> {
    let mut files = call.guest.world.files.lock();
    let mut total = 0;
    for (address, length) in call.memory.vectors(iovecs, count)? {
        let at = start
            .checked_add(u64::from(total))
            .ok_or(Errno::FileTooLarge)?;
        files.write(node, at, call.memory.slice(address, length)?)?;
        total += length;
    }
    Ok(total)
}

fn readable(call: &mut Call<'_>, fd: u32) -> Result<NodeId> {
    let handle = call.guest.descriptors.handle(fd)?;
    if handle.read {
        Ok(handle.node)
    } else {
        Err(Errno::NotCapable.into())
    }
}

fn writable(call: &mut Call<'_>, fd: u32) -> Result<NodeId> {
    let handle = call.guest.descriptors.handle(fd)?;
    if handle.write {
        Ok(handle.node)
    } else {
        Err(Errno::NotCapable.into())
    }
}

pub(super) fn fd_prestat_get(call: &mut Call<'_>, fd: u32, result: u32) -> Result<()> {
    if fd != ROOT {
        return Err(Errno::BadDescriptor.into());
    }
    call.guest.descriptors.get(fd)?;
    call.memory.write_u64(result, 1 << 32) // a folder whose name has one byte
}

pub(super) fn fd_prestat_dir_name(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Result<()> {
    if fd != ROOT {
        return Err(Errno::BadDescriptor.into());
    }
    if length < 1 {
        return Err(Errno::NameTooLong.into());
    }
    call.memory.write(path, b"/")
}

/// Entries from number `cookie` on: `.`, `..`, then the names in order. What does not fit is cut; the app asks again.
pub(super) fn fd_readdir(
    call: &mut Call<'_>,
    fd: u32,
    buffer: u32,
    length: u32,
    cookie: u64,
    result: u32,
) -> Result<()> {
    let handle = call.guest.descriptors.handle(fd)?;
    let files = call.guest.world.files.lock();
    if cookie == 0 {
        handle.listing = files.list(handle.node)?;
        call.guest.world.meter.moved(handle.listing.len() as u64);
    } else if !files.is_folder(handle.node)? {
        return Err(Errno::NotFolder.into());
    }
    let (node, parent) = (handle.node, files.parent(handle.node)?);
    let dots = [(node, Some(".")), (parent, Some(".."))];
    let skipped = usize::try_from(cookie).unwrap_or(usize::MAX);
    let names = handle
        .listing
        .iter()
        .skip(skipped.saturating_sub(dots.len()));
    let names = names.map(|id| (*id, files.name(*id)));
    let mut used = 0;
    for (number, (id, name)) in
        (cookie.saturating_add(1)..).zip(dots.into_iter().skip(skipped).chain(names))
    {
        let Some(name) = name else { continue };
        if used == length {
            break;
        }
        let mut entry = [0; ENTRY_HEADER];
        entry[..8].copy_from_slice(&number.to_le_bytes());
        entry[8..16].copy_from_slice(&id.inode().to_le_bytes());
        entry[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
        entry[20] = if files.is_folder(id)? {
            TYPE_FOLDER
        } else {
            TYPE_FILE
        };
        for part in [entry.as_slice(), name.as_bytes()] {
            let fits = part.len().min((length - used) as usize);
            call.memory.write(offset(buffer, used)?, &part[..fits])?;
            used += fits as u32;
        }
    }
    call.memory.write_u32(result, used)
}

pub(super) fn fd_renumber(call: &mut Call<'_>, from: u32, to: u32) -> Result<()> {
    if let Some(replaced) = call.guest.descriptors.renumber(from, to)? {
        close(call, replaced);
    }
    Ok(())
}

pub(super) fn fd_seek(
    call: &mut Call<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Result<()> {
    if !matches!(call.guest.descriptors.get(fd)?, Descriptor::Node(_)) {
        return Err(Errno::NoSeek.into());
    }
    let handle = call.guest.descriptors.handle(fd)?;
    let stat = call.guest.world.files.lock().stat(handle.node)?;
    if stat.folder {
        return Err(Errno::BadDescriptor.into());
    }
    let from = match whence {
        0 => 0,
        1 => handle.position,
        2 => stat.size,
        _ => return Err(Errno::Invalid.into()),
    };
    handle.position = from.checked_add_signed(offset).ok_or(Errno::Invalid)?;
    call.memory.write_u64(result, handle.position)
}

pub(super) fn fd_tell(call: &mut Call<'_>, fd: u32, result: u32) -> Result<()> {
    fd_seek(call, fd, 0, 1, result)
}
