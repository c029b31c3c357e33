//! A relay as a server.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use alloy::providers::Provider;
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use canut_gate::{Answers, Gate, Limits, ListenError, Port, Refusal};
use canut_hub::{Caller, Error};
use canut_protocol::range::MAX_POSTS;
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};
use serde_json::json;
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::{
    Sent,
    errand::{Errand, Request},
};

/// Largest request, in bytes: room for 48 votes.
const MAX_REQUEST: usize = 128 << 10;
/// Errands carried at the same time. Two about one range are carried one after the other: the second may be superfluous.
const LANES: usize = 64;

/// How a relay runs.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Address to listen at; port 0 for any that is free.
    pub listen: SocketAddr,
    /// Requests per minute from one address; this machine is exempt.
    pub requests_per_minute: NonZeroU32,
    /// How long a request may take, the inclusion of its transaction included.
    pub patience: Duration,
}

impl Default for Config {
    /// At a free port of this machine.
    fn default() -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::new(100).unwrap();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            requests_per_minute: PER_MINUTE,
            patience: Duration::from_secs(120),
        }
    }
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its counters clash.
    #[error("the counters for Prometheus cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Its address.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A running relay. Dropping it without [`stop`](Self::stop) cuts it off.
#[derive(Debug)]
pub struct Server(Port);

impl Server {
    /// Starts a relay that pays with the key of `caller`.
    pub async fn start(config: Config, caller: Caller) -> Result<Self, StartError> {
        let carrier = Carrier::new(caller)?;
        let limits = Limits::new(config.requests_per_minute, config.patience);
        let gate = Gate::new(limits, Answers::register(&carrier.registry)?);
        let router = gate.around(router(carrier));
        let port = Port::open(config.listen, router, config.patience).await?;
        info!(address = %port.address(), "the relay is open");
        Ok(Self(port))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Stops: requests under way are answered, up to ten seconds.
    pub async fn stop(self) {
        self.0.close().await;
    }
}

/// What every route can reach. Clones are cheap.
#[derive(Clone, Debug)]
struct Carrier {
    caller: Caller,
    lanes: Arc<[Mutex<()>; LANES]>,
    registry: Registry,
    carried: IntCounterVec,
}

impl Carrier {
    fn new(caller: Caller) -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("canut_relay".to_owned()), None)?;
        let about = Opts::new("carried_total", "Transactions carried to the hub");
        let carried = IntCounterVec::new(about, &["errand"])?;
        registry.register(Box::new(carried.clone()))?;
        Ok(Self {
            caller,
            lanes: Arc::new(std::array::from_fn(|_| Mutex::new(()))),
            registry,
            carried,
        })
    }

    async fn carry(&self, errand: &Errand) -> Result<Sent, Refusal> {
        let lane = usize::from(errand.range().id().0[0]) % LANES;
        let _turn = self.lanes[lane].lock().await;
        let sent = errand.send(&self.caller).await.map_err(refused)?;
        self.carried.with_label_values(&[errand.name()]).inc();
        let (range, transaction) = (errand.range(), sent.transaction);
        info!(%range, errand = errand.name(), %transaction, "carried");
        Ok(sent)
    }
}

fn refused(error: Error) -> Refusal {
    match error {
        Error::Refused(refusal) => Refusal::new(
            StatusCode::CONFLICT,
            format!("the hub would refuse it: {refusal}"),
        ),
        Error::Rejected { message } => {
            warn!(%message, "the relay cannot pay");
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the relay cannot pay for the transaction: try another relay",
            )
        }
        error => Refusal::trouble(&error),
    }
}

fn router(carrier: Carrier) -> Router {
    Router::new()
        .route("/carry", post(carry))
        .route("/status", get(status))
        .route("/health", get(status))
        .route("/metrics", get(metrics))
        .fallback(|| async { Refusal::unknown("route") })
        .method_not_allowed_fallback(|| async {
            let sentence = "this route does not know that method";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
        })
        .with_state(carrier)
}

async fn carry(State(carrier): State<Carrier>, body: Body) -> Result<Json<Sent>, Refusal> {
    let body = to_bytes(body, MAX_REQUEST).await.map_err(|_| {
        let sentence = format!("a request has at most {MAX_REQUEST} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
    })?;
    let request: Request = serde_json::from_slice(&body).map_err(Refusal::bad)?;
    let domain = carrier.caller.hub().domain();
    if (request.chain_id, request.hub) != (domain.chain_id, domain.hub) {
        return Err(Refusal::bad(format!(
            "this relay carries to the hub {} on chain {}",
            domain.hub, domain.chain_id
        )));
    }
    if let Errand::Post { votes, .. } = &request.errand
        && !(1..=MAX_POSTS).contains(&votes.len())
    {
        return Err(Refusal::bad(format!("post 1 to {MAX_POSTS} votes at once")));
    }
    carrier.carry(&request.errand).await.map(Json)
}

/// Who carries, for which hub, and what ether it has left, in wei.
async fn status(State(carrier): State<Carrier>) -> Result<Response, Refusal> {
    let (caller, domain) = (&carrier.caller, carrier.caller.hub().domain());
    let account = caller.address();
    let asked = caller.hub().provider().get_balance(account).await;
    let ether = asked.map_err(|error| Refusal::trouble(&error))?;
    let carried = Errand::NAMES.map(|name| {
        let count = carrier.carried.with_label_values(&[name]).get();
        (name.to_owned(), json!(count))
    });
    Ok(Json(json!({
        "ok": true,
        "hub": domain.hub,
        "chainId": domain.chain_id,
        "account": account,
        "wei": ether.to_string(),
        "carried": serde_json::Map::from_iter(carried),
    }))
    .into_response())
}

async fn metrics(State(carrier): State<Carrier>) -> Result<Response, Refusal> {
    let text = TextEncoder::new().encode_to_string(&carrier.registry.gather());
    let text = text.map_err(|cause| Refusal::trouble(&cause))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
