//! The one task that changes the market.

use std::sync::Arc;

use alloy_primitives::Address;
use canut_protocol::{OrderHash, order::OrderKind};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Market, Rejected, State, Target};
use crate::{
    chain::{BlockRef, Event, Update},
    feed::Message,
    order::{Entry, Listed},
    storage::{Change, StorageError},
};

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Publish {
        entry: Arc<Entry>,
        reply: oneshot::Sender<Result<Arc<Listed>, Rejected>>,
    },
    Unpublish {
        kind: OrderKind,
        signer: Address,
        target: Target,
        reply: oneshot::Sender<Result<Vec<OrderHash>, Rejected>>,
    },
    Chain {
        update: Update,
        /// Told when it is durable.
        done: oneshot::Sender<()>,
    },
}

/// Commands committed together at most.
const GROUP: usize = 512;

/// What is told once a group is durable.
enum Reply {
    Published(oneshot::Sender<Result<Arc<Listed>, Rejected>>, Arc<Listed>),
    Unpublished(
        oneshot::Sender<Result<Vec<OrderHash>, Rejected>>,
        Vec<OrderHash>,
    ),
    Followed(oneshot::Sender<()>, Option<BlockRef>),
}

/// A group of commands, worked out in memory.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    replies: Vec<Reply>,
    messages: Vec<Option<Message>>,
}

/// Works commands off until `stop`; those that wait by then are still done.
pub(super) async fn run(
    market: Market,
    mut queue: mpsc::Receiver<Command>,
    stop: CancellationToken,
) {
    let mut commands = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            count = queue.recv_many(&mut commands, GROUP) => if count == 0 {
                return;
            },
            () = stop.cancelled() => return,
        }
        let group = work_out(&market, commands.drain(..));
        if group.changes.is_empty() {
            continue;
        }
        match market.store.commit(&group.changes).await {
            Ok(()) => group.tell(&market),
            Err(cause) => {
                error!(%cause, "the database refused a commit; nothing of it holds");
                let followed = group.refuse(cause);
                reload(&market, &stop).await;
                // The follower starts again from what is durable: it is told once the memory is that again.
                drop(followed);
            }
        }
    }
}

fn work_out(market: &Market, commands: impl Iterator<Item = Command>) -> Group {
    let mut group = Group::default();
    let heard = market.feed.is_heard();
    let mut state = market.state.write();
    for command in commands {
        match command {
            Command::Publish { entry, reply } => {
                match state.admit(&entry, market.bounds) {
                    Ok(()) => {
                        let (kind, signer) = (entry.kind(), entry.signer);
                        group.publish(&mut state, entry, reply, heard);
                        let old = state.book.surplus(kind, signer, market.bounds.closed);
                        group.remove(&mut state, kind, &old, heard);
                    }
                    // Whoever asked may have gone.
                    Err(rejected) => drop(reply.send(Err(rejected))),
                }
            }
            Command::Unpublish {
                kind,
                signer,
                target,
                reply,
            } => {
                let hashes = state.targets(kind, signer, target);
                if hashes.is_empty() {
                    drop(reply.send(Err(Rejected::NothingToUnpublish(kind))));
                } else {
                    group.unpublish(&mut state, kind, hashes, reply, heard);
                }
            }
            Command::Chain { update, done } => {
                let changed = state.apply(&update);
                if heard {
                    group.messages.extend(told(market.domain.chain_id, &update));
                    group
                        .messages
                        .extend(changed.iter().map(|listed| Message::updated(listed)));
                }
                group.changes.push(match update {
                    Update::Batch(batch) => Change::Grow(batch),
                    Update::Rollback { to } => Change::Rollback(to),
                });
                group.replies.push(Reply::Followed(done, state.head()));
            }
        }
    }
    group
}

