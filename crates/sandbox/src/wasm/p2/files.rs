//! `wasi:filesystem`, over the tree of the run.

use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, FsError,
    bindings::{
        clocks::wall_clock::Datetime,
        filesystem::{preopens, types as codes},
        sync::filesystem::types::{
            self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType,
            DirectoryEntry, DirectoryEntryStream, Filesize, MetadataHashValue, NewTimestamp,
            OpenFlags, PathFlags,
        },
    },
};

use super::{
    Files,
    handles::{FsResult, Handle, Listing, refused},
    streams::{CHUNK, FileStream},
};
use crate::vfs::{NodeId, Open, START_OF_TIME, Stat};

impl preopens::Host for Files<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.world
            .files
            .lock()
            .acquire(NodeId::ROOT)
            .map_err(|error| wasmtime::format_err!("{error:?}"))?;
        let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        let root = self.enter(Handle {
            node: NodeId::ROOT,
            flags,
        })?;
        Ok(vec![(root, "/".to_owned())])
    }
}

impl types::Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        Ok(error.downcast()?.into())
    }

    /// Writes through streams fail only by ending the run.
    fn filesystem_error_code(
        &mut self,
        _: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        Ok(None)
    }
}

fn stat(stat: &Stat) -> DescriptorStat {
    let time = |nanoseconds| {
        let time = Duration::from_nanos(nanoseconds);
        Some(Datetime {
            seconds: time.as_secs(),
            nanoseconds: time.subsec_nanos(),
        })
    };
    DescriptorStat {
        type_: kind(stat.folder),
        link_count: stat.links,
        size: stat.size,
        data_access_timestamp: time(stat.accessed),
        data_modification_timestamp: time(stat.modified),
        status_change_timestamp: time(stat.modified),
    }
}

fn kind(folder: bool) -> DescriptorType {
    if folder {
        DescriptorType::Directory
    } else {
        DescriptorType::RegularFile
    }
}

fn time(new: NewTimestamp) -> Option<u64> {
    match new {
        NewTimestamp::NoChange => None,
        NewTimestamp::Now => Some(START_OF_TIME),
        NewTimestamp::Timestamp(time) => Some(
            time.seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(time.nanoseconds.into()),
        ),
    }
}

fn hash(stat: &Stat) -> MetadataHashValue {
    MetadataHashValue {
        lower: stat.inode,
        upper: stat.modified,
    }
}

