//! A request's body as the parts of a multipart form, with bounded buffers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use multer::{Field, Multipart};

use crate::{Error, Result};

/// Bytes that may come without a part beginning or going on: a preamble, or the headers of a part.
const UNREAD: u64 = 1 << 20;

/// The parts, in order.
pub(super) struct Parts {
    form: Multipart<'static>,
    unread: Arc<AtomicU64>,
}

impl Parts {
    pub(super) fn new(body: Body, boundary: String, idle: Duration) -> Self {
        let unread = Arc::new(AtomicU64::new(0));
        let form = Multipart::new(paced(chunks(body, idle, unread.clone())), boundary);
        Self { form, unread }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Field<'static>>> {
        let field = self.form.next_field().await.map_err(input)?;
        self.unread.store(0, Ordering::Relaxed);
        Ok(field)
    }

    /// The content of a part.
    pub(super) fn content(
        &self,
        field: Field<'static>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let unread = self.unread.clone();
        field.map(move |bytes| {
            unread.store(0, Ordering::Relaxed);
            bytes.map_err(io::Error::other)
        })
    }
}

fn input(error: multer::Error) -> Error {
    Error::Input(io::Error::other(error))
}

fn chunks(
    body: Body,
    idle: Duration,
    unread: Arc<AtomicU64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(body.into_data_stream(), move |mut body| {
        let unread = unread.clone();
        async move {
            let next = tokio::time::timeout(idle, body.next())
                .await
                .map_err(|_| io::ErrorKind::TimedOut)?;
            let Some(bytes) = next.transpose().map_err(io::Error::other)? else {
                return Ok(None);
            };
            if unread.fetch_add(bytes.len() as u64, Ordering::Relaxed) > UNREAD {
                return Err(io::Error::other("the headers of a part are too long"));
            }
            Ok(Some((bytes, body)))
        }
    })
}

/// One item a poll. The parser polls for as long as there is something to take, so that a fast
/// sender would fill the memory; a pause after each item lets it work.
fn paced<S: Stream + Send>(stream: S) -> impl Stream<Item = S::Item> + Send {
    let mut stream = Box::pin(stream);
    let mut pause = false;
    stream::poll_fn(move |cx| {
        if std::mem::take(&mut pause) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = stream.poll_next_unpin(cx);
        pause = next.is_ready();
        next
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 64 << 10;

    /// A sender that never makes the parser wait.
    #[tokio::test]
    async fn a_fast_sender_is_taken_no_faster_than_it_is_read() {
        let pulled = Arc::new(AtomicU64::new(0));
        let count = pulled.clone();
        let start = Bytes::from("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
        let pieces = std::iter::once(start)
            .chain(std::iter::repeat_n(Bytes::from(vec![7; PIECE]), 1000))
            .chain([Bytes::from("\r\n--b--\r\n")])
            .inspect(move |piece| {
                count.fetch_add(piece.len() as u64, Ordering::SeqCst);
            });
        let body = Body::from_stream(stream::iter(pieces.map(io::Result::Ok)));
        let mut parts = Parts::new(body, "b".to_owned(), Duration::from_secs(60));
        let field = parts.next().await.unwrap().unwrap();
        let mut content = parts.content(field).boxed();
        let mut read = 0;
        while let Some(bytes) = content.next().await {
            let held = pulled.load(Ordering::SeqCst) - read;
            assert!(held <= 4 * PIECE as u64, "{held} bytes are held");
            read += bytes.unwrap().len() as u64;
        }
        assert_eq!(read, 1000 * PIECE as u64);
        drop(content);
        assert!(parts.next().await.unwrap().is_none());
    }
}
