//! The client believes no gateway.

use std::sync::Arc;

use axum::{Router, extract::Path as Segment, routing::any};
use canut_store::{AddOptions, Cid, Config, Error, Layout, Limits, Remote, Store};
use cid::Version;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{Served, content, memory, pieces};

const LAYOUTS: [Layout; 4] = [
    Layout::V0,
    Layout::V1,
    Layout {
        version: Version::V0,
        raw_leaves: true,
    },
    Layout {
        version: Version::V1,
        raw_leaves: false,
    },
];

/// A gateway that gives files and nothing else, whatever is asked for; these very bytes for every
/// CID.
async fn plain(bytes: Vec<u8>) -> (Remote, JoinHandle<()>) {
    let bytes = Arc::new(bytes);
    let answer = any(move |Segment(_): Segment<String>| async move { bytes.to_vec() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = Remote::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let router = Router::new().route("/{*path}", answer);
    (
        remote,
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() }),
    )
}

#[tokio::test]
async fn a_file_from_a_plain_gateway_is_verified_under_every_layout() {
    for layout in LAYOUTS {
        for size in [0, 5, 262_144, 262_145, 600_000] {
            let bytes = content(9, size);
            let cid = memory()
                .await
                .add_bytes(bytes.clone(), AddOptions { layout, pin: false })
                .await
                .unwrap()
                .cid;
            let (remote, server) = plain(bytes.clone()).await;
            assert!(
                remote.bytes(&cid, 1 << 20).await.unwrap() == bytes,
                "{layout:?}, {size}"
            );
            server.abort();
        }
    }
}

#[tokio::test]
async fn a_gateway_that_lies_gives_nothing() {
    let store = memory().await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    for layout in [Layout::V0, Layout::V1] {
        for size in [10, 600_000] {
            let bytes = content(9, size);
            let cid = store
                .add_bytes(bytes.clone(), AddOptions { layout, pin: false })
                .await
                .unwrap()
                .cid;
            let mut flipped = bytes.clone();
            flipped[size - 1] ^= 1;
            let longer = [&bytes[..], b"x"].concat();
            for lie in [flipped, longer, bytes[1..].to_vec(), Vec::new()] {
                let (remote, server) = plain(lie).await;
                let refused = remote.download(&cid, &target).await;
                assert!(
                    matches!(refused, Err(Error::Unverified { .. })),
                    "{refused:?}"
                );
                assert_eq!(
                    std::fs::read_dir(folder.path()).unwrap().count(),
                    0,
                    "no trace of it"
                );
                assert!(matches!(
                    remote.read(&cid, ..).await,
                    Err(Error::Corrupt(_))
                ));
                server.abort();
            }
        }
    }
    // More than was asked for is not waited for.
    let cid = store
        .add_bytes("small", AddOptions::default())
        .await
        .unwrap()
        .cid;
    let (remote, server) = plain(vec![0; 1 << 20]).await;
    assert!(matches!(
        remote.bytes(&cid, 1000).await,
        Err(Error::TooLarge { .. })
    ));
    server.abort();
}

#[tokio::test]
async fn files_folders_and_ranges_block_by_block() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let remote = Remote::new(&served.url("")).unwrap();
    let mut folder = store.folder(AddOptions::default());
    folder
        .file("a/b.bin", pieces(content(1, 600_000), 9999))
        .await
        .unwrap();
    let root = folder.finish().await.unwrap().cid;

    let file = remote.resolve(&root, "a/b.bin").await.unwrap();
    assert_eq!(remote.list(&root).await.unwrap()[0].name, "a");
    let part = remote
        .read(&file, 262_000..262_300)
        .await
        .unwrap()
        .collect(300)
        .await
        .unwrap();
    assert_eq!(part, content(1, 600_000)[262_000..262_300]);
    let disk = tempfile::tempdir().unwrap();
    let target = disk.path().join("b.bin");
    assert_eq!(remote.download(&file, &target).await.unwrap(), 600_000);
    assert!(std::fs::read(&target).unwrap() == content(1, 600_000));

    let folder = remote.download(&root, &target).await;
    assert!(matches!(folder, Err(Error::NotAFile(_))), "{folder:?}");
    let absent = canut_store::parse_cid("QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN").unwrap();
    assert!(matches!(
        remote.bytes(&absent, 10).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        remote.read(&absent, ..).await,
        Err(Error::NotFound(_))
    ));
    served.stop().await;
    assert!(matches!(
        remote.read(&file, ..).await,
        Err(Error::Http { .. })
    ));
}