/// What the feed says of a step of the chain.
fn told(chain_id: u64, update: &Update) -> Vec<Option<Message>> {
    match update {
        Update::Rollback { to } => vec![Message::rollback(*to)],
        Update::Batch(batch) => {
            let told = batch
                .events
                .iter()
                .filter_map(|happening| match &happening.event {
                    Event::Matched(made) => Some(Message::deal(chain_id, happening, made)),
                    Event::Task {
                        task,
                        step,
                        transaction,
                    } => {
                        let what = (*task, step, *transaction);
                        Some(Message::task(chain_id, happening, what))
                    }
                    _ => None,
                });
            told.collect()
        }
    }
}

impl Group {
    fn publish(
        &mut self,
        state: &mut State,
        entry: Arc<Entry>,
        reply: oneshot::Sender<Result<Arc<Listed>, Rejected>>,
        heard: bool,
    ) {
        let State { book, mirror, .. } = state;
        let changed = book.insert(Arc::clone(&entry), mirror);
        let Some((listed, others)) = changed.split_first() else {
            // It was dead, and lives again by the very rules that admit it: nothing to write.
            if let Some(listed) = book.get(entry.hash) {
                drop(reply.send(Ok(Arc::clone(listed))));
            }
            return;
        };
        if heard {
            self.messages.push(Message::published(listed));
            self.messages
                .extend(others.iter().map(|listed| Message::updated(listed)));
        }
        self.changes.push(Change::Publish(entry));
        self.replies
            .push(Reply::Published(reply, Arc::clone(listed)));
    }

    fn unpublish(
        &mut self,
        state: &mut State,
        kind: OrderKind,
        hashes: Vec<OrderHash>,
        reply: oneshot::Sender<Result<Vec<OrderHash>, Rejected>>,
        heard: bool,
    ) {
        self.remove(state, kind, &hashes, heard);
        self.replies.push(Reply::Unpublished(reply, hashes));
    }

    fn remove(&mut self, state: &mut State, kind: OrderKind, hashes: &[OrderHash], heard: bool) {
        let State { book, mirror, .. } = state;
        for hash in hashes {
            let changed = book.remove(*hash, mirror);
            if heard {
                self.messages.push(Message::unpublished(kind, *hash));
                self.messages
                    .extend(changed.iter().map(|listed| Message::updated(listed)));
            }
            self.changes.push(Change::Unpublish(*hash));
        }
    }

    /// The group is durable: answers, and feeds. Whoever asked may have gone.
    fn tell(self, market: &Market) {
        market.feed.send(self.messages.into_iter().flatten());
        for reply in self.replies {
            match reply {
                Reply::Published(reply, listed) => {
                    market.metrics.published(listed.entry.kind());
                    drop(reply.send(Ok(listed)));
                }
                Reply::Unpublished(reply, hashes) => drop(reply.send(Ok(hashes))),
                Reply::Followed(done, head) => {
                    market.durable.send_replace(head);
                    let _ = done.send(());
                }
            }
        }
    }

    /// Says that nothing was done, to all but those who follow the chain: they see their senders dropped.
    fn refuse(self, cause: StorageError) -> Vec<oneshot::Sender<()>> {
        let cause = Arc::new(cause);
        let mut followed = Vec::new();
        for reply in self.replies {
            match reply {
                Reply::Published(reply, _) => drop(reply.send(Err(Arc::clone(&cause).into()))),
                Reply::Unpublished(reply, _) => drop(reply.send(Err(Arc::clone(&cause).into()))),
                Reply::Followed(done, _) => followed.push(done),
            }
        }
        followed
    }
}

/// Takes the memory back to what is durable, as soon as the database answers.
async fn reload(market: &Market, stop: &CancellationToken) {
    let mut wait = std::time::Duration::from_millis(100);
    loop {
        match State::load(&market.store, market.domain).await {
            Ok(state) => {
                *market.state.write() = state;
                info!("the book was read back from the database");
                return;
            }
            Err(cause) => warn!(%cause, "the database does not answer, trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(super::PATIENCE),
            () = stop.cancelled() => return,
        }
    }
}
