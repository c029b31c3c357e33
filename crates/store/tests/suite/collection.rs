//! Garbage collection takes what nobody keeps, and nothing else, whatever goes on meanwhile.

use std::{io, sync::Arc};

use bytes::Bytes;
use canut_store::{AddOptions, Cid, Error, Layout, Store};
use futures::{Stream, stream};
use tokio::sync::mpsc;

use crate::support::{content, memory, pieces};

const KEEP: AddOptions = AddOptions {
    layout: Layout::V0,
    pin: true,
};
const DROP: AddOptions = AddOptions {
    layout: Layout::V0,
    pin: false,
};

async fn whole(store: &Store, cid: &Cid, bytes: &[u8]) -> bool {
    match store.read(cid, ..).await {
        Ok(stream) => stream
            .collect(bytes.len())
            .await
            .is_ok_and(|read| read == bytes),
        Err(_) => false,
    }
}

#[tokio::test]
async fn what_is_pinned_stays_with_all_below_it() {
    let store = memory().await;
    let (kept, dropped) = (content(1, 600_000), content(2, 600_000));
    let a = store.add_bytes(kept.clone(), KEEP).await.unwrap().cid;
    let b = store.add_bytes(dropped.clone(), DROP).await.unwrap().cid;
    // Shares its first leaf with `b`.
    let c = store
        .add_bytes(dropped[..262_144].to_vec(), KEEP)
        .await
        .unwrap()
        .cid;

    let done = store.gc().await.unwrap();
    assert_eq!((done.kept, done.deleted), (5, 3));
    assert!(
        done.freed > 600_000 - 262_144 && done.freed < 340_000,
        "{done:?}"
    );
    assert!(whole(&store, &a, &kept).await && whole(&store, &c, &dropped[..262_144]).await);
    assert!(matches!(store.read(&b, ..).await, Err(Error::NotFound(_))));
    assert!(matches!(store.pin(&b).await, Err(Error::NotFound(_))));

    store.unpin(&a).await.unwrap();
    assert!(matches!(store.unpin(&a).await, Err(Error::NotPinned(_))));
    assert_eq!(store.pins().await.unwrap(), [c]);
    store.gc().await.unwrap();
    assert!(!whole(&store, &a, &kept).await);
    assert!(store.is_pinned(&c).await.unwrap() && !store.is_pinned(&a).await.unwrap());
}

#[tokio::test]
async fn a_pin_is_the_same_under_both_versions_of_a_cid() {
    let store = memory().await;
    let v0 = store.add_bytes("x", KEEP).await.unwrap().cid;
    let v1 = Cid::new_v1(0x70, *v0.hash());
    assert!(store.is_pinned(&v1).await.unwrap());
    assert_eq!(store.pins().await.unwrap(), [v0]);
    store.pin(&v1).await.unwrap();
    store.unpin(&v1).await.unwrap();
    assert!(store.pins().await.unwrap().is_empty());
}

/// A file that arrives as the test says.
fn fed() -> (
    mpsc::Sender<Bytes>,
    impl Stream<Item = io::Result<Bytes>> + Send,
) {
    let (feed, fed) = mpsc::channel(1);
    (
        feed,
        stream::unfold(fed, |mut fed| async {
            fed.recv().await.map(|bytes| (Ok(bytes), fed))
        }),
    )
}

#[tokio::test]
async fn an_addition_under_way_is_kept_even_where_it_meets_garbage() {
    let store = memory().await;
    // Two levels of nodes: 174 leaves and some.
    let bytes = content(3, 180 * 262_144);
    // The same content is there, and is garbage.
    store.add_bytes(bytes.clone(), DROP).await.unwrap();
    let (feed, stream) = fed();
    let adding = tokio::spawn({
        let store = store.clone();
        async move { store.add_file(stream, KEEP).await.unwrap().cid }
    });
    for (index, piece) in bytes.chunks(262_144).enumerate() {
        // Two sends: once the second is taken, the first is being written.
        feed.send(Bytes::copy_from_slice(piece)).await.unwrap();
        if index % 40 == 20 || index == 176 {
            store.gc().await.unwrap();
        }
    }
    drop(feed);
    let cid = adding.await.unwrap();
    assert!(whole(&store, &cid, &bytes).await);
    store.gc().await.unwrap();
    assert!(whole(&store, &cid, &bytes).await);
}

