//! The CIDs are those of Kubo and of the JavaScript importer, for the samples that
//! `tests/vectors/make.mjs` describes.

use std::collections::BTreeMap;

use canut_store::{AddOptions, Cid, Kind, Layout, Store};
use cid::Version;
use proptest::prelude::*;

use crate::support::{content, memory, pieces};

type Importer = BTreeMap<String, BTreeMap<String, String>>;

const LAYOUTS: [(&str, Layout); 4] = [
    ("v0", Layout::V0),
    (
        "v0raw",
        Layout {
            version: Version::V0,
            raw_leaves: true,
        },
    ),
    ("v1", Layout::V1),
    (
        "v1wrapped",
        Layout {
            version: Version::V1,
            raw_leaves: false,
        },
    ),
];

fn importer() -> Importer {
    serde_json::from_str(include_str!("../vectors/importer.json")).unwrap()
}

/// The files of a folder: path, seed, size.
fn folder(name: &str) -> Vec<(String, u32, usize)> {
    match name {
        "nested" => vec![
            ("a.txt".into(), 1, 5),
            ("sub/b.bin".into(), 2, 300_000),
            ("sub/deep/c".into(), 3, 0),
            ("été ☀.txt".into(), 4, 9),
        ],
        "sharded" => (0..7000)
            .map(|i| (format!("entry-{i}"), i % 50, 3))
            .collect(),
        "flat" => (0..2048).map(|i| (i.to_string(), i % 50, 3)).collect(),
        other => panic!("no sample `{other}`"),
    }
}

async fn add(store: &Store, name: &str, layout: Layout) -> Cid {
    let options = AddOptions { layout, pin: true };
    if let Some(size) = name.strip_prefix("file-") {
        let size: usize = size.parse().unwrap();
        let seed = u32::try_from(size).unwrap();
        return store
            .add_file(pieces(content(seed, size), 100_003), options)
            .await
            .unwrap()
            .cid;
    }
    let mut adding = store.folder(options);
    for (path, seed, size) in folder(name) {
        adding
            .file(&path, pieces(content(seed, size), 4096))
            .await
            .unwrap();
    }
    adding.finish().await.unwrap().cid
}

#[tokio::test]
async fn every_layout_gives_the_cid_of_the_javascript_importer() {
    for (name, expected) in importer() {
        for (key, layout) in LAYOUTS {
            let store = memory().await;
            assert_eq!(
                add(&store, &name, layout).await.to_string(),
                expected[key],
                "{name} as {key}"
            );
        }
    }
}

