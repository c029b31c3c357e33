//! A folder on disk: damage is seen and mended, and a process killed at any point loses nothing
//! that it acknowledged.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use canut_store::{AddOptions, Error, Layout, Store};

use crate::support::{content, pieces};

async fn open(folder: &Path) -> Store {
    Store::open(folder.to_str().unwrap()).await.unwrap()
}

/// The file that holds the largest block.
fn largest(folder: &Path) -> PathBuf {
    let files = walkdir::WalkDir::new(folder.join("blocks"))
        .into_iter()
        .map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .max_by_key(|entry| entry.metadata().unwrap().len())
        .unwrap()
        .into_path()
}

#[tokio::test]
async fn damage_is_told_and_adding_again_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let bytes = content(1, 300_000);
    let add = || async {
        store
            .add_bytes(bytes.clone(), AddOptions::default())
            .await
            .unwrap()
            .cid
    };
    let cid = add().await;
    let block = largest(folder.path());
    let sound = std::fs::read(&block).unwrap();

    let mut flipped = sound.clone();
    flipped[1000] ^= 1;
    let grown = [&sound[..], &vec![0; 2 << 20]].concat();
    for damaged in [flipped, sound[..1000].to_vec(), Vec::new(), grown] {
        std::fs::write(&block, &damaged).unwrap();
        let read = store
            .read(&cid, ..)
            .await
            .unwrap()
            .collect(bytes.len())
            .await;
        assert!(matches!(read, Err(Error::Corrupt(_))), "{read:?}");
        assert!(matches!(store.pin(&cid).await, Err(Error::Corrupt(_))));
        // What the damaged block linked to cannot be known: nothing is deleted.
        assert!(matches!(store.gc().await, Err(Error::Corrupt(_))));
        add().await;
        assert_eq!(
            store
                .read(&cid, ..)
                .await
                .unwrap()
                .collect(bytes.len())
                .await
                .unwrap(),
            bytes
        );
    }
    std::fs::remove_file(&block).unwrap();
    let read = store
        .read(&cid, ..)
        .await
        .unwrap()
        .collect(bytes.len())
        .await;
    assert!(matches!(read, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_folder_has_one_process_at_a_time_and_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let cid = store
        .add_bytes("kept", AddOptions::default())
        .await
        .unwrap()
        .cid;
    let refused = Store::open(&url).await.unwrap_err();
    assert!(matches!(refused, Error::Locked(_)), "{refused}");
    drop(store);
    // What a crash in the middle of a write leaves.
    let half = largest(folder.path()).with_extension("x#1");
    std::fs::write(&half, "half").unwrap();
    let store = Store::open(&url).await.unwrap();
    assert!(!half.exists());
    assert_eq!(
        store
            .read(&cid, ..)
            .await
            .unwrap()
            .collect(4)
            .await
            .unwrap(),
        b"kept"
    );

    for url in ["s4://bucket/x", "file://host/x", "http://"] {
        assert!(
            matches!(Store::open(url).await, Err(Error::Open { .. })),
            "{url}"
        );
    }
}

/// The victim: adds files for ever, and says each CID once it has it. Run by the test below.
#[tokio::test]
#[ignore = "a part of `killed_at_any_point`"]
async fn victim() {
    let Some(folder) = std::env::var_os("STORE_FOLDER") else {
        return;
    };
    let store = open(Path::new(&folder)).await;
    let start: u32 = std::env::var("STORE_SEED").unwrap().parse().unwrap();
    for seed in start.. {
        let options = AddOptions {
            layout: if seed % 2 == 0 {
                Layout::V0
            } else {
                Layout::V1
            },
            pin: true,
        };
        let added = store
            .add_file(pieces(content(seed, 700_000), 70_000), options)
            .await
            .unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "added {seed} {}", added.cid).unwrap();
        out.flush().unwrap();
        drop(out);
        if seed % 3 == 0 {
            store.gc().await.unwrap();
        }
    }
}

#[tokio::test]
async fn killed_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["durability::victim", "--exact", "--ignored", "--nocapture"])
            .env("STORE_FOLDER", folder.path())
            .env("STORE_SEED", (round * 1000).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut seen = 0;
        for line in lines {
            let Some((_, told)) = line.split_once("added ") else {
                continue;
            };
            let (seed, cid) = told.split_once(' ').unwrap();
            acknowledged.push((
                seed.parse::<u32>().unwrap(),
                canut_store::parse_cid(cid).unwrap(),
            ));
            seen += 1;
            if seen > round {
                // SIGKILL, in the middle of the next file or of a collection.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen > round, "the victim died by itself");

        let store = open(folder.path()).await;
        for (seed, cid) in &acknowledged {
            assert!(store.is_pinned(cid).await.unwrap());
            let read = store
                .read(cid, ..)
                .await
                .unwrap()
                .collect(700_000)
                .await
                .unwrap();
            assert!(read == content(*seed, 700_000), "{cid}");
        }
        // A pin that was written but not told is whole all the same.
        for pin in store.pins().await.unwrap() {
            store.pin(&pin).await.unwrap();
        }
        store.gc().await.unwrap();
    }
}
