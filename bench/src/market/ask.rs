//! Asking, and how long the answers take.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use eyre::{Result, ensure};
use tokio::task::JoinSet;

use super::{
    report::{Times, used},
    world::CHAIN,
};
use crate::http::Connection;

/// Something to ask.
#[derive(Debug)]
pub(super) struct Question {
    /// Of which sort it is.
    pub(super) sort: &'static str,
    /// Path and query, without the chain.
    pub(super) path: String,
    /// What is posted; a GET without.
    pub(super) body: Option<Bytes>,
}

/// All answers, and those of each sort.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) all: Times,
    pub(super) sorts: BTreeMap<&'static str, Times>,
}

/// Asks all, with so many clients at once that wait for one answer each.
pub(super) async fn all(
    address: SocketAddr,
    questions: Vec<Question>,
    clients: usize,
) -> Result<Measured> {
    let work = Arc::new((questions, AtomicUsize::new(0)));
    let (start, before) = (Instant::now(), used()?);
    let mut running = JoinSet::new();
    for _ in 0..clients.max(1) {
        running.spawn(client(address, Arc::clone(&work)));
    }
    let mut measured = Measured::default();
    while let Some(done) = running.join_next().await {
        for (sort, time) in done?? {
            measured.all.each.push(time);
            measured.sorts.entry(sort).or_default().each.push(time);
        }
    }
    measured.all.elapsed = start.elapsed();
    measured.all.processor = used()? - before;
    Ok(measured)
}

async fn client(
    address: SocketAddr,
    work: Arc<(Vec<Question>, AtomicUsize)>,
) -> Result<Vec<(&'static str, Duration)>> {
    let (questions, next) = &*work;
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::new();
    while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
        let separator = if question.path.contains('?') {
            '&'
        } else {
            '?'
        };
        let path = format!("{}{separator}chainId={CHAIN}", question.path);
        let start = Instant::now();
        let (status, answer) = match &question.body {
            None => connection.get(&path).await?,
            Some(body) => connection.post(&path, None, body.clone()).await?,
        };
        times.push((question.sort, start.elapsed()));
        ensure!(status.is_success(), "{path}: {answer:?}");
    }
    Ok(times)
}
