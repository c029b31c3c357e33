//! The push feed: what happens in the market, to whoever listens.
//!
//! The feed is bounded. A listener that falls behind by more than [`BACKLOG`] messages is told so and dropped: it reads the
//! book anew and listens again. Nobody waits for a slow listener.

use std::sync::Arc;

use canut_protocol::{OrderHash, order::OrderKind};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{
    chain::{DealRecord, Happening},
    order::{Listed, kind_name},
    storage::ShownDeal,
};

/// Messages kept for listeners that are behind.
pub(crate) const BACKLOG: usize = 4_096;

/// What a listener can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Orders,
    Deals,
}

/// One message, written once for all listeners.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) topic: Topic,
    pub(crate) text: Arc<str>,
}

/// The sending side.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Message>,
}

#[derive(Serialize)]
struct Envelope<T> {
    event: String,
    payload: T,
}

impl Message {
    fn new(topic: Topic, event: String, payload: impl Serialize) -> Option<Self> {
        let text = serde_json::to_string(&Envelope { event, payload }).ok()?;
        Some(Self {
            topic,
            text: text.into(),
        })
    }

    pub(crate) fn published(listed: &Listed) -> Option<Self> {
        Self::order(listed, "published")
    }

    pub(crate) fn updated(listed: &Listed) -> Option<Self> {
        Self::order(listed, "updated")
    }

    fn order(listed: &Listed, what: &str) -> Option<Self> {
        Self::new(
            Topic::Orders,
            format!("{}_{what}", kind_name(listed.entry.kind())),
            listed,
        )
    }

    pub(crate) fn unpublished(kind: OrderKind, hash: OrderHash) -> Option<Self> {
        Self::new(
            Topic::Orders,
            format!("{}_unpublished", kind_name(kind)),
            hash,
        )
    }

    pub(crate) fn deal(chain_id: u64, happening: &Happening, made: &DealRecord) -> Option<Self> {
        Self::new(
            Topic::Deals,
            "deal_created".to_owned(),
            ShownDeal::new(chain_id, happening, made),
        )
    }

    /// Deals above that height are void.
    pub(crate) fn rollback(to: u64) -> Option<Self> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Rollback {
            block_number: u64,
        }
        Self::new(
            Topic::Deals,
            "rollback".to_owned(),
            Rollback { block_number: to },
        )
    }
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
        }
    }

    /// Tells everyone who listens.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            // Nobody listening is no error.
            let _ = self.sender.send(message);
        }
    }

    /// Whether anyone listens: else messages need not be written.
    pub(crate) fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Message> {
        self.sender.subscribe()
    }
}
