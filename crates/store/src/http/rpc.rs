//! The other calls of `/api/v0`.

use std::collections::{BTreeMap, HashMap};

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cid::Cid;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Access, App, error::Rpc, gateway};
use crate::{Error, Store, parse_cid};

type Arguments = Query<HashMap<String, String>>;

pub(super) async fn unknown() -> Rpc {
    Rpc::refuse(
        StatusCode::NOT_FOUND,
        "no such call; this store has add, block/put, cat, version, pin/{add,rm,ls} and repo/gc, all by POST",
    )
}

pub(super) async fn version() -> Json<Value> {
    let system = format!("{}/{}", std::env::consts::ARCH, std::env::consts::OS);
    Json(
        json!({ "Version": env!("CARGO_PKG_VERSION"), "Commit": "", "Repo": "", "System": system, "Golang": "" }),
    )
}

pub(super) async fn cat(State(app): State<App>, Query(query): Arguments) -> Result<Response, Rpc> {
    let cid = argument(&app.store, &query).await?;
    let offset = number(&query, "offset")?.unwrap_or(0);
    let end = number(&query, "length")?.map_or(u64::MAX, |length| offset.saturating_add(length));
    let permit = app
        .downloads
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| gateway::closed())?;
    let stream = app.store.read(&cid, offset..end).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (headers, gateway::body(stream, permit)).into_response();
    response
        .headers_mut()
        .insert("x-stream-output", header::HeaderValue::from_static("1"));
    Ok(response)
}

pub(super) async fn pin_add(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Arguments,
) -> Result<Json<Value>, Rpc> {
    manage(&app, &headers)?;
    let cid = argument(&app.store, &query).await?;
    app.store.pin(&cid).await?;
    Ok(Json(json!({ "Pins": [cid.to_string()] })))
}

pub(super) async fn pin_remove(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Arguments,
) -> Result<Json<Value>, Rpc> {
    manage(&app, &headers)?;
    let cid = argument(&app.store, &query).await?;
    app.store.unpin(&cid).await?;
    Ok(Json(json!({ "Pins": [cid.to_string()] })))
}

/// Pins as they were asked for; what lies below them (Kubo's `indirect`) is not listed.
pub(super) async fn pin_list(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Arguments,
) -> Result<Json<Value>, Rpc> {
    manage(&app, &headers)?;
    let pins = if query.contains_key("arg") {
        let cid = argument(&app.store, &query).await?;
        if !app.store.is_pinned(&cid).await? {
            return Err(Error::NotPinned(cid).into());
        }
        vec![cid]
    } else {
        app.store.pins().await?
    };
    let keys: BTreeMap<_, _> = pins
        .iter()
        .map(|cid| (cid.to_string(), json!({ "Type": "recursive" })))
        .collect();
    Ok(Json(json!({ "Keys": keys })))
}

/// One line for each block deleted, as they go.
pub(super) async fn collect(State(app): State<App>, headers: HeaderMap) -> Result<Response, Rpc> {
    manage(&app, &headers)?;
    let (tell, told) = mpsc::channel::<Cid>(64);
    let store = app.store.clone();
    let done = Box::pin(async move { store.gc_telling(Some(tell)).await });
    // The collection advances as the answer is read; once begun it ends even if nobody reads.
    let lines = stream::unfold((told, Some(done)), |(mut told, mut done)| async move {
        let line = loop {
            let Some(running) = done.as_mut() else {
                break told.recv().await.map(|cid| removed(&cid));
            };
            tokio::select! {
                biased;
                Some(cid) = told.recv() => break Some(removed(&cid)),
                ended = running => {
                    done = None;
                    if let Err(error) = ended {
                        break Some(json!({ "Error": error.to_string() }));
                    }
                }
            }
        };
        line.map(|line| {
            (
                Ok::<_, std::io::Error>(Bytes::from(format!("{line}\n"))),
                (told, done),
            )
        })
    });
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        Body::from_stream(lines),
    )
        .into_response())
}

fn removed(cid: &Cid) -> Value {
    json!({ "Key": { "/": cid.to_string() } })
}

/// `arg`: a CID, or a path below one, with or without `/ipfs/` before it.
async fn argument(store: &Store, query: &HashMap<String, String>) -> Result<Cid, Rpc> {
    let text = query
        .get("arg")
        .ok_or_else(|| Rpc::bad("argument \"ipfs-path\" is required"))?;
    let text = text.strip_prefix("/ipfs/").unwrap_or(text);
    let (cid, path) = text.split_once('/').unwrap_or((text, ""));
    Ok(store.resolve(&parse_cid(cid)?, path).await?)
}

fn number(query: &HashMap<String, String>, name: &str) -> Result<Option<u64>, Rpc> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|_| Rpc::bad(format!("{name} is a number of bytes, not `{text}`")))
    };
    query.get(name).map(parse).transpose()
}

/// A browser names the page that sends a request: no page may manage the store of whoever looks at
/// it.
fn manage(app: &App, headers: &HeaderMap) -> Result<(), Rpc> {
    let forbidden = |message: &str| Err(Rpc::refuse(StatusCode::FORBIDDEN, message));
    if app.config.access < Access::Manage {
        return forbidden("this store does not let its clients manage pins; ask who runs it");
    }
    if headers.contains_key(header::ORIGIN) || headers.contains_key(header::REFERER) {
        return forbidden("pins are not managed from web pages; use a command");
    }
    Ok(())
}
