//! A pool and its workers, played by hand: every step is a transaction of the one whose it is.

use std::io::{Cursor, Write};

use alloy::{primitives::B256, signers::SignerSync, signers::local::PrivateKeySigner};
use alloy_primitives::{Address, Bytes};
use canut_client::Account;
use canut_hub::Ballot;
use canut_protocol::{DealId, Nrlc, TaskId, result::authorization_digest, signature};
use canut_store::AddOptions;
use serde_json::json;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::world::World;

/// Workers of a pool, each with a stake.
pub(crate) struct Crew {
    pub(crate) scheduler: Account,
    key: PrivateKeySigner,
    pub(crate) workers: Vec<Account>,
}

impl Crew {
    /// `key` is the scheduler's.
    pub(crate) async fn hire(
        world: &World,
        scheduler: Account,
        key: PrivateKeySigner,
        count: usize,
    ) -> Self {
        let mut workers = Vec::new();
        for _ in 0..count {
            let worker = world.person(10).await;
            worker.deposit(Nrlc::rlc(10)).await.unwrap();
            workers.push(worker);
        }
        Self {
            scheduler,
            key,
            workers,
        }
    }

    /// Opens a task and has each worker vote, in order.
    pub(crate) async fn vote(&self, deal: DealId, index: u64, digests: &[B256]) -> TaskId {
        let task = TaskId::of(deal, index);
        self.scheduler
            .caller()
            .initialize(deal, index)
            .await
            .unwrap();
        for (worker, digest) in self.workers.iter().zip(digests) {
            let authorization = authorization_digest(worker.address(), task, Address::ZERO);
            // The digest has its EIP-191 prefix already.
            let sign = self.key.sign_hash_sync(&authorization).unwrap();
            let ballot = Ballot {
                digest: *digest,
                authorization: signature::to_bytes(&sign),
                ..Ballot::default()
            };
            worker.caller().contribute(task, &ballot).await.unwrap();
        }
        task
    }

    /// Those who voted for `digest` show it, and the scheduler publishes where the result is.
    pub(crate) async fn finish(&self, task: TaskId, digests: &[B256], digest: B256, cid: &str) {
        for (worker, voted) in self.workers.iter().zip(digests) {
            if *voted == digest {
                worker.caller().reveal(task, digest).await.unwrap();
            }
        }
        let link = json!({ "storage": "ipfs", "location": format!("/ipfs/{cid}") }).to_string();
        self.scheduler
            .caller()
            .finalize(task, link.into_bytes().into(), Bytes::new())
            .await
            .unwrap();
    }
}

/// Puts an archive of these files in the store.
pub(crate) async fn upload(world: &World, files: &[(&str, &str)]) -> String {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in files {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    world
        .store
        .add_bytes(bytes, AddOptions::default())
        .await
        .unwrap()
        .cid
        .to_string()
}
