//! Where workerpools answer questions about their tasks, as iExec's SDK looks for it. Their owners say so.

use alloy_primitives::Address;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::{Body, Caller},
    params::Account,
    reply::Reply,
};
use crate::chain::AssetKind;

/// Longest URL taken.
const MAX_URL: usize = 256;

/// Where a workerpool answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Place {
    /// URL of the pool's port, with nothing behind the host: the SDK would drop it.
    api_url: String,
}

/// Where a workerpool answers, as far as its present owner told.
#[utoipa::path(get, path = "/{chain}/workerpools/{address}", tag = "workerpools",
    params(("chain" = String, Path, description = "Id of the chain"), ("address" = String, Path, description = "The workerpool")),
    responses((status = 200, body = Place), (status = 400, body = ErrorDocument), (status = 404, body = ErrorDocument)))]
pub(super) async fn show(
    State(app): State<App>,
    Path(named): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (workerpool, owner) = owned(&app, &named)?;
    match app.market.store.place(workerpool).await? {
        // Whoever bought it answers elsewhere.
        Some((told_by, api_url)) if told_by == owner => Ok(Reply(Place { api_url })),
        _ => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "nobody said where that workerpool answers: its owner does with `canut workerpool announce`",
        )),
    }
}

/// Tells where a workerpool answers, in the name of the account that signed the challenge: its owner.
#[utoipa::path(put, path = "/{chain}/workerpools/{address}", tag = "workerpools",
    params(("chain" = String, Path, description = "Id of the chain"), ("address" = String, Path, description = "The workerpool")),
    request_body = Place, security(("challenge" = [])),
    responses((status = 200, body = Place), (status = 400, body = ErrorDocument),
        (status = 403, body = ErrorDocument, description = "Not authorised, or not the owner"), (status = 404, body = ErrorDocument)))]
pub(super) async fn announce(
    State(app): State<App>,
    Path(named): Path<(String, String)>,
    Caller(account): Caller,
    Body(place): Body<Place>,
) -> Result<impl IntoResponse, ApiError> {
    let (workerpool, owner) = owned(&app, &named)?;
    if account != owner {
        let sentence =
            format!("the workerpool belongs to {owner}: only that account says where it answers");
        return Err(ApiError::new(StatusCode::FORBIDDEN, sentence));
    }
    let api_url = origin(&place.api_url).ok_or_else(|| {
        ApiError::bad("`apiUrl` is no address of a pool: give http:// or https:// and a host, with nothing behind it")
    })?;
    app.market
        .store
        .put_place(workerpool, owner, &api_url)
        .await?;
    Ok(Reply(Place { api_url }))
}

/// The workerpool that the path names, and whose it is.
fn owned(
    app: &App,
    (chain, workerpool): &(String, String),
) -> Result<(Address, Address), ApiError> {
    let ours = app.market.domain.chain_id;
    if *chain != ours.to_string() {
        return Err(ApiError::bad(format!("this is the market of chain {ours}")));
    }
    let Account(workerpool) = workerpool.parse().map_err(ApiError::bad)?;
    let owner = app
        .market
        .read()
        .mirror
        .owner(AssetKind::Workerpool, workerpool);
    let owner = owner.ok_or_else(|| ApiError::unknown("workerpool"))?;
    Ok((workerpool, owner))
}

/// A URL of a host, written shortly; `None` of anything else.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    let fit = matches!(url.scheme(), "http" | "https") && bare && nobody;
    fit.then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_answers_at_a_host_and_nowhere_else() {
        assert_eq!(
            origin("HTTPS://Pool.Example/").as_deref(),
            Some("https://pool.example")
        );
        assert_eq!(
            origin("http://[::1]:8548").as_deref(),
            Some("http://[::1]:8548")
        );
        let long = format!("http://{}.example", "a".repeat(256));
        for odd in [
            "",
            "pool.example",
            "ftp://a",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://u@a",
            "http://:p@a",
            "javascript:1",
            &long,
        ] {
            assert_eq!(origin(odd), None, "{odd}");
        }
    }
}
