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
