//! A connection as the services have it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_io_timeout::TimeoutWriter;

use crate::crowd::Seat;

/// A stream that keeps its place for as long as it lives, upgraded to a WebSocket or not, and breaks when the other end takes
/// nothing of what is sent to it.
pub(crate) struct Stream {
    socket: Pin<Box<TimeoutWriter<TcpStream>>>,
    _place: (OwnedSemaphorePermit, Seat),
}

impl Stream {
    pub(crate) fn new(
        socket: TcpStream,
        patience: Duration,
        place: (OwnedSemaphorePermit, Seat),
    ) -> Self {
        // Answers are short: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        let mut socket = TimeoutWriter::new(socket);
        socket.set_timeout(Some(patience));
        Self {
            socket: Box::pin(socket),
            _place: place,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.as_mut().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.as_mut().poll_shutdown(cx)
    }
}
