//! The session with the pool: opened by the worker, opened again when it breaks.

use std::time::Duration;

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::Address;
use canut_pool::session::{MAX_FRAME, MAX_HOLDING, ToPool, ToWorker, VERSION, digest};
use canut_protocol::{Domain, Tag, TaskId, benchmark::SignedBenchmark, signature};
use futures::{SinkExt, StreamExt};
use rand::RngExt;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use tracing::{debug, info};

use crate::presence::Pause;

/// How long the pool may take to answer, and a message to leave.
const PATIENCE: Duration = Duration::from_secs(10);
/// First wait before another attempt; it doubles, and a part of it is by chance.
const BACKOFF: Duration = Duration::from_millis(200);
/// Longest wait before another attempt.
const LONGEST: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the agent hears of the session.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It is open.
    Up,
    /// The pool says something.
    Said(ToWorker),
}

/// What a session is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) domain: Domain,
    pub(crate) workerpool: Address,
    pub(crate) key: PrivateKeySigner,
    pub(crate) slots: u32,
    /// Ranges that it votes on before the first of them is paid.
    pub(crate) open: u32,
    /// What it can satisfy.
    pub(crate) tag: Tag,
    /// What the machine was measured to do.
    pub(crate) benchmark: Option<SignedBenchmark>,
    /// Why it takes no tasks at present.
    pub(crate) pause: watch::Receiver<Option<Pause>>,
    /// Tasks the worker holds at present.
    pub(crate) holding: watch::Receiver<Vec<TaskId>>,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("the pool does not answer")]
    Silence,
    #[error("the pool hung up")]
    Closed,
    #[error("the pool ends the session: {0}")]
    Farewell(String),
    #[error("the pool is of another chain, hub, workerpool or version than configured")]
    Stranger,
    #[error("the pool does not speak as it should")]
    Gibberish,
    #[error("the worker's key cannot sign: {0}")]
    Key(#[from] alloy::signers::Error),
    #[error("the worker stops")]
    Stopping,
}

impl Link {
    /// Keeps a session open until the agent is gone.
    pub(crate) async fn run(self, heard: mpsc::Sender<Heard>, mut said: mpsc::Receiver<ToPool>) {
        let mut wait = BACKOFF;
        loop {
            let began = Instant::now();
            let Err(broken) = self.session(&heard, &mut said).await;
            if matches!(broken, Broken::Stopping) {
                return;
            }
            info!(%broken, "no session with the pool");
            if began.elapsed() > wait {
                wait = BACKOFF;
            }
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::select! {
                () = sleep(wait.mul_f64(jitter)) => {}
                () = heard.closed() => return,
            }
            wait = (wait * 2).min(LONGEST);
        }
    }

    async fn session(
        &self,
        heard: &mpsc::Sender<Heard>,
        said: &mut mpsc::Receiver<ToPool>,
    ) -> Result<std::convert::Infallible, Broken> {
        let bounds = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let connecting = connect_async_with_config(&self.url, Some(bounds), true);
        let (mut socket, _) = timeout(PATIENCE, connecting)
            .await
            .map_err(|_| Broken::Silence)??;
        let silence = self.greet(&mut socket).await?;
        // What was meant for the session before is said anew when it still matters.
        while said.try_recv().is_ok() {}
        heard.send(Heard::Up).await.map_err(|_| Broken::Stopping)?;
        let mut last = Instant::now();
        loop {
            tokio::select! {
                message = said.recv() => {
                    let message = message.ok_or(Broken::Stopping)?;
                    send(&mut socket, &message).await?;
                }
                frame = socket.next() => {
                    last = Instant::now();
                    match read(frame)? {
                        Some(ToWorker::Farewell { reason }) => return Err(Broken::Farewell(reason)),
                        Some(message) => {
                            heard.send(Heard::Said(message)).await.map_err(|_| Broken::Stopping)?;
                        }
                        None => {}
                    }
                }
                () = sleep_until(last + silence) => return Err(Broken::Silence),
            }
        }
    }

    /// Proves who the worker is, to the right pool only. Says how long the pool may be silent.
    async fn greet(&self, socket: &mut Socket) -> Result<Duration, Broken> {
        let ToWorker::Challenge {
            version,
            chain_id,
            hub,
            workerpool,
            nonce,
        } = hear(socket).await?
        else {
            return Err(Broken::Gibberish);
        };
        let there = (version, Domain::new(chain_id, hub), workerpool);
        if there != (VERSION, self.domain, self.workerpool) {
            return Err(Broken::Stranger);
        }
        let worker = self.key.address();
        let signed = self
            .key
            .sign_hash_sync(&digest(&self.domain, workerpool, worker, nonce))?;
        let mut holding = self.holding.borrow().clone();
        holding.truncate(MAX_HOLDING);
        let hello = ToPool::Hello {
            version: VERSION,
            worker,
            signature: signature::to_bytes(&signed),
            slots: if self.pause.borrow().is_some() {
                0
            } else {
                self.slots
            },
            tag: self.tag,
            holding,
            open: self.open,
            benchmark: self.benchmark.clone().map(Box::new),
        };
        send(socket, &hello).await?;
        match hear(socket).await? {
            ToWorker::Welcome { heartbeat } => {
                debug!(heartbeat, "session open");
                Ok(Duration::from_secs(heartbeat.clamp(1, 600) * 3))
            }
            ToWorker::Farewell { reason } => Err(Broken::Farewell(reason)),
            _ => Err(Broken::Gibberish),
        }
    }
}

async fn send(socket: &mut Socket, message: &ToPool) -> Result<(), Broken> {
    let json = serde_json::to_string(message).map_err(|_| Broken::Gibberish)?;
    let sent = timeout(PATIENCE, socket.send(Message::Text(json.into()))).await;
    Ok(sent.map_err(|_| Broken::Silence)??)
}

async fn hear(socket: &mut Socket) -> Result<ToWorker, Broken> {
    loop {
        let frame = timeout(PATIENCE, socket.next())
            .await
            .map_err(|_| Broken::Silence)?;
        if let Some(message) = read(frame)? {
            return Ok(message);
        }
    }
}

fn read(
    frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
) -> Result<Option<ToWorker>, Broken> {
    match frame.ok_or(Broken::Closed)?? {
        Message::Text(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| Broken::Gibberish),
        // The library answers pings.
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        Message::Binary(_) => Err(Broken::Gibberish),
        Message::Close(_) => Err(Broken::Closed),
    }
}
