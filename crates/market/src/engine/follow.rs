//! Following the chain.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Market, PATIENCE, writer::Command};
use crate::chain::ChainError;

/// Hands every step of the chain to the writer, until `stop`. A chain that does not answer is asked again.
pub(super) async fn run(market: Market, stop: CancellationToken) {
    let mut wait = Duration::from_millis(100);
    loop {
        let followed = tokio::select! {
            followed = follow(&market) => followed,
            () = stop.cancelled() => return,
        };
        match followed {
            Ok(true) => wait = Duration::from_millis(100),
            Ok(false) => {}
            Err(cause) => warn!(%cause, "lost the chain, trying again"),
        }
        market.metrics.chain_lost();
        tokio::select! {
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(PATIENCE),
            () = stop.cancelled() => return,
        }
    }
}

/// Follows from the newest durable block on. Ends with whether it got anywhere, when the stream ends or a step could not be
/// made durable.
async fn follow(market: &Market) -> Result<bool, ChainError> {
    let known = market.read().known();
    let mut updates = market.chain.updates(known);
    let mut any = false;
    while let Some(update) = updates.next().await {
        let (done, durable) = oneshot::channel();
        let update = update?;
        if market.order(Command::Chain { update, done }).await.is_err() || durable.await.is_err() {
            return Ok(any);
        }
        any = true;
    }
    Ok(any)
}
