//! The push feed: what happens in the market, to whoever listens.
//!
//! The feed is bounded. A listener that falls behind by more than [`BACKLOG`] messages is told so and dropped: it reads the
//! book anew and listens again. Nobody waits for a slow listener.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{OrderHash, TaskId, order::OrderKind};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{
    chain::{DealRecord, Happening, TaskStep},
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
    Tasks,
}

/// One message, written once for all listeners.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Who listens to any of these hears it.
    pub(crate) topics: &'static [Topic],
    pub(crate) text: Arc<str>,
}

/// A step of a task, with what belongs to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTask<'a> {
    taskid: TaskId,
    chain_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    workerpool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_hash: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_digest: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<&'a Bytes>,
    block_number: u64,
    block_timestamp: String,
    transaction_hash: B256,
}

impl<'a> ShownTask<'a> {
    fn new(
        chain_id: u64,
        happening: &Happening,
        taskid: TaskId,
        step: &'a TaskStep,
        transaction_hash: B256,
    ) -> Self {
        use TaskStep as S;
        let text = |address: &Address| Some(address.to_checksum(None));
        Self {
            taskid,
            chain_id,
            workerpool: match step {
                S::Initialized { workerpool } => text(workerpool),
                _ => None,
            },
            worker: match step {
                S::Contributed { worker, .. } | S::Revealed { worker, .. } => text(worker),
                _ => None,
            },
            result_hash: match step {
                S::Contributed { result_hash, .. } | S::Consensus { result_hash } => {
                    Some(*result_hash)
                }
                _ => None,
            },
            result_digest: match step {
                S::Revealed { digest, .. } => Some(*digest),
                _ => None,
            },
            results: match step {
                S::Finalized { results } => Some(results),
                _ => None,
            },
            block_number: happening.block,
            block_timestamp: happening.iso(),
            transaction_hash,
        }
    }
}

/// The name of a step in the feed.
const fn name(step: &TaskStep) -> &'static str {
    match step {
        TaskStep::Initialized { .. } => "initialized",
        TaskStep::Contributed { .. } => "contributed",
        TaskStep::Consensus { .. } => "consensus",
        TaskStep::Revealed { .. } => "revealed",
        TaskStep::Reopened => "reopened",
        TaskStep::Finalized { .. } => "finalized",
        TaskStep::Claimed => "claimed",
    }
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
    fn new(topics: &'static [Topic], event: String, payload: impl Serialize) -> Option<Self> {
        let text = serde_json::to_string(&Envelope { event, payload }).ok()?;
        Some(Self {
            topics,
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
            &[Topic::Orders],
            format!("{}_{what}", kind_name(listed.entry.kind())),
            listed,
        )
    }

    pub(crate) fn unpublished(kind: OrderKind, hash: OrderHash) -> Option<Self> {
        Self::new(
            &[Topic::Orders],
            format!("{}_unpublished", kind_name(kind)),
            hash,
        )
    }

    pub(crate) fn deal(chain_id: u64, happening: &Happening, made: &DealRecord) -> Option<Self> {
        Self::new(
            &[Topic::Deals],
            "deal_created".to_owned(),
            ShownDeal::new(chain_id, happening, made),
        )
    }

    /// A task got further.
    pub(crate) fn task(
        chain_id: u64,
        happening: &Happening,
        (task, step, transaction): (TaskId, &TaskStep, B256),
    ) -> Option<Self> {
        let event = format!("task_{}", name(step));
        Self::new(
            &[Topic::Tasks],
            event,
            ShownTask::new(chain_id, happening, task, step, transaction),
        )
    }

    /// Deals and steps of tasks above that height are void.
    pub(crate) fn rollback(to: u64) -> Option<Self> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Rollback {
            block_number: u64,
        }
        Self::new(
            &[Topic::Deals, Topic::Tasks],
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
