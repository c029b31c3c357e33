//! Prices.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{extract::State, response::IntoResponse};
use canut_protocol::Nrlc;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::Asked,
    params::Uint,
    reply::Reply,
};
use crate::{
    order::iso,
    prices::{Candle, Depth, Summary, depth},
};

/// Deals in the older list of trades.
const TRADES: usize = 100;

/// Candles and price levels in one answer at most.
const MOST: u64 = 1_000;

/// Which category.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CategoryQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// Id of the category.
    #[param(value_type = u64)]
    category: Uint,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Trades {
    /// Time of the block, price of the workerpool in nRLC, runs.
    #[schema(value_type = Vec<(String, u64, u64)>)]
    ohlc: Vec<(String, Nrlc, u64)>,
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000)
}

/// The last hundred deals of a category, the oldest first.
#[utoipa::path(get, path = "/ohlc", tag = "prices", params(CategoryQuery),
    responses((status = 200, body = Trades), (status = 400, body = ErrorDocument)))]
pub(super) async fn ohlc(
    State(app): State<App>,
    Asked(query): Asked<CategoryQuery>,
) -> impl IntoResponse {
    let trades = app.market.read().history.last(query.category.0, TRADES);
    let ohlc = trades
        .into_iter()
        .map(|(time, price, volume)| (iso(milliseconds(time)), price, volume));
    Reply(Trades {
        ohlc: ohlc.collect(),
    })
}

/// Which candles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CandlesQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// Id of the category.
    #[param(value_type = u64)]
    category: Uint,
    /// Length of a candle, in seconds: 60 to 31 536 000; an hour if absent.
    #[param(value_type = Option<u64>)]
    interval: Option<Uint>,
    /// Trades from this time on, in seconds since the epoch.
    #[param(value_type = Option<u64>)]
    from: Option<Uint>,
    /// Trades before this time, in seconds since the epoch.
    #[param(value_type = Option<u64>)]
    to: Option<Uint>,
    /// How many candles at most, the newest: 1 to 1000; 100 if absent.
    #[param(value_type = Option<u64>)]
    limit: Option<Uint>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Candles {
    candles: Vec<Candle>,
}

/// Candles of a category: intervals without a trade are left out.
#[utoipa::path(get, path = "/prices/candles", tag = "prices", params(CandlesQuery),
    responses((status = 200, body = Candles), (status = 400, body = ErrorDocument)))]
pub(super) async fn candles(
    State(app): State<App>,
    Asked(query): Asked<CandlesQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let interval = within("interval", query.interval, 3_600, 60, 31_536_000)?;
    let limit = within("limit", query.limit, 100, 1, MOST)?;
    let (from, to) = (
        query.from.map_or(0, |from| from.0),
        query.to.map_or(u64::MAX, |to| to.0),
    );
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let candles = app
        .market
        .read()
        .history
        .candles(query.category.0, interval, from, to, limit);
    Ok(Reply(Candles { candles }))
}

fn within(
    name: &str,
    value: Option<Uint>,
    absent: u64,
    least: u64,
    most: u64,
) -> Result<u64, ApiError> {
    let value = value.map_or(absent, |value| value.0);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(ApiError::bad(format!(
        "`{name}` is {value}: ask for {least} to {most}"
    )))
}

/// Which levels.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DepthQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// Id of the category.
    #[param(value_type = u64)]
    category: Uint,
    /// How many prices of each side: 1 to 1000; 20 if absent.
    #[param(value_type = Option<u64>)]
    levels: Option<Uint>,
}

/// What is offered and asked for in a category.
#[utoipa::path(get, path = "/prices/depth", tag = "prices", params(DepthQuery),
    responses((status = 200, body = Depth), (status = 400, body = ErrorDocument)))]
pub(super) async fn levels(
    State(app): State<App>,
    Asked(query): Asked<DepthQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let levels = within("levels", query.levels, 20, 1, MOST)?;
    let levels = usize::try_from(levels).unwrap_or(usize::MAX);
    Ok(Reply(depth(
        &app.market.read().book,
        query.category.0,
        levels,
    )))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Quote {
    #[serde(flatten)]
    summary: Summary,
    /// What the best request pays at most to a workerpool, in nRLC per run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    best_bid: Option<Nrlc>,
    /// What the cheapest workerpool asks for, in nRLC per run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    best_ask: Option<Nrlc>,
}

/// Best prices, last price, and the volume of a day.
#[utoipa::path(get, path = "/prices/summary", tag = "prices", params(CategoryQuery),
    responses((status = 200, body = Quote), (status = 400, body = ErrorDocument)))]
pub(super) async fn summary(
    State(app): State<App>,
    Asked(query): Asked<CategoryQuery>,
) -> impl IntoResponse {
    // The chain keeps to wall-clock time, and so does the day.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let state = app.market.read();
    let summary = state.history.summary(query.category.0, now);
    let best = depth(&state.book, query.category.0, 1);
    let first = |side: &[crate::prices::Level]| side.first().map(|level| level.price);
    Reply(Quote {
        summary,
        best_bid: first(&best.bids),
        best_ask: first(&best.asks),
    })
    .into_response()
}
