//! The measures: many clients at once, and one alone.

use super::{
    http::Connection,
    transfers::{Asking, receipt, send},
};
use crate::times::Sorted;
use alloy::primitives::B256;
use bytes::Bytes;
use eyre::{Result, eyre};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinSet};

/// What was measured: how long it all took, and from each send to its receipt.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) elapsed: Duration,
    /// Transfers in all.
    pub(super) count: f64,
    pub(super) latencies: Sorted,
}

impl Measure {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn new(start: Instant, latencies: Vec<Duration>) -> Self {
        Self {
            elapsed: start.elapsed(),
            count: latencies.len() as f64,
            latencies: latencies.into_iter().collect(),
        }
    }

    /// Transfers a second.
    pub(super) fn rate(&self) -> f64 {
        self.count / self.elapsed.as_secs_f64()
    }
}

/// All clients at once, each with about `window` transfers unconfirmed; over when the last receipt is there.
pub(super) async fn sustained(
    address: SocketAddr,
    work: Vec<Vec<Bytes>>,
    window: usize,
) -> Result<Measure> {
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for bodies in work {
        clients.spawn(client(address, bodies, window));
    }
    let mut latencies = Vec::new();
    while let Some(done) = clients.join_next().await {
        latencies.extend(done??);
    }
    Ok(Measure::new(start, latencies))
}

/// One client: a connection that sends, in the order of the nonces, and one that asks for the receipts.
async fn client(address: SocketAddr, bodies: Vec<Bytes>, window: usize) -> Result<Vec<Duration>> {
    let (sent, mut unconfirmed) = mpsc::channel::<(Instant, B256)>(window);
    let (mut out, mut back) = (
        Connection::open(address).await?,
        Connection::open(address).await?,
    );
    let count = bodies.len();
    let sending = async move {
        for body in bodies {
            let at = Instant::now();
            let hash = send(&mut out, body).await?;
            sent.send((at, hash))
                .await
                .map_err(|_| eyre!("nobody waits for receipts"))?;
        }
        eyre::Ok(())
    };
    let confirming = async move {
        let mut latencies = Vec::with_capacity(count);
        while let Some((at, hash)) = unconfirmed.recv().await {
            receipt(&mut back, hash, Asking::Patiently(at)).await?;
            latencies.push(at.elapsed());
        }
        eyre::Ok(latencies)
    };
    let ((), latencies) = tokio::try_join!(sending, confirming)?;
    Ok(latencies)
}

/// One client alone, one transfer at a time, asking for the receipt without a pause.
pub(super) async fn alone(address: SocketAddr, bodies: Vec<Bytes>) -> Result<Measure> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::with_capacity(bodies.len());
    let start = Instant::now();
    for body in bodies {
        let at = Instant::now();
        let hash = send(&mut connection, body).await?;
        receipt(&mut connection, hash, Asking::AtOnce).await?;
        latencies.push(at.elapsed());
    }
    Ok(Measure::new(start, latencies))
}
