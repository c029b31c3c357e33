//! Connections: so many at once, and none that is silent for ever.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A listener that has room for so many connections at once.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    idle: Duration,
    cut: CancellationToken,
}

impl Bounded {
    /// Lets in `most` connections at once. Ends one over which nothing moves for `idle`, and all of
    /// them when they are to be `cut`.
    pub(super) fn new(
        listener: TcpListener,
        most: usize,
        idle: Duration,
        cut: CancellationToken,
    ) -> Self {
        Self {
            listener,
            room: Arc::new(Semaphore::new(most)),
            idle,
            cut,
        }
    }
}

/// A connection, and its place among them.
pub(super) struct Guarded {
    stream: TcpStream,
    idle: Duration,
    /// When it has been silent for too long.
    end: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl axum::serve::Listener for Bounded {
    type Io = Guarded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guarded, Self::Addr) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else {
                // Nobody closes it; a server that could not accept has nothing to do.
                std::future::pending::<()>().await;
                continue;
            };
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            // Answers are small and waited for. A socket that refuses will fail soon enough.
            let _ = stream.set_nodelay(true);
            let guarded = Guarded {
                stream,
                idle: self.idle,
                end: Box::pin(sleep(self.idle)),
                cut: Box::pin(self.cut.clone().cancelled_owned()),
                _place: place,
            };
            return (guarded, address);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Guarded {
    /// Something moved: the silence begins anew.
    fn moved(&mut self) {
        let end = Instant::now() + self.idle;
        self.end.as_mut().reset(end);
    }

    /// An error once the silence is too long, or the connection is cut.
    fn silent<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.moved();
                Poll::Ready(read)
            }
            Poll::Pending => self.silent(cx),
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                self.moved();
                Poll::Ready(written)
            }
            // A client that reads nothing is silent too.
            Poll::Pending => self.silent(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
