//! What anyone needs to check the pool: the leaves it certified, and the secrets of days that are over.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use canut_gate::Refusal;
use canut_protocol::DealId;
use serde_json::json;
use tracing::warn;

use super::{
    http::{Desks, refuse},
    promises,
};

/// What was promised of the draws of days whose deals are all over, by the chain's time.
pub(super) async fn audits(State(state): State<Desks>) -> Response {
    let now = match state.door.hub.now().await {
        Ok(now) => now,
        Err(error) => {
            warn!(%error, "the chain's time cannot be had");
            let sorry = "the pool's node does not answer, try again";
            return refuse(StatusCode::BAD_GATEWAY, sorry);
        }
    };
    match promises::told(&state.ledger, now).await {
        Ok(told) => {
            let workerpool = state.door.workerpool;
            Json(json!({ "workerpool": workerpool, "promises": told })).into_response()
        }
        Err(error) => broken(&error),
    }
}

/// The leaves with a root, of a range around a task: with them anyone can show that a result was voted for.
pub(super) async fn leaves(
    State(state): State<Desks>,
    Path((deal, index, root)): Path<(String, u64, String)>,
) -> Response {
    let (Ok(deal), Ok(root)) = (deal.parse::<DealId>(), root.parse()) else {
        let wrong = "a deal and a root are 0x and 64 hexadecimal digits";
        return Refusal::bad(wrong).into_response();
    };
    match state.ledger.leaves(deal, index, root).await {
        Ok(Some(leaves)) => Json(json!({ "leaves": leaves })).into_response(),
        Ok(None) => Refusal::unknown("that range").into_response(),
        Err(error) => broken(&error),
    }
}

fn broken(error: &crate::ledger::LedgerError) -> Response {
    warn!(%error, "what is written down cannot be shown");
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the pool's database failed, try again",
    )
}