/// A file cut in another way cannot be recomputed from its bytes; a gateway that serves blocks
/// helps out.
#[tokio::test]
async fn a_file_cut_in_another_way() {
    let store = memory().await;
    let (a, b) = (content(1, 1000), content(2, 500));
    let raw = AddOptions {
        layout: Layout::V1,
        pin: false,
    };
    let parts = [
        store.add_bytes(a.clone(), raw).await.unwrap().cid,
        store.add_bytes(b.clone(), raw).await.unwrap().cid,
    ];
    let mut block = Vec::new();
    for cid in parts {
        block.extend_from_slice(&[0x12, 38, 0x0a, 36]);
        block.extend_from_slice(&cid.to_bytes());
    }
    block.extend_from_slice(&[
        0x0a, 11, 8, 2, 0x18, 0xdc, 0x0b, 0x20, 0xe8, 0x07, 0x20, 0xf4, 0x03,
    ]);
    let hash =
        cid::multihash::Multihash::wrap(0x12, &<sha2::Sha256 as sha2::Digest>::digest(&block))
            .unwrap();
    let cid = Cid::new_v1(0x70, hash);
    store.put_block(&cid, block.into()).await.unwrap();
    let bytes = [a, b].concat();
    assert_eq!(
        store
            .read(&cid, ..)
            .await
            .unwrap()
            .collect(1500)
            .await
            .unwrap(),
        bytes
    );

    let served = Served::new(&store, Config::default()).await;
    assert_eq!(
        Remote::new(&served.url("/"))
            .unwrap()
            .bytes(&cid, 1500)
            .await
            .unwrap(),
        bytes
    );
    served.stop().await;
    let (remote, server) = plain(bytes).await;
    assert!(matches!(
        remote.bytes(&cid, 1500).await,
        Err(Error::Unverified { .. })
    ));
    server.abort();
}

#[tokio::test]
async fn adding_to_a_remote_store() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let remote = Remote::new(&served.url("")).unwrap();
    for layout in LAYOUTS {
        let options = AddOptions { layout, pin: true };
        let local = memory()
            .await
            .add_bytes(content(5, 300_000), options)
            .await
            .unwrap();
        assert_eq!(
            remote
                .add_file(pieces(content(5, 300_000), 7777), options)
                .await
                .unwrap(),
            local
        );
        assert!(store.is_pinned(&local.cid).await.unwrap());
    }
    let disk = tempfile::tempdir().unwrap();
    std::fs::create_dir(disk.path().join("d é")).unwrap();
    std::fs::write(disk.path().join("d é/x+y %.txt"), content(1, 300_000)).unwrap();
    std::fs::write(disk.path().join("z"), "z").unwrap();
    let root = remote
        .add_path(disk.path(), AddOptions::default())
        .await
        .unwrap();
    assert_eq!(
        root,
        memory()
            .await
            .add_path(disk.path(), AddOptions::default())
            .await
            .unwrap()
            .cid
    );
    let file = remote.resolve(&root, "d é/x+y %.txt").await.unwrap();
    assert!(remote.bytes(&file, 1 << 20).await.unwrap() == content(1, 300_000));
    served.stop().await;

    let limits = Limits {
        upload: 100,
        ..Limits::default()
    };
    let small = Store::open_with("memory:", limits).await.unwrap();
    let served = Served::new(&small, Config::default()).await;
    let refused = Remote::new(&served.url(""))
        .unwrap()
        .add_bytes(content(1, 101), AddOptions::default())
        .await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 413, .. })),
        "{refused:?}"
    );
    served.stop().await;

    // A node that answers with the CID of something else.
    let line =
        r#"{"Name":"file","Hash":"QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN","Size":"14"}"#;
    let (liar, server) = plain(line.into()).await;
    assert!(matches!(
        liar.add_bytes("x", AddOptions::default()).await,
        Err(Error::Unverified { .. })
    ));
    server.abort();
    for url in ["", "127.0.0.1:80", "ftp://host", "ipfs://x"] {
        assert!(matches!(Remote::new(url), Err(Error::Open { .. })), "{url}");
    }
}
