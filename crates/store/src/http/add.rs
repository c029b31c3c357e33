//! `POST /api/v0/add`.

use std::collections::HashMap;

use axum::{
    body::Body,
    extract::{Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use cid::Version;
use multer::Field;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{Access, App, error::Rpc, gateway, upload::Parts};
use crate::{AddOptions, Added, Error, Folder, Layout};

/// Options of Kubo that would give another CID than the one this crate computes, with the value
/// that does not.
const FIXED: [(&str, &str); 10] = [
    ("chunker", "size-262144"),
    ("hash", "sha2-256"),
    ("inline", "false"),
    ("trickle", "false"),
    ("only-hash", "false"),
    ("nocopy", "false"),
    ("preserve-mode", "false"),
    ("preserve-mtime", "false"),
    ("mode", ""),
    ("mtime", ""),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    options: AddOptions,
    wrap: bool,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    name: String,
    hash: String,
    /// Kubo writes this number as text.
    size: String,
}

impl Line {
    fn new(name: String, added: Added) -> Self {
        Self {
            name,
            hash: added.cid.to_string(),
            size: added.size.to_string(),
        }
    }
}

/// Answers once everything is stored, so that an error has its status: Kubo's lines come as it
/// goes. Lines of progress are not sent.
pub(super) async fn add(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
    request: Request<Body>,
) -> Result<Response, Rpc> {
    if app.config.access < Access::Add {
        return Err(Rpc::refuse(
            StatusCode::FORBIDDEN,
            "this store is read-only",
        ));
    }
    let asked = parse(&query)?;
    let mime = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let boundary = multer::parse_boundary(mime)
        .map_err(|_| Rpc::bad("the body must be multipart/form-data, with a part for each file"))?;
    let _permit = app
        .uploads
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| gateway::closed())?;
    let mut parts = Parts::new(request.into_body(), boundary, app.config.idle);
    let mut folder = app.store.folder(asked.options);
    let mut lines = Vec::new();
    while let Some(part) = parts.next().await? {
        if let Some(line) = store(&mut folder, &parts, part).await? {
            lines.push(line);
        }
    }
    let empty = lines.is_empty();
    let folders = folder.write(asked.wrap).await?;
    if empty && folders.is_empty() {
        return Err(Rpc::bad("the form has no file"));
    }
    lines.extend(
        folders
            .into_iter()
            .map(|(path, added)| Line::new(path, added)),
    );
    let mut body = String::new();
    for line in &lines {
        body += &serde_json::to_string(line).map_err(|error| Error::Internal(error.to_string()))?;
        body.push('\n');
    }
    Ok((
        [
            ("content-type", "application/json"),
            ("x-chunked-output", "1"),
        ],
        body,
    )
        .into_response())
}

async fn store(
    folder: &mut Folder,
    parts: &Parts,
    part: Field<'static>,
) -> Result<Option<Line>, Error> {
    let path = part.file_name().map(path).transpose()?.unwrap_or_default();
    let mime = part
        .content_type()
        .map(|mime| mime.essence_str().to_owned())
        .unwrap_or_default();
    match mime.as_str() {
        "application/symlink" => Err(Error::InvalidPath {
            path,
            reason: "symbolic links are not stored; send the content instead",
        }),
        "application/x-directory" => {
            if !path.is_empty() {
                folder.folder(&path)?;
            }
            Ok(None)
        }
        _ if path.is_empty() => {
            let added = folder.unnamed_file(parts.content(part)).await?;
            Ok(Some(Line::new(added.cid.to_string(), added)))
        }
        _ => {
            let added = folder.file(&path, parts.content(part)).await?;
            Ok(Some(Line::new(path, added)))
        }
    }
}

/// Names come encoded as in a query. Clients that do not encode are understood as long as they have
/// no `%` or `+`.
fn path(encoded: &str) -> Result<String, Error> {
    let spaced = encoded.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| Error::InvalidPath {
        path: spaced.clone(),
        reason: "it is not UTF-8",
    })?;
    Ok(decoded
        .trim_start_matches("./")
        .trim_matches('/')
        .to_owned())
}

fn parse(query: &HashMap<String, String>) -> Result<Asked, Rpc> {
    for (name, only) in FIXED {
        if query.get(name).is_some_and(|value| value != only) {
            return Err(Rpc::bad(format!(
                "the option `{name}` is not supported; leave it out"
            )));
        }
    }
    let version = match query.get("cid-version").map(String::as_str) {
        None | Some("0") => Version::V0,
        Some("1") => Version::V1,
        Some(other) => return Err(Rpc::bad(format!("cid-version is 0 or 1, not `{other}`"))),
    };
    let raw_leaves = flag(query, "raw-leaves", version == Version::V1)?;
    let options = AddOptions {
        layout: Layout {
            version,
            raw_leaves,
        },
        pin: flag(query, "pin", true)?,
    };
    Ok(Asked {
        options,
        wrap: flag(query, "wrap-with-directory", false)?,
    })
}

pub(super) fn flag(
    query: &HashMap<String, String>,
    name: &str,
    default: bool,
) -> Result<bool, Rpc> {
    match query.get(name).map(String::as_str) {
        None => Ok(default),
        Some("true" | "1" | "") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(Rpc::bad(format!("{name} is true or false, not `{other}`"))),
    }
}
