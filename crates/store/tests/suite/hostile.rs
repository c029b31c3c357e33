//! Blocks with the right hash and the wrong intentions.

use bytes::Bytes;
use canut_store::{AddOptions, Cid, Error, Layout, Limits, Store};
use cid::multihash::Multihash;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::support::{content, memory, pieces};

const FILE: u64 = 2;
const FOLDER: u64 = 1;
const SHARD: u64 = 5;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn field(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A UnixFS node: links with their names, and, for a file, the bytes that each covers.
fn node(kind: u64, links: &[(&str, Cid)], sizes: &[u64]) -> (Cid, Bytes) {
    let mut data = vec![8];
    varint(kind, &mut data);
    if kind == FILE {
        data.push(24);
        varint(
            sizes.iter().fold(0, |sum, size| sum.wrapping_add(*size)),
            &mut data,
        );
    }
    for size in sizes {
        data.push(32);
        varint(*size, &mut data);
    }
    if kind == SHARD {
        data.extend_from_slice(&[40, 0x22, 48]);
        varint(256, &mut data);
    }
    let mut block = Vec::new();
    for (name, cid) in links {
        let mut link = Vec::new();
        field(10, &cid.to_bytes(), &mut link);
        field(18, name.as_bytes(), &mut link);
        field(18, &link, &mut block);
    }
    field(10, &data, &mut block);
    (address(0x70, &block), block.into())
}

fn address(codec: u64, bytes: &[u8]) -> Cid {
    Cid::new_v1(
        codec,
        Multihash::wrap(0x12, &Sha256::digest(bytes)).unwrap(),
    )
}

async fn put(store: &Store, (cid, block): (Cid, Bytes)) -> Cid {
    store.put_block(&cid, block).await.unwrap();
    cid
}

async fn leaf(store: &Store, bytes: &[u8]) -> Cid {
    store
        .add_bytes(
            bytes.to_vec(),
            AddOptions {
                layout: Layout::V1,
                pin: false,
            },
        )
        .await
        .unwrap()
        .cid
}

async fn all(store: &Store, cid: &Cid) -> Result<Vec<u8>, Error> {
    store.read(cid, ..).await?.collect(1 << 20).await
}

#[tokio::test]
async fn a_file_as_deep_as_a_well() {
    let store = memory().await;
    let mut at = leaf(&store, b"water").await;
    for _ in 0..1000 {
        at = put(&store, node(FILE, &[("", at)], &[5])).await;
    }
    assert!(matches!(
        all(&store, &at).await,
        Err(Error::TooLarge {
            what: "levels of a file's tree",
            ..
        })
    ));
}

#[tokio::test]
async fn a_file_larger_than_every_disk_in_a_few_blocks() {
    let store = memory().await;
    let (mut at, mut length) = (leaf(&store, &[7; 1024]).await, 1024_u64);
    for _ in 0..25 {
        at = put(&store, node(FILE, &[("", at), ("", at)], &[length, length])).await;
        length *= 2;
    }
    // 32 GiB: within the limit of a file, and its end is read at the price of its depth.
    let end = store
        .read(&at, length - 1..)
        .await
        .unwrap()
        .collect(1)
        .await
        .unwrap();
    assert_eq!(end, [7]);
    store.pin(&at).await.unwrap();
    assert_eq!(store.gc().await.unwrap().kept, 26);
    for _ in 0..2 {
        at = put(&store, node(FILE, &[("", at), ("", at)], &[length, length])).await;
        length *= 2;
    }
    assert!(matches!(
        store.read(&at, ..1).await,
        Err(Error::TooLarge {
            what: "bytes of a file",
            ..
        })
    ));
}

#[tokio::test]
async fn ten_thousand_empty_parts_of_ten_thousand_empty_parts_cost_nothing() {
    let store = memory().await;
    let mut at = leaf(&store, b"").await;
    for _ in 0..8 {
        at = put(
            &store,
            node(FILE, &vec![("", at); 10_000], &vec![0; 10_000]),
        )
        .await;
    }
    assert_eq!(all(&store, &at).await.unwrap(), b"");
}

#[tokio::test]
async fn a_folder_of_shards_without_entries() {
    let store = memory().await;
    let names: Vec<String> = (0..256).map(|i| format!("{i:02X}")).collect();
    let mut at = put(&store, node(SHARD, &[], &[])).await;
    for _ in 0..6 {
        let links: Vec<_> = names.iter().map(|name| (name.as_str(), at)).collect();
        at = put(&store, node(SHARD, &links, &[])).await;
    }
    assert!(matches!(
        store.list(&at).await,
        Err(Error::TooLarge {
            what: "entries of one folder",
            ..
        })
    ));
    assert!(matches!(
        store.resolve(&at, "x").await,
        Err(Error::NoEntry { .. })
    ));
    // Deeper than a hash has bytes.
    for _ in 0..9 {
        at = put(&store, node(SHARD, &[("00", at)], &[])).await;
    }
    assert!(matches!(
        store.list(&at).await,
        Err(Error::Malformed { .. })
    ));
}

#[tokio::test]
async fn sizes_that_lie() {
    let store = memory().await;
    let five = leaf(&store, b"12345").await;
    let longer = put(&store, node(FILE, &[("", five)], &[6])).await;
    assert!(matches!(
        all(&store, &longer).await,
        Err(Error::Malformed { .. })
    ));
    for sizes in [&[5, 5][..], &[], &[u64::MAX, 1]] {
        let (cid, block) = node(FILE, &[("", five)], sizes);
        assert!(
            matches!(
                store.put_block(&cid, block).await,
                Err(Error::Malformed { .. })
            ),
            "{sizes:?}"
        );
    }
}

#[tokio::test]
async fn folders_where_files_should_be_and_the_reverse() {
    let store = memory().await;
    let file = leaf(&store, b"x").await;
    let folder = put(&store, node(FOLDER, &[("a", file)], &[])).await;
    let odd = put(&store, node(FILE, &[("", folder)], &[1])).await;
    assert!(matches!(
        all(&store, &odd).await,
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        all(&store, &folder).await,
        Err(Error::NotAFile(_))
    ));
    assert!(matches!(
        store.resolve(&folder, "a/b").await,
        Err(Error::NotAFolder(_))
    ));
    assert!(matches!(store.list(&file).await, Err(Error::NotAFolder(_))));
    let bucket = put(&store, node(SHARD, &[("F0", file)], &[])).await;
    assert!(matches!(
        store.list(&bucket).await,
        Err(Error::Malformed { .. })
    ));
    let unnamed = put(&store, node(SHARD, &[("é", file), ("a", file)], &[])).await;
    assert!(store.list(&unnamed).await.is_err());
}

#[tokio::test]
async fn limits_of_what_is_added() {
    let limits = Limits {
        upload: 1000,
        entries: 3,
        name: 10,
        depth: 4,
        block: 300_000,
    };
    let store = Store::open_with("memory:", limits).await.unwrap();
    let options = AddOptions::default();
    let long = store
        .add_file(pieces(content(1, 1001), 100), options)
        .await
        .unwrap_err();
    assert!(
        matches!(
            long,
            Error::TooLarge {
                what: "bytes of one upload",
                limit: 1000
            }
        ),
        "{long}"
    );
    assert!(store.pins().await.unwrap().is_empty());

    let mut folder = store.folder(options);
    folder
        .file("a", pieces(content(1, 600), 100))
        .await
        .unwrap();
    assert!(matches!(
        folder.file("b", pieces(content(2, 600), 100)).await,
        Err(Error::TooLarge { .. })
    ));

    let mut folder = store.folder(options);
    for path in ["", "/a", "a//b", "../a", "a/./b", "a/..", "a/", "a\0"] {
        let refused = folder.file(path, pieces(vec![], 1)).await;
        assert!(
            matches!(refused, Err(Error::InvalidPath { .. })),
            "{path:?}"
        );
    }
    for path in ["12345678901", "a/b/c/d/e"] {
        assert!(
            matches!(
                folder.file(path, pieces(vec![], 1)).await,
                Err(Error::TooLarge { .. })
            ),
            "{path:?}"
        );
    }
    for path in ["a", "b", "c/d"] {
        folder.file(path, pieces(vec![], 1)).await.unwrap();
    }
    assert!(matches!(
        folder.file("e", pieces(vec![], 1)).await,
        Err(Error::TooLarge { .. })
    ));

    let big = Bytes::from(vec![0; 300_001]);
    let refused = store.put_block(&address(0x55, &big), big.clone()).await;
    assert!(matches!(
        refused,
        Err(Error::TooLarge {
            what: "bytes of one block",
            ..
        })
    ));
    assert!(matches!(
        store.put_block(&address(0x55, b"other"), big).await,
        Err(Error::Corrupt(_))
    ));
}

#[tokio::test]
async fn a_path_given_twice_or_through_a_file_is_refused() {
    let store = memory().await;
    let mut folder = store.folder(AddOptions::default());
    folder.file("a", pieces(vec![1], 1)).await.unwrap();
    folder.folder("d").unwrap();
    folder.folder("d").unwrap();
    assert!(matches!(
        folder.file("a", pieces(vec![2], 1)).await,
        Err(Error::InvalidPath { .. })
    ));
    assert!(matches!(
        folder.file("a/b", pieces(vec![2], 1)).await,
        Err(Error::InvalidPath { .. })
    ));
    assert!(matches!(folder.folder("a"), Err(Error::InvalidPath { .. })));
    let root = folder.finish().await.unwrap().cid;
    let names: Vec<_> = store
        .list(&root)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["a", "d"]);
}

proptest! {
    /// Whatever the bytes, reading them as a node, a folder or a file is an answer or an error.
    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        survives(bytes);
    }

    /// So it is for a sound node with some of its bytes changed.
    #[test]
    fn nearly_sound_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), kind in 0_u64..7) {
        let target = address(0x55, b"x");
        let (_, block) = node(kind, &[("00", target), ("AAx", target)], &[3, 4]);
        let mut block = block.to_vec();
        for (at, byte) in changes {
            let at = at.index(block.len());
            block[at] = byte;
        }
        survives(block);
    }
}

fn survives(bytes: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = memory().await;
        let cid = address(0x70, &bytes);
        if store.put_block(&cid, bytes.into()).await.is_ok() {
            let _ = (
                all(&store, &cid).await,
                store.list(&cid).await,
                store.resolve(&cid, "x").await,
            );
            let _ = store.pin(&cid).await;
            store.gc().await.unwrap();
        }
    });
}
