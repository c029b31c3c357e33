//! Reading requests: the chain they mean, queries, bodies, and who asks.

use std::time::Instant;

use alloy_primitives::Address;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request},
    http::{StatusCode, header, request::Parts},
};
use canut_protocol::order::OrderKind;
use serde::{Deserialize, de::DeserializeOwned};

use super::{App, error::ApiError, no_route, params::shorten};
use crate::order::{KINDS, kind_name};

/// Bytes of a body. An order has a few hundred, and params of up to 24 KiB, which JSON may write six times as long.
pub(super) const MAX_BODY: usize = 256 * 1_024;

/// The query of a route. Every query names the chain, which must be the market's.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

#[derive(Deserialize)]
struct Chain {
    #[serde(rename = "chainId")]
    chain_id: Option<String>,
}

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let ours = app.market.domain.chain_id;
        let chain = query::<Chain>(parts)?.chain_id;
        match chain {
            Some(id) if id == ours.to_string() => query(parts).map(Self),
            Some(id) => Err(ApiError::bad(format!(
                "chain {} is not served here: this is the market of chain {ours}",
                shorten(&id)
            ))),
            None => Err(ApiError::bad(format!(
                "`chainId` is missing: add chainId={ours} to the query"
            ))),
        }
    }
}

fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, ApiError> {
    let read = Query::<T>::try_from_uri(&parts.uri);
    read.map(|Query(value)| value).map_err(|rejection| {
        let text = rejection.body_text();
        let cause = text
            .split_once(": ")
            .map_or(text.as_str(), |(_, cause)| cause);
        ApiError::bad(format!("the query cannot be read: {}", shorten_long(cause)))
    })
}

/// The kind of orders that the path names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Book(pub(super) OrderKind);

impl FromRequestParts<App> for Book {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| no_route())?;
        let (_, name) = params.iter().next().ok_or_else(no_route)?;
        let kind = KINDS
            .into_iter()
            .find(|kind| name.strip_suffix('s') == Some(kind_name(*kind)));
        kind.map(Self).ok_or_else(no_route)
    }
}

/// The last part of the path: what it names.
#[derive(Debug)]
pub(super) struct Named(pub(super) String);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| no_route())?;
        params
            .iter()
            .last()
            .map(|(_, name)| Self(name.to_owned()))
            .ok_or_else(no_route)
    }
}

/// A body in JSON, whatever its declared type.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|rejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    let sentence =
                        format!("the body is longer than the {MAX_BODY} bytes taken here");
                    return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, sentence);
                }
                ApiError::bad("the body did not arrive whole: send it again")
            })?;
        let read = serde_json::from_slice(&bytes);
        read.map(Self).map_err(|cause| {
            ApiError::bad(format!(
                "the body cannot be read: {}",
                shorten_long(&cause.to_string())
            ))
        })
    }
}

/// The account that signed the challenge in the `authorization` header. The challenge is used up by this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller(pub(super) Address);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let account = header.and_then(|header| app.challenges.redeem(header, Instant::now()));
        account.map(Self).ok_or_else(ApiError::unauthorised)
    }
}

/// A cause may quote what came: no need to send all of it back.
fn shorten_long(cause: &str) -> String {
    let mut shown: String = cause.chars().take(400).collect();
    if shown.len() < cause.len() {
        shown.push('…');
    }
    shown
}
