//! Memory does not grow with the file: every buffer that goes in or comes out is counted while it
//! lives.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use canut_store::{AddOptions, Config, Layout, Limits, Store};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    memory::InMemory, path::Path,
};

use crate::support::Served;

const LEAF: usize = 256 * 1024;
const LEAVES: usize = 2048;

/// Bytes alive now, and the most there ever were.
#[derive(Debug, Default)]
struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl Gauge {
    fn hold(self: &Arc<Self>, bytes: Vec<u8>) -> Held {
        let now = self.now.fetch_add(bytes.len(), Ordering::SeqCst) + bytes.len();
        self.peak.fetch_max(now, Ordering::SeqCst);
        Held {
            gauge: self.clone(),
            bytes,
        }
    }

    fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
}

struct Held {
    gauge: Arc<Gauge>,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.now.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

/// The `index`-th leaf of a file that is never anywhere as a whole.
fn leaf(index: usize) -> Vec<u8> {
    (index as u64).to_le_bytes().repeat(LEAF / 8)
}

/// An object store that forgets the leaves, remembers their order, and makes them again when asked.
#[derive(Debug, Default)]
struct Sponge {
    nodes: InMemory,
    leaves: Mutex<HashMap<Path, usize>>,
    writing: Arc<Gauge>,
    reading: Arc<Gauge>,
    /// Bytes of leaves written so far.
    written: AtomicUsize,
    /// Bytes that the client has sent, and how far it ever was ahead of what was written.
    sent: Arc<AtomicUsize>,
    ahead: AtomicUsize,
}

impl fmt::Display for Sponge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sponge")
    }
}

#[async_trait]
impl ObjectStore for Sponge {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let bytes = Bytes::from(payload.clone());
        let _held = self.writing.hold(bytes.to_vec());
        // The others get to run, so that whatever is written at the same time is counted together.
        tokio::task::yield_now().await;
        let head = bytes
            .first_chunk::<8>()
            .map_or(u64::MAX, |head| u64::from_le_bytes(*head));
        match usize::try_from(head) {
            Ok(index) if index < LEAVES && bytes.len() == LEAF => {
                self.leaves.lock().unwrap().insert(path.clone(), index);
                let written = self.written.fetch_add(LEAF, Ordering::SeqCst) + LEAF;
                let ahead = self.sent.load(Ordering::SeqCst).saturating_sub(written);
                self.ahead.fetch_max(ahead, Ordering::SeqCst);
                Ok(PutResult {
                    e_tag: None,
                    version: None,
                    extensions: Default::default(),
                })
            }
            _ => self.nodes.put_opts(path, payload, options).await,
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let index = self.leaves.lock().unwrap().get(path).copied();
        let Some(index) = index else {
            return self.nodes.get_opts(path, options).await;
        };
        tokio::task::yield_now().await;
        let bytes = Bytes::from_owner(self.reading.hold(leaf(index)));
        // Through a store of its own, for the rest of the answer; it keeps the counted buffer.
        let one = InMemory::new();
        one.put(path, bytes.into()).await?;
        one.get_opts(path, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.nodes.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.nodes.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.nodes.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.nodes.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.nodes.copy_opts(from, to, options).await
    }
}

fn store() -> (Arc<Sponge>, Store) {
    let sponge = Arc::new(Sponge::default());
    (sponge.clone(), Store::over(sponge, Limits::default()))
}

const OPTIONS: AddOptions = AddOptions {
    layout: Layout::V1,
    pin: true,
};

#[tokio::test]
async fn half_a_gigabyte_goes_in_and_out_through_a_few_blocks() {
    let (sponge, store) = store();
    let input = Arc::new(Gauge::default());
    let counted = input.clone();
    let pieces = (0..LEAVES).flat_map(|index| {
        leaf(index)
            .chunks(64 * 1024)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    });
    let stream = stream::iter(
        pieces.map(move |piece| io::Result::Ok(Bytes::from_owner(counted.hold(piece)))),
    );
    let added = store.add_file(stream, OPTIONS).await.unwrap();

    assert!(
        input.peak() <= 64 * 1024,
        "input pieces alive: {}",
        input.peak()
    );
    assert!(
        sponge.writing.peak() <= 5 * LEAF,
        "bytes being written: {}",
        sponge.writing.peak()
    );

    let mut stream = store.read(&added.cid, ..).await.unwrap();
    assert_eq!(stream.length(), (LEAVES * LEAF) as u64);
    let (mut index, mut rest) = (0, Vec::new());
    while let Some(bytes) = stream.try_next().await.unwrap() {
        rest.extend_from_slice(&bytes);
        while rest.len() >= LEAF {
            assert!(rest[..LEAF] == leaf(index), "leaf {index}");
            rest.drain(..LEAF);
            index += 1;
        }
    }
    assert_eq!((index, rest.len()), (LEAVES, 0));
    // Four ahead on each of two levels, the one in hand and one on its way.
    assert!(
        sponge.reading.peak() <= 10 * LEAF,
        "bytes being read: {}",
        sponge.reading.peak()
    );
    assert_eq!(
        sponge.reading.now.load(Ordering::SeqCst),
        0,
        "all are given back"
    );
}

/// However fast a client sends, the server takes no more than it can write: what is on its way fits
/// the sockets' buffers.
#[tokio::test]
async fn an_upload_waits_for_the_disk() {
    let (sponge, store) = store();
    let served = Served::new(&store, Config::default()).await;
    let sent = sponge.sent.clone();
    let leaves = stream::iter((0..512).map(move |index| {
        sent.fetch_add(LEAF, Ordering::SeqCst);
        io::Result::Ok(leaf(index))
    }));
    let part =
        reqwest::multipart::Part::stream(reqwest::Body::wrap_stream(leaves)).file_name("big");
    let form = reqwest::multipart::Form::new().part("file", part);
    let url = served.url("/api/v0/add?cid-version=1");
    let answer = reqwest::Client::new()
        .post(url)
        .multipart(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(sponge.written.load(Ordering::SeqCst), 512 * LEAF);
    let ahead = sponge.ahead.load(Ordering::SeqCst);
    assert!(ahead <= 24 << 20, "the client was {ahead} bytes ahead");
    served.stop().await;
}

/// Reading the end of a file costs one path of the tree.
#[tokio::test]
async fn a_range_reads_only_what_it_needs() {
    let (sponge, store) = store();
    let stream = stream::iter((0..LEAVES).map(|index| io::Result::Ok(Bytes::from(leaf(index)))));
    let added = store.add_file(stream, OPTIONS).await.unwrap();
    let length = (LEAVES * LEAF) as u64;
    let end = store
        .read(&added.cid, length - 8..)
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(end, (LEAVES as u64 - 1).to_le_bytes()[..]);
    assert_eq!(sponge.reading.peak(), LEAF);
}
