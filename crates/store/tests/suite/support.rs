//! What the tests share.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use canut_store::{Config, Store, serve};
use futures::{Stream, stream};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// The bytes of a sample file; `tests/vectors/make.mjs` has the same function.
pub(crate) fn content(seed: u32, size: usize) -> Vec<u8> {
    let (mut bytes, mut x) = (vec![0; size], seed);
    for byte in &mut bytes {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (x >> 24) as u8;
    }
    bytes
}

/// Bytes as a stream of pieces of this size.
pub(crate) fn pieces(bytes: Vec<u8>, size: usize) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let bytes = Bytes::from(bytes);
    let starts = (0..bytes.len()).step_by(size.max(1));
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..(start + size).min(bytes.len())))))
}

pub(crate) async fn memory() -> Store {
    Store::open("memory:").await.unwrap()
}

/// A server on a port of its own, stopped and awaited by [`Served::stop`].
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Served {
    pub(crate) async fn new(store: &Store, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let until = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, store.clone(), config, until));
        Self {
            address,
            stop,
            task,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}