#[tokio::test]
async fn a_folder_under_way_is_kept() {
    let store = memory().await;
    let mut folder = store.folder(KEEP);
    for index in 0..5_u32 {
        folder
            .file(
                &format!("d/{index}"),
                pieces(content(index, 300_000), 50_000),
            )
            .await
            .unwrap();
        store.gc().await.unwrap();
    }
    let root = folder.finish().await.unwrap().cid;
    store.gc().await.unwrap();
    for index in 0..5 {
        let cid = store.resolve(&root, &format!("d/{index}")).await.unwrap();
        assert!(whole(&store, &cid, &content(index, 300_000)).await);
    }
}

#[tokio::test]
async fn an_addition_given_up_is_garbage() {
    let store = memory().await;
    let broken = stream::iter([
        Ok(Bytes::from(content(1, 2_500_000))),
        Err(io::Error::other("the line is cut")),
    ]);
    assert!(matches!(
        store.add_file(broken, KEEP).await,
        Err(Error::Input(_))
    ));
    let done = store.gc().await.unwrap();
    assert!(done.deleted > 0 && done.kept == 0, "{done:?}");
    assert!(store.pins().await.unwrap().is_empty());
}

/// The bytes of a folder's node, kept as a file by somebody else, must not hide from the collection
/// that they are a node.
#[tokio::test]
async fn a_node_that_is_also_a_file() {
    let store = memory().await;
    let mut folder = store.folder(AddOptions {
        layout: Layout::V1,
        pin: true,
    });
    folder.file("a", pieces(content(1, 10), 10)).await.unwrap();
    let root = folder.finish().await.unwrap().cid;
    let node = canut_store::BlockSource::block(&store, &root)
        .await
        .unwrap();
    let file = store
        .add_bytes(
            node,
            AddOptions {
                layout: Layout::V1,
                pin: true,
            },
        )
        .await
        .unwrap()
        .cid;
    assert_eq!((file.hash(), file.codec()), (root.hash(), 0x55));
    store.gc().await.unwrap();
    let a = store.resolve(&root, "a").await.unwrap();
    assert!(whole(&store, &a, &content(1, 10)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_hands_at_once_lose_nothing_that_is_pinned() {
    let store = memory().await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let collector = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            let mut rounds = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) || rounds == 0 {
                store.gc().await.unwrap();
                rounds += 1;
            }
        }
    });
    // All hands add the same few files, with a pin or without, and remove pins, so that every block
    // is garbage now and then.
    let hands = (0..4_u32).map(|hand| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..60_u32 {
                let seed = (hand * 7 + round * 3) % 5;
                let bytes = content(seed, 300_000);
                let own = store
                    .add_bytes([&bytes[..], &hand.to_le_bytes()].concat(), KEEP)
                    .await
                    .unwrap()
                    .cid;
                store
                    .add_bytes(bytes, if round % 2 == 0 { DROP } else { KEEP })
                    .await
                    .unwrap();
                let expected = [&content(seed, 300_000)[..], &hand.to_le_bytes()].concat();
                assert!(
                    whole(&store, &own, &expected).await,
                    "hand {hand}, round {round}"
                );
                store.pin(&own).await.unwrap();
                store.unpin(&own).await.unwrap();
            }
        })
    });
    for hand in hands.collect::<Vec<_>>() {
        hand.await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    collector.await.unwrap();
    store.gc().await.unwrap();
    for pin in store.pins().await.unwrap() {
        store.pin(&pin).await.unwrap();
    }
}
