//! The pool's port: sessions, the state of tasks, health and metrics.

use std::sync::Arc;

use alloy_primitives::hex;
use axum::{
    Json, Router,
    extract::{Path, State, WebSocketUpgrade},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use canut_gate::{Challenges, Refusal};
use canut_protocol::TaskId;
use serde_json::Value;

use super::{
    compass, door::Door, logbook::Logbook, metrics::Metrics, proofs, range_view, status, view,
};
use crate::{
    ledger::{Ledger, LedgerError},
    session::{MAX_FRAME, PATH},
};

/// Buffer of a session, in bytes. Messages are short, mostly, and sessions many.
const BUFFER: usize = 4_096;

/// What requests are answered from.
#[derive(Clone, Debug)]
pub(super) struct Desks {
    pub(super) door: Door,
    pub(super) logbook: Logbook,
    pub(super) challenges: Arc<Challenges>,
    /// Where the world reaches this port, if it was told.
    pub(super) url: Option<String>,
    pub(super) ledger: Ledger,
    pub(super) metrics: Metrics,
}

pub(super) fn router(state: Desks) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/version", get(|| async { env!("CARGO_PKG_VERSION") }))
        .route("/metrics", get(metrics))
        .route("/tasks/{task}", get(task))
        .route("/tasks/logs/challenge", get(compass::challenge))
        .route("/tasks/{task}/logs", get(compass::logs))
        .route("/{chain}/workerpools/{address}", get(compass::pool))
        .route("/audits", get(proofs::audits))
        .route("/leaves/{deal}/{index}/{root}", get(proofs::leaves))
        .route("/status", get(status::pool))
        .route("/workers", get(status::workers))
        .route("/workers/{worker}", get(status::worker))
        .route("/deals/{deal}/{index}", get(status::place))
        .route(PATH, get(session))
        .with_state(state)
}

async fn metrics(State(state): State<Desks>) -> Result<Response, Refusal> {
    let text = state.metrics.text();
    let text = text.map_err(|error| Refusal::trouble(&error))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

async fn task(
    State(state): State<Desks>,
    Path(task): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let told = told(&state.ledger, parse_task(&task)?).await;
    let told = told.map_err(|error| Refusal::trouble(&error))?;
    let unknown = "this pool knows no such task: no worker was asked yet, or it is another pool's";
    told.map(Json)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, unknown))
}

/// A task, whichever way it is certified.
async fn told(ledger: &Ledger, id: TaskId) -> Result<Option<Value>, LedgerError> {
    if let Some((index, contract, voting)) = ledger.range_task(id).await? {
        return Ok(Some(range_view::task(index, &contract, &voting)));
    }
    let known = ledger.task(id).await?;
    Ok(known.map(|(job, contract)| view::task(&job, &contract)))
}

pub(super) fn parse_task(text: &str) -> Result<TaskId, Refusal> {
    let bytes = hex::decode_to_array::<_, 32>(text);
    bytes
        .map(|bytes| TaskId(bytes.into()))
        .map_err(|_| Refusal::bad("a task id is 0x and 64 hexadecimal digits"))
}

async fn session(State(state): State<Desks>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = state.door.places.clone().try_acquire_owned() else {
        let sentence = "the pool is full, try again later";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    let sized = upgrade
        .read_buffer_size(BUFFER)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME);
    sized.on_upgrade(move |socket| async move {
        state.door.serve(socket).await;
        drop(place);
    })
}
