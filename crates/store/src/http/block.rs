//! `POST /api/v0/block/put`.

use std::collections::HashMap;

use axum::{
    Json,
    body::Body,
    extract::{Query, Request, State},
    http::{StatusCode, header},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::{Access, App, add::flag, error::Rpc, gateway, upload::Parts};
use crate::{BlockSource, Error, Limits, address};

/// Stores one block that was made elsewhere, such as a folder of content that is already here.
pub(super) async fn put(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
    request: Request<Body>,
) -> Result<Json<Value>, Rpc> {
    if app.config.access < Access::Add {
        return Err(Rpc::refuse(
            StatusCode::FORBIDDEN,
            "this store is read-only",
        ));
    }
    let codec = match query.get("cid-codec").map_or("raw", String::as_str) {
        "raw" => address::Codec::RAW,
        "dag-pb" => address::Codec::DAG_PB,
        other => {
            return Err(Rpc::bad(format!(
                "cid-codec is raw or dag-pb, not `{other}`"
            )));
        }
    };
    if query.get("mhtype").is_some_and(|hash| hash != "sha2-256") {
        return Err(Rpc::bad("mhtype is sha2-256"));
    }
    let pin = flag(&query, "pin", false)?;
    let mime = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(mime.unwrap_or_default())
        .map_err(|_| Rpc::bad("the body must be multipart/form-data, with one part"))?;
    let _permit = app
        .uploads
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| gateway::closed())?;
    let mut parts = Parts::new(request.into_body(), boundary, app.config.idle);
    let Some(part) = parts.next().await? else {
        return Err(Rpc::bad("the form has no block"));
    };
    let limit = app.store.limits().block as u64;
    let mut block = Vec::new();
    let mut content = parts.content(part).boxed();
    while let Some(bytes) = content.try_next().await.map_err(Error::Input)? {
        Limits::check(
            (block.len() + bytes.len()) as u64,
            limit,
            "bytes of a block",
        )?;
        block.extend(bytes);
    }
    let (cid, size) = (address::of(codec, &block)?, block.len());
    app.store.put_block(&cid, block.into()).await?;
    if pin {
        app.store.pin(&cid).await?;
    }
    Ok(Json(json!({ "Key": cid.to_string(), "Size": size })))
}
