//! Being told of new blocks.

use std::time::Duration;

use alloy::{
    providers::{DynProvider, Provider},
    pubsub::RawSubscription,
    transports::{RpcError, TransportErrorKind},
};
use tokio::{sync::broadcast::error::RecvError, time::sleep};
use tracing::debug;

/// Waits for blocks: told by the node where it can (WebSocket), by looking again after a while where it cannot (HTTP).
#[derive(Debug)]
pub(crate) struct Heads {
    provider: DynProvider,
    poll: Duration,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Nobody asked the node yet, or the subscription ended.
    Untried,
    Told(RawSubscription),
    /// The node tells nothing.
    Silent,
}

impl Heads {
    /// Blocks of `provider`'s chain; it is worth looking again after `poll` in any case.
    pub(crate) const fn new(provider: DynProvider, poll: Duration) -> Self {
        Self {
            provider,
            poll,
            source: Source::Untried,
        }
    }

    /// Waits until there may be a new block. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) {
        match &mut self.source {
            Source::Untried => match self.provider.subscribe_blocks().await {
                // A block may have come between the last look and the subscription.
                Ok(subscription) => self.source = Source::Told(subscription.into_raw()),
                Err(
                    RpcError::Transport(TransportErrorKind::PubsubUnavailable)
                    | RpcError::ErrorResp(_),
                ) => self.source = Source::Silent,
                Err(error) => {
                    debug!(%error, "the node tells no heads yet, they are looked for");
                    sleep(self.poll).await;
                }
            },
            Source::Told(subscription) => tokio::select! {
                told = subscription.recv() => {
                    if matches!(told, Err(RecvError::Closed)) {
                        self.source = Source::Untried;
                        sleep(self.poll).await;
                        return;
                    }
                    // One look is enough for all that were told by now.
                    while subscription.try_recv().is_ok() {}
                }
                () = sleep(self.poll) => {}
            },
            Source::Silent => sleep(self.poll).await,
        }
    }
}
