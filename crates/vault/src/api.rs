//! The HTTP API: the routes of iExec's SMS that its SDK uses (offchain.md, section 3.1), and one that shows the keys which
//! results are encrypted with.

use alloy_primitives::{Address, Bytes, hex};
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use canut_gate::{JSON, Refusal, recover};
use canut_hub::Hub;
use serde::Deserialize;
use serde_json::json;
use tracing::debug;

use crate::{
    format::PublicKey,
    metrics::Metrics,
    secret::{KEY_OF_RESULTS, MAX_VALUE, SecretId, SecretName, Value},
    secrets::{Secrets, SecretsError},
};

/// What every route can reach. Clones are cheap.
#[derive(Clone, Debug)]
pub(crate) struct App {
    secrets: Secrets,
    hub: Hub,
    metrics: Metrics,
}

pub(crate) fn router(secrets: Secrets, hub: Hub, metrics: Metrics) -> Router {
    Router::new()
        .route("/secrets/web3", verbs(dataset))
        .route("/secrets/web2", verbs(account))
        .route("/apps/{app}/secrets", verbs(app))
        .route("/requesters/{requester}/secrets/{name}", verbs(requester))
        .route("/result-encryption-keys/{beneficiary}", get(key_of_results))
        .route("/health", get(health))
        .route("/metrics", get(metrics_text))
        .route("/version", get(version))
        .fallback(|| async { Refusal::unknown("route") })
        .method_not_allowed_fallback(|| async {
            let sentence = "this route does not know that method";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
        })
        .with_state(App {
            secrets,
            hub,
            metrics,
        })
}

/// All methods to one handler: it knows which of them its kind of secret has. (`GET` would answer `HEAD` as well.)
fn verbs<H, T>(handler: H) -> MethodRouter<App>
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    MethodRouter::new()
        .head(handler.clone())
        .post(handler.clone())
        .put(handler)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfDataset {
    secret_address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfAccount {
    owner_address: String,
    secret_name: String,
}

async fn dataset(
    State(app): State<App>,
    query: Result<Query<OfDataset>, axum::extract::rejection::QueryRejection>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|_| Refusal::bad("which dataset? Give secretAddress"))?;
    let id = SecretId::Dataset(address(&query.secret_address)?);
    app.serve(id, &method, &headers, body).await
}

async fn account(
    State(app): State<App>,
    query: Result<Query<OfAccount>, axum::extract::rejection::QueryRejection>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) =
        query.map_err(|_| Refusal::bad("which secret? Give ownerAddress and secretName"))?;
    let id = SecretId::Account(address(&query.owner_address)?, name(&query.secret_name)?);
    app.serve(id, &method, &headers, body).await
}

async fn app(
    State(app): State<App>,
    Path(of): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let id = SecretId::App(address(&of)?);
    app.serve(id, &method, &headers, body).await
}

