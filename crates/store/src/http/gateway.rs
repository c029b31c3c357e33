//! `GET /ipfs/<cid>[/path]`.

use axum::{
    body::Body,
    extract::{OriginalUri, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cid::Cid;
use futures::TryStreamExt;
use serde::Deserialize;

use super::{App, conditions, error::Plain, page};
use crate::{BlockSource, Error, FileStream, Kind, Store, parse_cid};

/// What a CID stands for never changes.
const FOREVER: &str = "public, max-age=29030400, immutable";
const RAW: &str = "application/vnd.ipld.raw";
/// Bytes looked at to tell text from data.
const SNIFFED: u64 = 512;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Gives the type of a file that has no name of its own, and the name to save it under.
    filename: Option<String>,
    /// `true`: save rather than show.
    download: Option<String>,
    /// `raw`: the block itself.
    format: Option<String>,
}

struct Request {
    app: App,
    asked: Asked,
    headers: HeaderMap,
    uri: OriginalUri,
}

pub(super) async fn root(
    State(app): State<App>,
    Path(cid): Path<String>,
    Query(asked): Query<Asked>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Plain> {
    answer(
        Request {
            app,
            asked,
            headers,
            uri,
        },
        &cid,
        "",
    )
    .await
}

pub(super) async fn path(
    State(app): State<App>,
    Path((cid, path)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Plain> {
    answer(
        Request {
            app,
            asked,
            headers,
            uri,
        },
        &cid,
        &path,
    )
    .await
}

async fn answer(request: Request, cid: &str, path: &str) -> Result<Response, Plain> {
    let store = &request.app.store;
    let cid = store.resolve(&parse_cid(cid)?, path).await?;
    let raw = request.asked.format.as_deref() == Some("raw")
        || conditions::accepts(&request.headers, RAW);
    let mut response = if raw {
        block(&request, &cid).await?
    } else {
        match store.kind(&cid).await? {
            Kind::File { length } => file(&request, &cid, path, length).await?,
            Kind::Folder => folder(&request, &cid).await?,
        }
    };
    let headers = response.headers_mut();
    if let Ok(path) = HeaderValue::from_str(request.uri.path()) {
        headers.insert("x-ipfs-path", path);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(response)
}

async fn block(request: &Request, cid: &Cid) -> Result<Response, Plain> {
    let etag = format!("\"{cid}.raw\"");
    if conditions::unchanged(&request.headers, &etag) {
        return Ok(not_modified(&etag));
    }
    let block = request.app.store.block(cid).await?;
    Ok((
        [
            (header::CONTENT_TYPE, RAW),
            (header::CACHE_CONTROL, FOREVER),
            (header::ETAG, &etag),
        ],
        block,
    )
        .into_response())
}

async fn folder(request: &Request, cid: &Cid) -> Result<Response, Plain> {
    let json = conditions::accepts(&request.headers, "application/json");
    let etag = format!("\"{cid}.{}\"", if json { "json" } else { "html" });
    if conditions::unchanged(&request.headers, &etag) {
        return Ok(not_modified(&etag));
    }
    let entries = request.app.store.list(cid).await?;
    let (mime, body) = if json {
        let body = page::json(cid, &entries).map_err(|error| Error::Internal(error.to_string()))?;
        ("application/json", body)
    } else {
        (
            "text/html; charset=utf-8",
            page::html(request.uri.path().trim_end_matches('/'), cid, &entries),
        )
    };
    let headers = [
        (header::CONTENT_TYPE, mime),
        (header::CACHE_CONTROL, FOREVER),
        (header::ETAG, &etag),
        (header::VARY, "Accept"),
    ];
    Ok((headers, body).into_response())
}

async fn file(request: &Request, cid: &Cid, path: &str, length: u64) -> Result<Response, Plain> {
    let etag = format!("\"{cid}\"");
    if conditions::unchanged(&request.headers, &etag) {
        return Ok(not_modified(&etag));
    }
    let range = match conditions::range(&request.headers, &etag, length) {
        Err(error) => {
            let mut response = Plain(error).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, value(format!("bytes */{length}"))?);
            return Ok(response);
        }
        Ok(range) => range,
    };
    let name = request
        .asked
        .filename
        .as_deref()
        .or_else(|| path.rsplit('/').next())
        .unwrap_or_default();
    let mime = content_type(&request.app.store, cid, name).await?;
    let download = request.asked.download.as_deref() == Some("true");

    let (status, wanted) = match &range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
        None => (StatusCode::OK, 0..length),
    };
    let permit = request
        .app
        .downloads
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| closed())?;
    let stream = request.app.store.read(cid, wanted.clone()).await?;
    let mut response = body(stream, permit).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(wanted.end - wanted.start),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    headers.insert(header::ETAG, value(etag)?);
    if range.is_some() {
        headers.insert(
            header::CONTENT_RANGE,
            value(format!(
                "bytes {}-{}/{length}",
                wanted.start,
                wanted.end - 1
            ))?,
        );
    }
    if mime.contains("html") || mime.contains("svg") || mime.contains("xml") {
        // A page of one stranger must not act on the pages of another, which come from the same
        // origin.
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox"),
        );
    }
    headers.insert(header::CONTENT_TYPE, value(mime)?);
    if let Some(disposition) = disposition(download, name) {
        headers.insert(header::CONTENT_DISPOSITION, value(disposition)?);
    }
    Ok(response)
}

/// A body that holds its place in the queue until it is sent.
pub(super) fn body(stream: FileStream, permit: tokio::sync::OwnedSemaphorePermit) -> Body {
    Body::from_stream(stream.inspect_err(move |error| {
        let _held = &permit;
        tracing::warn!(%error, "a download broke off");
    }))
}

pub(super) fn closed() -> Error {
    Error::Internal("the server is closed".to_owned())
}

async fn content_type(store: &Store, cid: &Cid, name: &str) -> Result<String, Plain> {
    if let Some(mime) = mime_guess::from_path(name).first() {
        let text = mime.type_() == mime_guess::mime::TEXT;
        return Ok(if text {
            format!("{mime}; charset=utf-8")
        } else {
            mime.to_string()
        });
    }
    let head = store
        .read(cid, ..SNIFFED)
        .await?
        .collect(SNIFFED as usize)
        .await?;
    // The cut may fall within a character.
    let readable = match std::str::from_utf8(&head) {
        Ok(_) => head.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => 0,
    };
    let text = readable > 0
        && !head[..readable]
            .iter()
            .any(|byte| *byte < b' ' && !b"\t\n\r\x0c".contains(byte));
    Ok(if text {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    }
    .to_owned())
}

fn disposition(download: bool, name: &str) -> Option<String> {
    let kind = if download { "attachment" } else { "inline" };
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    (download || !name.is_empty()).then(|| match name {
        "" => kind.to_owned(),
        _ => format!("{kind}; filename*=UTF-8''{encoded}"),
    })
}

fn not_modified(etag: &str) -> Response {
    (
        StatusCode::NOT_MODIFIED,
        [(header::ETAG, etag), (header::CACHE_CONTROL, FOREVER)],
    )
        .into_response()
}

fn value(text: String) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(text).map_err(|error| Error::Internal(error.to_string()))
}