impl types::HostDescriptor for Files<'_> {
    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(self.stream(&fd, Some(offset))?);
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.writable(&fd)?;
        let stream: DynOutputStream = Box::new(self.stream(&fd, Some(offset))?);
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.writable(&fd)?;
        let stream: DynOutputStream = Box::new(self.stream(&fd, None)?);
        Ok(self.table.push(stream)?)
    }

    fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        _: Filesize,
        _: Filesize,
        _: Advice,
    ) -> FsResult<()> {
        self.handle(&fd).map(|_| ())
    }

    fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.handle(&fd).map(|_| ())
    }

    fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.handle(&fd).map(|_| ())
    }

    fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(self.handle(&fd)?.flags)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        let node = self.handle(&fd)?.node;
        self.world
            .files
            .lock()
            .is_folder(node)
            .map(kind)
            .map_err(refused)
    }

    fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let node = self.writable(&fd)?.node;
        self.world
            .files
            .lock()
            .set_size(node, size)
            .map_err(refused)
    }

    fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let node = self.handle(&fd)?.node;
        self.world
            .files
            .lock()
            .set_times(node, time(accessed), time(modified))
            .map_err(refused)
    }

    fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        let node = self.handle(&fd)?.node;
        let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(CHUNK);
        let mut buffer = vec![0; wanted];
        let read = self
            .world
            .files
            .lock()
            .read(node, offset, &mut buffer)
            .map_err(refused)?;
        self.world.meter.moved(read as u64);
        buffer.truncate(read);
        Ok((buffer, read < wanted))
    }

    fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let node = self.writable(&fd)?.node;
        self.world.meter.moved(bytes.len() as u64);
        self.world
            .files
            .lock()
            .write(node, offset, &bytes)
            .map_err(refused)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let node = self.handle(&fd)?.node;
        let listing = self.world.files.lock().list(node).map_err(refused)?;
        self.world.meter.moved(listing.len() as u64);
        self.enter_listing(Listing(listing.into_iter()))
    }

    fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let base = self.base(&fd)?;
        self.world
            .files
            .lock()
            .make_folder(base, &path)
            .map_err(refused)
    }

    fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        let node = self.handle(&fd)?.node;
        self.world
            .files
            .lock()
            .stat(node)
            .map(|found| stat(&found))
            .map_err(refused)
    }

    fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.look_at(&fd, &path).map(|found| stat(&found))
    }

    fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let base = self.base(&fd)?;
        let mut files = self.world.files.lock();
        let node = files.lookup(base, &path).map_err(refused)?;
        files
            .set_times(node, time(accessed), time(modified))
            .map_err(refused)
    }

    /// There are no links.
    fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        Err(codes::ErrorCode::Unsupported.into())
    }

    fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let base = self.base(&fd)?;
        let how = Open {
            create: how.contains(OpenFlags::CREATE),
            exclusive: how.contains(OpenFlags::EXCLUSIVE),
            truncate: how.contains(OpenFlags::TRUNCATE),
            folder: how.contains(OpenFlags::DIRECTORY),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        let node = self
            .world
            .files
            .lock()
            .open(base, &path, how)
            .map_err(refused)?;
        Ok(self.enter(Handle { node, flags })?)
    }

    /// There are no links to read.
    fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.look_at(&fd, &path)?;
        Err(codes::ErrorCode::Invalid.into())
    }

    fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let base = self.base(&fd)?;
        self.world
            .files
            .lock()
            .remove_folder(base, &path)
            .map_err(refused)
    }

    fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        to: Resource<Descriptor>,
        to_path: String,
    ) -> FsResult<()> {
        let (old, new) = (self.base(&fd)?, self.base(&to)?);
        self.world
            .files
            .lock()
            .rename((old, &path), (new, &to_path))
            .map_err(refused)
    }

    /// There are no links.
    fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        Err(codes::ErrorCode::Unsupported.into())
    }

    fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let base = self.base(&fd)?;
        self.world
            .files
            .lock()
            .remove_file(base, &path)
            .map_err(refused)
    }

    fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let same = |one: FsResult<Handle>, other: FsResult<Handle>| {
            Ok::<_, FsError>(one?.node == other?.node)
        };
        same(self.handle(&one), self.handle(&other))
            .map_err(|_| wasmtime::format_err!("no such descriptor"))
    }

    fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        let node = self.handle(&fd)?.node;
        self.world
            .files
            .lock()
            .stat(node)
            .map(|found| hash(&found))
            .map_err(refused)
    }

    fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.look_at(&fd, &path).map(|found| hash(&found))
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        Ok(self.close(&fd)?)
    }
}

impl Files<'_> {
    fn look_at(&self, fd: &Resource<Descriptor>, path: &str) -> FsResult<Stat> {
        let base = self.base(fd)?;
        let files = self.world.files.lock();
        files
            .lookup(base, path)
            .and_then(|node| files.stat(node))
            .map_err(refused)
    }

    fn stream(&self, fd: &Resource<Descriptor>, position: Option<u64>) -> FsResult<FileStream> {
        let node = self.handle(fd)?.node;
        let world = self.world;
        if world.files.lock().is_folder(node).map_err(refused)? {
            return Err(codes::ErrorCode::IsDirectory.into());
        }
        FileStream::new(world.files.clone(), world.meter.clone(), node, position).map_err(refused)
    }
}

impl types::HostDirectoryEntryStream for Files<'_> {
    fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let files = self.world.files.clone();
        let files = files.lock();
        for id in &mut self.listing(&stream)?.0 {
            if let Some(name) = files.name(id) {
                let type_ = kind(files.is_folder(id).map_err(refused)?);
                return Ok(Some(DirectoryEntry {
                    type_,
                    name: name.to_owned(),
                }));
            }
        }
        Ok(None)
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        Ok(self.close_listing(&stream)?)
    }
}
