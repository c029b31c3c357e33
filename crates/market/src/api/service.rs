//! Logging in, and what operators look at.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::Asked,
    orders::ChainQuery,
    params::Account,
    reply::{CONTENT_TYPE, Reply},
};
use crate::{book::Facet, order::KINDS};

/// Who wants to log in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChallengeQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// The account that will sign.
    #[param(value_type = String)]
    address: Account,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Challenge {
    /// EIP-712 typed data. Sign it, and send `authorization: {digest}_{signature}_{address}` with one request.
    data: serde_json::Value,
}

/// A challenge to sign, good for one request within ten minutes.
#[utoipa::path(get, path = "/challenge", tag = "service", params(ChallengeQuery),
    responses((status = 200, body = Challenge), (status = 400, body = ErrorDocument)))]
pub(super) async fn challenge(
    State(app): State<App>,
    Asked(query): Asked<ChallengeQuery>,
) -> impl IntoResponse {
    Reply(Challenge {
        data: app.challenges.issue(query.address.0, Instant::now()),
    })
}

#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    version: &'static str,
}

/// The version of the market.
#[utoipa::path(get, path = "/version", tag = "service", responses((status = 200, body = Version)))]
pub(super) async fn version() -> impl IntoResponse {
    Reply(Version {
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Height of the last block taken in.
    last_block: u64,
    /// Height of the last block that is durable.
    checkpoint_block: u64,
    /// Open app orders.
    apporders: usize,
    /// Open dataset orders.
    datasetorders: usize,
    /// Open workerpool orders.
    workerpoolorders: usize,
    /// Open request orders.
    requestorders: usize,
}

/// How far the market followed the chain, and what is in the book.
#[utoipa::path(get, path = "/metrics", tag = "service", params(ChainQuery),
    responses((status = 200, body = Counts), (status = 400, body = ErrorDocument)))]
pub(super) async fn counts(
    State(app): State<App>,
    Asked(_): Asked<ChainQuery>,
) -> impl IntoResponse {
    let durable = app.market.durable().map_or(0, |block| block.number);
    let state = app.market.read();
    let head = state.head().map_or(0, |block| block.number);
    let [apporders, datasetorders, workerpoolorders, requestorders] =
        KINDS.map(|kind| state.book.open().queue(kind, Facet::All).len());
    let counts = Counts {
        last_block: head,
        checkpoint_block: durable,
        apporders,
        datasetorders,
        workerpoolorders,
        requestorders,
    };
    Reply(counts).into_response()
}

/// The same and more for Prometheus.
#[utoipa::path(get, path = "/metrics/prometheus", tag = "service",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn prometheus(State(app): State<App>) -> Result<Response, ApiError> {
    let head = app.market.durable().map_or(0, |block| block.number);
    let open = {
        let state = app.market.read();
        KINDS.map(|kind| (kind, state.book.open().queue(kind, Facet::All).len()))
    };
    let text = app
        .market
        .metrics
        .encode(head, open)
        .map_err(|cause| ApiError::trouble(&cause))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `up`.
    status: &'static str,
}

/// How long the database and the chain may take to say that they are there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the market works: its database and its chain answer.
#[utoipa::path(get, path = "/health", tag = "service",
    responses((status = 200, body = Health), (status = 503, body = ErrorDocument)))]
pub(super) async fn health(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let market = &app.market;
    let ask = async {
        market.store.ping().await?;
        let hub = market.chain.has_code(market.domain.hub).await;
        hub.map(drop).map_err(|cause| ApiError::trouble(&cause))
    };
    let silent = |_| ApiError::trouble(&"the database or the chain does not answer in time");
    tokio::time::timeout(PATIENCE, ask)
        .await
        .map_err(silent)??;
    Ok(Reply(Health { status: "up" }))
}

/// The OpenAPI document.
pub(super) async fn openapi(State(app): State<App>) -> Response {
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        app.openapi.to_string(),
    )
        .into_response()
}

/// Upstream's address of the documentation.
pub(super) async fn docs() -> Response {
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, "/openapi.json")],
    )
        .into_response()
}
