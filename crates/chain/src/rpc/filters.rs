//! Filters: what happened since a client asked last.

use super::{
    Api,
    errors::{RpcError, RpcResult},
    message::raw,
    params::Params,
};
use alloy::rpc::types::{Filter, FilterBlockOption, Log};
use alloy_primitives::{B256, map::HashMap};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Filters by id.
#[derive(Debug)]
pub(crate) struct Filters {
    inner: Mutex<Inner>,
    most: usize,
    life: Duration,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    filters: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    asked: Instant,
}

#[derive(Debug)]
enum Kind {
    /// Next height to look at.
    Blocks(u64),
    /// The filter, and the next height to look at.
    Logs(Box<Filter>, u64),
    Pending(broadcast::Receiver<B256>),
}

/// Hashes that a pending filter answers at once.
const PENDING_HASHES: usize = 10_000;

impl Filters {
    pub(crate) fn new(most: usize, life: Duration) -> Self {
        Self {
            inner: Mutex::default(),
            most,
            life,
        }
    }

    fn insert(&self, kind: Kind) -> RpcResult<String> {
        let mut inner = self.inner.lock();
        if inner.filters.len() >= self.most {
            let life = self.life;
            inner
                .filters
                .retain(|_, entry| entry.asked.elapsed() < life);
        }
        if inner.filters.len() >= self.most {
            return Err(RpcError::limit(format!(
                "too many filters (limit {}): uninstall some",
                self.most
            )));
        }
        inner.last += 1;
        let id = format!("{:#x}", inner.last);
        inner.filters.insert(
            id.clone(),
            Entry {
                kind,
                asked: Instant::now(),
            },
        );
        Ok(id)
    }

    pub(crate) fn remove(&self, id: &str) -> bool {
        self.inner.lock().filters.remove(id).is_some()
    }

    /// Works on a live filter.
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Kind) -> T) -> RpcResult<T> {
        let mut inner = self.inner.lock();
        let life = self.life;
        let entry = inner
            .filters
            .get_mut(id)
            .filter(|entry| entry.asked.elapsed() < life);
        let entry = entry.ok_or_else(|| RpcError::server("filter not found"))?;
        entry.asked = Instant::now();
        Ok(work(&mut entry.kind))
    }
}

impl Api {
    pub(super) fn new_log_filter(&self, filter: Filter) -> RpcResult<String> {
        self.check_filter(&filter)?;
        let next = self.head().head.number() + 1;
        self.filters.insert(Kind::Logs(Box::new(filter), next))
    }

    pub(super) fn new_block_filter(&self) -> RpcResult<String> {
        self.filters
            .insert(Kind::Blocks(self.head().head.number() + 1))
    }

    pub(super) fn new_pending_filter(&self) -> RpcResult<String> {
        self.filters.insert(Kind::Pending(self.pending.subscribe()))
    }

    pub(super) fn filter_changes(&self, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        let id: String = params.get(0)?;
        let version = self.head();
        let head = version.head.number();
        // What to look at is decided under the lock, the look is taken outside.
        enum Work {
            Hashes(u64),
            Logs(Box<Filter>, u64),
            Done(Vec<B256>),
        }
        // After blocks were taken back the next height is again the one above the head.
        let advance = |next: &mut u64| std::mem::replace(next, head + 1).min(head + 1);
        let work = self.filters.with(&id, |kind| match kind {
            Kind::Blocks(next) => Work::Hashes(advance(next)),
            Kind::Logs(filter, next) => Work::Logs(filter.clone(), advance(next)),
            Kind::Pending(receiver) => Work::Done(drain(receiver)),
        })?;
        match work {
            Work::Done(hashes) => raw(&hashes),
            Work::Hashes(from) => {
                let from = from.max((head + 1).saturating_sub(PENDING_HASHES as u64));
                let hashes =
                    (from..=head).map(|number| Ok(version.header(number)?.map(|(hash, _)| hash)));
                raw(&hashes.collect::<RpcResult<Vec<_>>>()?)
            }
            Work::Logs(filter, from) => {
                let (first, last) = match filter.block_option {
                    FilterBlockOption::AtBlockHash(_) => return raw(&[(); 0]),
                    FilterBlockOption::Range {
                        from_block,
                        to_block,
                    } => (
                        from_block.and_then(|tag| tag.as_number()).unwrap_or(0),
                        to_block.and_then(|tag| tag.as_number()).unwrap_or(u64::MAX),
                    ),
                };
                raw(&self.search(&version, &filter, from.max(first), head.min(last))?)
            }
        }
    }

    pub(super) fn filter_logs(&self, params: &Params<'_>) -> RpcResult<Vec<Log>> {
        let id: String = params.get(0)?;
        let filter = self.filters.with(&id, |kind| match kind {
            Kind::Logs(filter, _) => Some(filter.clone()),
            _ => None,
        })?;
        self.get_logs(&*filter.ok_or_else(|| RpcError::server("filter not found"))?)
    }
}

fn drain(receiver: &mut broadcast::Receiver<B256>) -> Vec<B256> {
    let mut hashes = Vec::new();
    while hashes.len() < PENDING_HASHES {
        match receiver.try_recv() {
            Ok(hash) => hashes.push(hash),
            // Those that were missed are gone; go on with what there is.
            Err(broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(_) => break,
        }
    }
    hashes
}
