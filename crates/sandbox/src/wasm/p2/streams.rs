//! Streams that are always ready.

use bytes::Bytes;
use tokio::io::{self, AsyncWrite};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult},
};

use crate::{
    vfs::{Error, NodeId, Tree},
    wasm::world::{Log, Meter, Shared},
};

/// Bytes that one read or write moves at most.
pub(super) const CHUNK: usize = 1 << 20;

/// Standard output or error.
#[derive(Debug, Clone)]
pub(super) struct LogStream(pub(super) Log, pub(super) Meter);

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// For previews other than the second, of which there are none here.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(io::sink())
    }
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.1.moved(bytes.len() as u64);
        self.0.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

/// A file read or written from a place on. It counts as a handle on the file.
pub(super) struct FileStream {
    files: Shared<Tree>,
    meter: Meter,
    node: NodeId,
    /// The end of the file when there is none.
    position: Option<u64>,
}

impl FileStream {
    pub(super) fn new(
        files: Shared<Tree>,
        meter: Meter,
        node: NodeId,
        position: Option<u64>,
    ) -> Result<Self, Error> {
        files.lock().acquire(node)?;
        Ok(Self {
            files,
            meter,
            node,
            position,
        })
    }
}

impl Drop for FileStream {
    fn drop(&mut self) {
        self.files.lock().release(self.node);
    }
}

#[async_trait]
impl Pollable for FileStream {
    async fn ready(&mut self) {}
}

impl InputStream for FileStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let position = self.position.unwrap_or(0);
        let mut buffer = vec![0; size.min(CHUNK)];
        let read = self
            .files
            .lock()
            .read(self.node, position, &mut buffer)
            .map_err(failed)?;
        if read == 0 {
            return Err(StreamError::Closed);
        }
        self.meter.moved(read as u64);
        self.position = Some(position + read as u64);
        buffer.truncate(read);
        Ok(buffer.into())
    }
}

impl OutputStream for FileStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut files = self.files.lock();
        let position = match self.position {
            Some(position) => position,
            None => files.stat(self.node).map_err(failed)?.size,
        };
        self.meter.moved(bytes.len() as u64);
        files.write(self.node, position, &bytes).map_err(failed)?;
        if let Some(position) = &mut self.position {
            *position += bytes.len() as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

fn failed(error: Error) -> StreamError {
    match error {
        Error::Errno(errno) => StreamError::LastOperationFailed(wasmtime::format_err!("{errno:?}")),
        Error::Stop(stop) => StreamError::Trap(stop.into()),
    }
}
