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
use serde_json::{Value, json};
use tracing::warn;

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

async fn metrics(State(state): State<Desks>) -> Response {
    match state.metrics.text() {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => {
            warn!(%error, "metrics cannot be written");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "metrics cannot be written",
            )
        }
    }
}

async fn task(State(state): State<Desks>, Path(task): Path<String>) -> Response {
    let id = match parse_task(&task) {
        Ok(id) => id,
        Err(refusal) => return refusal.into_response(),
    };
    match told(&state.ledger, id).await {
        Ok(Some(document)) => Json(document).into_response(),
        Ok(None) => {
            let unknown =
                "this pool knows no such task: no worker was asked yet, or it is another pool's";
            refuse(StatusCode::NOT_FOUND, unknown)
        }
        Err(error) => {
            warn!(%error, "a task cannot be shown");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the pool's database failed, try again",
            )
        }
    }
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

pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

async fn session(State(state): State<Desks>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = state.door.places.clone().try_acquire_owned() else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "the pool is full, try again later",
        );
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