#[tokio::test]
async fn the_default_gives_the_cid_of_kubo() {
    let kubo: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../vectors/kubo.json")).unwrap();
    assert_eq!(kubo.len(), 9);
    for (name, expected) in kubo {
        let store = memory().await;
        assert_eq!(
            add(&store, &name, Layout::V0).await.to_string(),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_was_added_comes_back_whatever_the_layout() {
    let size = 45 * 1024 * 1024 + 7;
    let bytes = content(u32::try_from(size).unwrap(), size);
    for (key, layout) in LAYOUTS {
        let store = memory().await;
        let cid = add(&store, &format!("file-{size}"), layout).await;
        let stream = store.read(&cid, ..).await.unwrap();
        assert_eq!(stream.length(), size as u64);
        assert!(stream.collect(size).await.unwrap() == bytes, "{key}");
        // Across the seam of two inner nodes: 174 leaves each.
        let seam = 174 * 262_144;
        let part = store
            .read(&cid, seam - 3..seam + 3)
            .await
            .unwrap()
            .collect(6)
            .await
            .unwrap();
        let at = usize::try_from(seam).unwrap();
        assert_eq!(part, bytes[at - 3..at + 3], "{key}");
    }
}

#[tokio::test]
async fn a_sharded_folder_lists_and_resolves_its_entries() {
    let store = memory().await;
    let root = add(&store, "sharded", Layout::V0).await;
    let entries = store.list(&root).await.unwrap();
    assert_eq!(entries.len(), 7000);
    assert!(entries.is_sorted_by(|a, b| a.name < b.name));
    for entry in entries.iter().step_by(70) {
        assert_eq!(store.resolve(&root, &entry.name).await.unwrap(), entry.cid);
    }
    let missing = store.resolve(&root, "entry-7000").await.unwrap_err();
    assert!(
        matches!(missing, canut_store::Error::NoEntry { .. }),
        "{missing}"
    );
    // A bucket's name is not an entry's.
    assert!(store.resolve(&root, "0A").await.is_err());
    assert_eq!(store.kind(&root).await.unwrap(), Kind::Folder);
}

#[tokio::test]
async fn the_example_of_the_certificate_links_two_thousand_results_in_one_node() {
    // Entries that are in the store already give the folder that adding their bytes gives.
    let store = memory().await;
    let options = AddOptions {
        layout: Layout::V1,
        pin: false,
    };
    let mut folder = store.folder(AddOptions {
        layout: Layout::V1,
        pin: true,
    });
    for i in 0..2048_u32 {
        let added = store.add_bytes(content(i % 50, 3), options).await.unwrap();
        folder.link(&i.to_string(), &added.cid).await.unwrap();
    }
    assert_eq!(
        folder.finish().await.unwrap().cid.to_string(),
        importer()["flat"]["v1"]
    );
}

#[tokio::test]
async fn a_local_folder_is_added_as_it_lies() {
    let disk = tempfile::tempdir().unwrap();
    for (path, seed, size) in folder("nested") {
        let at = disk.path().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, content(seed, size)).unwrap();
    }
    let store = memory().await;
    let added = store
        .add_path(disk.path(), AddOptions::default())
        .await
        .unwrap();
    assert_eq!(added.cid.to_string(), importer()["nested"]["v0"]);

    std::os::unix::fs::symlink("/etc/passwd", disk.path().join("link")).unwrap();
    let refused = store
        .add_path(disk.path(), AddOptions::default())
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("replace the link"),
        "{refused}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A range of the file is that range of the bytes, however the input was cut.
    #[test]
    fn ranges(size in 0_usize..900_000, cut in 1_usize..400_000, from in 0_u64..900_000, length in 0_u64..900_000, v1: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = memory().await;
            let bytes = content(7, size);
            let layout = if v1 { Layout::V1 } else { Layout::V0 };
            let options = AddOptions { layout, pin: false };
            let cid = store.add_file(pieces(bytes.clone(), cut), options).await.unwrap().cid;
            let read = store.read(&cid, from..from + length).await;
            if from > size as u64 {
                assert!(matches!(read, Err(canut_store::Error::Range { .. })));
                return;
            }
            let from = usize::try_from(from).unwrap();
            let to = (from + usize::try_from(length).unwrap()).min(size);
            assert!(read.unwrap().collect(size).await.unwrap() == bytes[from..to]);
        });
    }

    /// Any tree of files comes back, path by path.
    #[test]
    fn folders(paths in proptest::collection::btree_map("[a-zé]{1,3}(/[a-z ]{1,3}){0,3}", 0_u32..1000, 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = memory().await;
            let mut folder = store.folder(AddOptions::default());
            let mut kept = Vec::new();
            for (path, seed) in paths {
                // A path that runs through a file given before is refused, and is not in the
                // result.
                if folder.file(&path, pieces(content(seed, 10), 10)).await.is_ok() {
                    kept.push((path, seed));
                }
            }
            let root = folder.finish().await.unwrap().cid;
            for (path, seed) in kept {
                let cid = store.resolve(&root, &path).await.unwrap();
                assert_eq!(store.read(&cid, ..).await.unwrap().collect(10).await.unwrap(), content(seed, 10));
            }
        });
    }
}
