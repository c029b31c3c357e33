//! A WebSocket session: calls, and subscriptions of its own.

use super::{
    Api, arity, convert,
    errors::{RpcError, RpcResult},
    logs::matching,
    message::{Call, notice, parse, raw},
    params::Params,
    server::{Answers, Server, reply},
};
use crate::{solo::ChainEvent, store::SealedBlock};
use alloy::rpc::types::Filter;
use alloy_primitives::{B256, map::HashMap};
use axum::extract::ws::{Message, WebSocket};
use serde_json::value::RawValue;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast::error::RecvError;

/// What a client wants to hear of.
#[derive(Debug)]
enum Wanted {
    Heads,
    Logs(Box<Filter>),
    /// Whole transactions, or their hashes.
    Pending(bool),
}

/// Ids are unique in the process, so that a late notice is never taken for another's.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// A client that has not read a message after this time is gone.
const SEND: Duration = Duration::from_secs(30);
/// How long the end of a session may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// A silent client is asked at this pace whether it is there: its answer keeps the connection open.
const PING: Duration = Duration::from_secs(30);

struct Session {
    server: Server,
    socket: WebSocket,
    wanted: HashMap<String, Wanted>,
}

/// The connection is gone.
struct Gone;

/// Serves one connection until either side ends it.
pub(super) async fn run(server: Server, socket: WebSocket) {
    let api = Arc::clone(&server.api);
    let (mut chain, mut pending) = (api.solo.subscribe(), api.pending.subscribe());
    let stop = server.stop.clone();
    api.metrics.sockets.inc();
    let mut session = Session {
        server,
        socket,
        wanted: HashMap::default(),
    };
    let mut ping = tokio::time::interval(PING);
    loop {
        let went_on = tokio::select! {
            () = stop.cancelled() => Err(Gone),
            _ = ping.tick() => session.send(Message::Ping(Default::default())).await,
            message = session.socket.recv() => match message {
                Some(Ok(Message::Text(text))) => session.received(text.as_bytes()).await,
                Some(Ok(Message::Binary(bytes))) => session.received(&bytes).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Gone),
                Some(Ok(_)) => Ok(()),
            },
            event = chain.recv() => match event {
                Ok(event) => session.happened(&event).await,
                Err(missed) => lagged(missed),
            },
            hash = pending.recv() => match hash {
                Ok(hash) => session.pooled(hash).await,
                // A flood of pending transactions is not worth the connection.
                Err(RecvError::Lagged(_)) => Ok(()),
                Err(RecvError::Closed) => Err(Gone),
            },
        };
        if went_on.is_err() {
            break;
        }
    }
    api.metrics.sockets.dec();
    // The other side may be gone already, or read nothing.
    let _ = tokio::time::timeout(FAREWELL, session.socket.send(Message::Close(None))).await;
}

/// A client too slow for its own subscriptions loses the connection rather than blocks in silence:
/// it will come back and look.
fn lagged(error: RecvError) -> Result<(), Gone> {
    tracing::debug!(%error, "a client is too slow: closing its connection");
    Err(Gone)
}

impl Session {
    /// Sends, unless the client does not read, or the node is to stop.
    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        let stop = self.server.stop.clone();
        tokio::select! {
            () = stop.cancelled() => Err(Gone),
            () = tokio::time::sleep(SEND) => Err(Gone),
            sent = self.socket.send(message) => sent.map_err(|_| Gone),
        }
    }

    async fn received(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let api = Arc::clone(&self.server.api);
        let message = parse(bytes, api.limits.batch);
        match reply(message, api.limits.response_bytes, self).await {
            Some(text) => self.send(Message::Text(text.into())).await,
            None => Ok(()),
        }
    }

    fn subscribe(&mut self, api: &Api, params: &Params<'_>) -> RpcResult<String> {
        if self.wanted.len() >= api.limits.subscriptions {
            let most = api.limits.subscriptions;
            return Err(RpcError::limit(format!(
                "too many subscriptions (limit {most} a connection): unsubscribe some"
            )));
        }
        let kind: String = params.get(0)?;
        let wanted = match kind.as_str() {
            "newHeads" => Wanted::Heads,
            "newPendingTransactions" => Wanted::Pending(params.opt(1)?.unwrap_or(false)),
            "logs" => {
                let filter: Filter = params.opt(1)?.unwrap_or_default();
                api.check_filter(&filter)?;
                Wanted::Logs(Box::new(filter))
            }
            other => {
                let shown: String = other.chars().take(64).collect();
                return Err(RpcError {
                    code: -32601,
                    message: format!("no \"{shown}\" subscription in eth namespace"),
                    data: None,
                });
            }
        };
        let id = format!(
            "{:#034x}",
            u128::from(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1)
        );
        self.wanted.insert(id.clone(), wanted);
        Ok(id)
    }

    async fn happened(&mut self, event: &ChainEvent) -> Result<(), Gone> {
        let mut notices = Vec::new();
        for (id, wanted) in &self.wanted {
            match event {
                ChainEvent::Added(block) => added(id, wanted, block, &mut notices),
                ChainEvent::Removed(blocks) => {
                    for block in blocks {
                        removed(id, wanted, block, &mut notices);
                    }
                }
            }
        }
        for text in notices {
            self.send(Message::Text(text.into())).await?;
        }
        Ok(())
    }

    async fn pooled(&mut self, hash: B256) -> Result<(), Gone> {
        let mut notices = Vec::new();
        for (id, wanted) in &self.wanted {
            let Wanted::Pending(full) = wanted else {
                continue;
            };
            let value = if *full {
                let told = self.server.api.announced(hash);
                told.ok().flatten().map(|tx| raw(&tx))
            } else {
                Some(raw(&hash))
            };
            notices.extend(value.into_iter().flatten().map(|value| notice(id, &value)));
        }
        for text in notices {
            self.send(Message::Text(text.into())).await?;
        }
        Ok(())
    }
}

impl Answers for Session {
    async fn answer(&mut self, call: &Call<'_>) -> RpcResult<Box<RawValue>> {
        let api = Arc::clone(&self.server.api);
        if let Some(most) = arity::most(&call.method) {
            call.params.at_most(most)?;
        }
        match &*call.method {
            "eth_subscribe" => raw(&self.subscribe(&api, &call.params)?),
            "eth_unsubscribe" => match self.wanted.remove(&call.params.get::<String>(0)?) {
                Some(_) => raw(&true),
                None => Err(RpcError::server("subscription not found")),
            },
            _ => api.answer(call).await,
        }
    }
}

fn added(id: &str, wanted: &Wanted, block: &SealedBlock, notices: &mut Vec<String>) {
    let values: Vec<_> = match wanted {
        Wanted::Heads => vec![raw(&convert::header(block.hash, &block.header, None))],
        Wanted::Logs(filter) => matching(block, filter).map(|log| raw(&log)).collect(),
        Wanted::Pending(_) => return,
    };
    notices.extend(values.into_iter().flatten().map(|value| notice(id, &value)));
}

/// Logs of a block that was taken back are told again, as removed.
fn removed(id: &str, wanted: &Wanted, block: &SealedBlock, notices: &mut Vec<String>) {
    let Wanted::Logs(filter) = wanted else { return };
    let logs = matching(block, filter).map(|log| {
        raw(&alloy::rpc::types::Log {
            removed: true,
            ..log
        })
    });
    notices.extend(logs.flatten().map(|value| notice(id, &value)));
}