async fn requester(
    State(app): State<App>,
    Path((of, key)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let id = SecretId::Requester(address(&of)?, name(&key)?);
    app.serve(id, &method, &headers, body).await
}

impl App {
    /// Answers for one secret: whether it is there, or puts it there.
    async fn serve(
        &self,
        id: SecretId,
        method: &Method,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        if method == Method::HEAD {
            let there = self.secrets.contains(&id).await?;
            return if there {
                Ok(StatusCode::NO_CONTENT.into_response())
            } else {
                Err(Refusal::unknown(&id.to_string()))
            };
        }
        let replaces = method == Method::PUT;
        if replaces && !id.is_updatable() {
            let sentence = format!("{id} cannot be replaced: it is set once");
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, sentence));
        }
        let value = value(&id, body).await?;
        let signature = self.authorise(&id, &value, headers).await?;
        let (done, otherwise) = if replaces {
            let done = self.secrets.replace(&id, &value, &signature).await?;
            (done, Refusal::unknown(&id.to_string()))
        } else {
            let done = self.secrets.add(&id, &value, &signature).await?;
            let sentence = format!("{id} is set already");
            (done, Refusal::new(StatusCode::CONFLICT, sentence))
        };
        if !done {
            return Err(otherwise);
        }
        self.metrics.stored(&id);
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// The signature of whom the secret belongs to, from the headers.
    async fn authorise(
        &self,
        id: &SecretId,
        value: &Value,
        headers: &HeaderMap,
    ) -> Result<Bytes, Refusal> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|given| given.to_str().ok())
            .filter(|given| given.len() <= 2 + 2 * 65)
            .and_then(|given| hex::decode(given).ok());
        let signer = given
            .as_ref()
            .and_then(|sign| recover(id.digest(value.expose()), sign));
        let owner = self.owner(id).await?;
        match (signer, given) {
            (Some(signer), Some(signature)) if Some(signer) == owner => Ok(signature.into()),
            _ => {
                debug!(%id, ?signer, ?owner, "not authorised");
                let sentence = format!(
                    "only its owner sets {id}: the header authorization must be the owner's signature over this value"
                );
                Err(Refusal::new(StatusCode::UNAUTHORIZED, sentence))
            }
        }
    }

    /// Who may set a secret; nobody for an app or a dataset that is none.
    async fn owner(&self, id: &SecretId) -> Result<Option<Address>, Refusal> {
        let trouble = |error: canut_hub::Error| Refusal::trouble(&error);
        Ok(match id {
            SecretId::Dataset(dataset) => {
                let found = self.hub.dataset(*dataset).await.map_err(trouble)?;
                found.map(|(owner, _)| owner)
            }
            SecretId::App(app) => {
                let found = self.hub.app(*app).await.map_err(trouble)?;
                found.map(|(owner, _)| owner)
            }
            SecretId::Requester(account, _) | SecretId::Account(account, _) => Some(*account),
        })
    }
}

/// Reads a value, and judges it where its form is known.
async fn value(id: &SecretId, body: Body) -> Result<Value, Refusal> {
    let too_large = || {
        // As iExec's SMS answers for requesters' secrets.
        let status = match id {
            SecretId::Requester(..) => StatusCode::BAD_REQUEST,
            _ => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Refusal::new(
            status,
            format!("a secret has at most {MAX_VALUE} bytes: keep long ones elsewhere, encrypted"),
        )
    };
    let bytes = to_bytes(body, MAX_VALUE).await.map_err(|_| too_large())?;
    let text = String::from_utf8(bytes.into()).map_err(|_| Refusal::bad("a secret is text"))?;
    let value = Value::new(text).ok_or_else(|| Refusal::bad("the secret is empty"))?;
    if id.name() == KEY_OF_RESULTS && id.is_updatable() {
        PublicKey::from_value(value.expose()).map_err(Refusal::bad)?;
    }
    Ok(value)
}

/// The key that results for an account are encrypted with, and the signature by which the account vouches for it.
async fn key_of_results(
    State(app): State<App>,
    Path(beneficiary): Path<String>,
) -> Result<Response, Refusal> {
    let id = SecretId::key_of_results(address(&beneficiary)?);
    let kept = app.secrets.read(&id).await?;
    let (value, signature) = kept.ok_or_else(|| Refusal::unknown(&id.to_string()))?;
    let document = json!({ "ok": true, "publicKey": value.expose(), "signature": signature });
    Ok(Json(document).into_response())
}

async fn health(State(app): State<App>) -> Result<Response, Refusal> {
    app.secrets.count().await?;
    Ok(Json(json!({ "ok": true, "status": "up" })).into_response())
}

async fn metrics_text(State(app): State<App>) -> Result<Response, Refusal> {
    let kept = app.secrets.count().await?;
    let text = app.metrics.text(kept);
    let text = text.map_err(|cause| Refusal::trouble(&cause))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

async fn version() -> Response {
    let document = json!({ "ok": true, "version": env!("CARGO_PKG_VERSION") });
    ([(header::CONTENT_TYPE, JSON)], document.to_string()).into_response()
}

fn address(text: &str) -> Result<Address, Refusal> {
    text.parse()
        .map_err(|_| Refusal::bad("an address is 0x and 40 hexadecimal digits"))
}

fn name(text: &str) -> Result<SecretName, Refusal> {
    text.parse().map_err(Refusal::bad)
}

impl From<SecretsError> for Refusal {
    fn from(error: SecretsError) -> Self {
        match &error {
            SecretsError::TooMany(_) => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            _ => Self::trouble(&error),
        }
    }
}
