//! Descriptors in the table of a component.
//!
//! The component names them by the types of wasmtime-wasi, whose insides are the host's; what the table holds under those
//! names is our own.

use wasmtime::component::{Resource, ResourceTableError};
use wasmtime_wasi::p2::{
    FsError,
    bindings::{filesystem::types as codes, sync::filesystem::types},
};

use super::Files;
use crate::vfs::{Errno, Error, NodeId};

/// An open file or folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handle {
    pub(super) node: NodeId,
    pub(super) flags: types::DescriptorFlags,
}

/// A listing under way.
#[derive(Debug)]
pub(super) struct Listing(pub(super) std::vec::IntoIter<NodeId>);

pub(super) type FsResult<T> = Result<T, FsError>;

impl Files<'_> {
    pub(super) fn handle(&self, fd: &Resource<types::Descriptor>) -> FsResult<Handle> {
        let own = Resource::<Handle>::new_borrow(fd.rep());
        Ok(*self.table.get(&own)?)
    }

    /// The folder that a path starts in.
    pub(super) fn base(&self, fd: &Resource<types::Descriptor>) -> FsResult<NodeId> {
        self.world.meter.path();
        Ok(self.handle(fd)?.node)
    }

    /// A handle that may be written through.
    pub(super) fn writable(&self, fd: &Resource<types::Descriptor>) -> FsResult<Handle> {
        let handle = self.handle(fd)?;
        if handle.flags.contains(types::DescriptorFlags::WRITE) {
            Ok(handle)
        } else {
            Err(codes::ErrorCode::NotPermitted.into())
        }
    }

    /// Enters a handle that the tree already counts.
    pub(super) fn enter(
        &mut self,
        handle: Handle,
    ) -> Result<Resource<types::Descriptor>, ResourceTableError> {
        match self.table.push(handle) {
            Ok(own) => Ok(Resource::new_own(own.rep())),
            Err(full) => {
                self.world.files.lock().release(handle.node);
                Err(full)
            }
        }
    }

    pub(super) fn close(
        &mut self,
        fd: &Resource<types::Descriptor>,
    ) -> Result<(), ResourceTableError> {
        let handle = self.table.delete(Resource::<Handle>::new_own(fd.rep()))?;
        self.world.files.lock().release(handle.node);
        Ok(())
    }

    pub(super) fn enter_listing(
        &mut self,
        listing: Listing,
    ) -> FsResult<Resource<types::DirectoryEntryStream>> {
        Ok(Resource::new_own(self.table.push(listing)?.rep()))
    }

    pub(super) fn listing(
        &mut self,
        stream: &Resource<types::DirectoryEntryStream>,
    ) -> FsResult<&mut Listing> {
        let own = Resource::<Listing>::new_borrow(stream.rep());
        Ok(self.table.get_mut(&own)?)
    }

    pub(super) fn close_listing(
        &mut self,
        stream: &Resource<types::DirectoryEntryStream>,
    ) -> Result<(), ResourceTableError> {
        self.table
            .delete(Resource::<Listing>::new_own(stream.rep()))
            .map(|_| ())
    }
}

/// What the component sees of an error of the tree.
pub(super) fn refused(error: Error) -> FsError {
    match error {
        Error::Errno(errno) => code(errno).into(),
        Error::Stop(stop) => FsError::trap(stop),
    }
}

fn code(errno: Errno) -> codes::ErrorCode {
    use codes::ErrorCode;
    match errno {
        Errno::BadDescriptor => ErrorCode::BadDescriptor,
        Errno::Exists => ErrorCode::Exist,
        Errno::FileTooLarge => ErrorCode::FileTooLarge,
        Errno::IllegalName => ErrorCode::IllegalByteSequence,
        Errno::IsFolder => ErrorCode::IsDirectory,
        Errno::NameTooLong => ErrorCode::NameTooLong,
        Errno::NoEntry => ErrorCode::NoEntry,
        Errno::NotFolder => ErrorCode::NotDirectory,
        Errno::NotEmpty => ErrorCode::NotEmpty,
        Errno::Unsupported => ErrorCode::Unsupported,
        Errno::Overflow => ErrorCode::Overflow,
        Errno::ReadOnly => ErrorCode::ReadOnly,
        Errno::NotCapable => ErrorCode::NotPermitted,
        Errno::NoSeek => ErrorCode::InvalidSeek,
        Errno::BadAddress | Errno::Invalid | Errno::NotSocket | Errno::TooManyDescriptors => {
            ErrorCode::Invalid
        }
    }
}
