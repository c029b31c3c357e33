//! What protects content that is being added, or pinned, from garbage collection.
//!
//! A collection keeps what pins and open sessions reach. A session lists its *frontier*: the blocks
//! it has written that no block of its own links to yet. For a file that is at most one node's
//! worth of links a level, whatever the file's size. While a collection runs, every block written
//! or walked is also noted in its set of live blocks, and a block is deleted under a lock that the
//! writer of that block takes too: so a block is either seen live before it is deleted, or written
//! anew after.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use cid::Cid;
use tokio::sync::RwLock;

use crate::{Result, address, objects::Objects};

const STRIPES: usize = 64;

/// Blocks to keep, by digest; `true` once their links were followed.
pub(crate) type Live = HashMap<[u8; 32], bool>;

/// Sessions and, while one runs, the collection.
#[derive(Debug)]
pub(crate) struct Guard {
    state: Mutex<State>,
    stripes: [RwLock<()>; STRIPES],
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    frontiers: HashMap<u64, HashSet<Cid>>,
    live: Option<Live>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            stripes: std::array::from_fn(|_| RwLock::default()),
        }
    }
}

impl Guard {
    pub(crate) fn stripe(&self, digest: &[u8; 32]) -> &RwLock<()> {
        &self.stripes[usize::from(digest[0]) % STRIPES]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is a single step: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, blocks written are noted; `stop` ends it.
    pub(crate) fn start_collection(&self) {
        self.state().live = Some(Live::new());
    }

    pub(crate) fn stop_collection(&self) {
        self.state().live = None;
    }

    pub(crate) fn frontier(&self) -> Vec<Cid> {
        self.state().frontiers.values().flatten().copied().collect()
    }

    pub(crate) fn is_live(&self, digest: &[u8; 32]) -> bool {
        self.state()
            .live
            .as_ref()
            .is_some_and(|live| live.contains_key(digest))
    }

    /// Keeps a block, and says whether its links are still to be followed. A leaf has none, but the
    /// same bytes may also be somebody's node: so a block that was only seen as a leaf is followed
    /// when it is met as a node.
    pub(crate) fn mark(&self, cid: &Cid) -> Result<bool> {
        let digest = address::digest(cid)?;
        let node = address::codec(cid)? == address::Codec::DagPb;
        let mut state = self.state();
        let Some(live) = state.live.as_mut() else {
            return Ok(false);
        };
        let followed = live.entry(digest).or_default();
        Ok(node && !std::mem::replace(followed, true))
    }

    fn note(&self, digest: [u8; 32]) {
        if let Some(live) = self.state().live.as_mut() {
            live.entry(digest).or_default();
        }
    }
}

/// One addition or pinning under way. Dropped, it protects nothing any more: pin first.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    guard: Arc<Guard>,
    objects: Objects,
}

impl Session {
    pub(crate) fn open(guard: Arc<Guard>, objects: Objects) -> Self {
        let id = {
            let mut state = guard.state();
            state.next += 1;
            let id = state.next;
            state.frontiers.insert(id, HashSet::new());
            id
        };
        Self { id, guard, objects }
    }

    /// Writes a block that nothing of this session links to yet.
    pub(crate) async fn put(&self, cid: &Cid, bytes: Bytes) -> Result<()> {
        self.protect(cid);
        let digest = address::digest(cid)?;
        let _stripe = self.guard.stripe(&digest).read().await;
        self.guard.note(digest);
        self.objects.put(cid, bytes).await
    }

    /// Reads a block that must be kept.
    pub(crate) async fn get(&self, cid: &Cid) -> Result<Bytes> {
        let digest = address::digest(cid)?;
        let _stripe = self.guard.stripe(&digest).read().await;
        self.guard.note(digest);
        self.objects.get(cid).await
    }

    /// Adds to the frontier what is already stored.
    pub(crate) fn protect(&self, cid: &Cid) {
        self.with_frontier(|frontier| {
            frontier.insert(*cid);
        });
    }

    /// A node that was written links to these: they are kept by it.
    pub(crate) fn joined(&self, children: &[Cid]) {
        self.with_frontier(|frontier| {
            for child in children {
                frontier.remove(child);
            }
        });
    }

    fn with_frontier(&self, change: impl FnOnce(&mut HashSet<Cid>)) {
        if let Some(frontier) = self.guard.state().frontiers.get_mut(&self.id) {
            change(frontier);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.guard.state().frontiers.remove(&self.id);
    }
}
