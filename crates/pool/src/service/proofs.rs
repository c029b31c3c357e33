//! What anyone needs to check the pool: the leaves it certified, and the secrets of days that are over.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use canut_gate::Refusal;
use canut_protocol::DealId;
use serde_json::{Value, json};
use tracing::warn;

use super::{http::Desks, promises};

/// What was promised of the draws of days whose deals are all over, by the chain's time.
pub(super) async fn audits(State(state): State<Desks>) -> Result<Json<Value>, Refusal> {
    let now = state.door.hub.now().await.map_err(|error| {
        warn!(%error, "the chain's time cannot be had");
        let sentence = "the pool's node does not answer, try again";
        Refusal::new(StatusCode::BAD_GATEWAY, sentence)
    })?;
    let told = promises::told(&state.ledger, now).await;
    let told = told.map_err(|error| Refusal::trouble(&error))?;
    let workerpool = state.door.workerpool;
    Ok(Json(json!({ "workerpool": workerpool, "promises": told })))
}

/// The leaves with a root, of a range around a task: with them anyone can show that a result was voted for.
pub(super) async fn leaves(
    State(state): State<Desks>,
    Path((deal, index, root)): Path<(String, u64, String)>,
) -> Result<Json<Value>, Refusal> {
    let (Ok(deal), Ok(root)) = (deal.parse::<DealId>(), root.parse()) else {
        let wrong = "a deal and a root are 0x and 64 hexadecimal digits";
        return Err(Refusal::bad(wrong));
    };
    let leaves = state.ledger.leaves(deal, index, root).await;
    let leaves = leaves.map_err(|error| Refusal::trouble(&error))?;
    let leaves = leaves.ok_or_else(|| Refusal::unknown("that range"))?;
    Ok(Json(json!({ "leaves": leaves })))
}
