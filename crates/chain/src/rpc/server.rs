//! HTTP: JSON-RPC by POST, WebSocket by upgrade, Prometheus at `/metrics`, all on one port.

use super::{
    Api,
    connections::Bounded,
    errors::{RpcError, RpcResult},
    message::{Call, Message, answer, parse},
    socket,
};
use axum::{
    Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequestParts, Request, State, rejection::BytesRejection,
        ws::WebSocketUpgrade,
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::value::RawValue;
use std::{io, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) api: Arc<Api>,
    /// Ends every WebSocket session.
    pub(crate) stop: CancellationToken,
    /// Ends every connection, whatever is going on over it.
    pub(crate) cut: CancellationToken,
    pub(crate) sessions: TaskTracker,
    /// What browsers are told of who may ask (CORS); `None`: nobody.
    pub(crate) origin: Option<HeaderValue>,
}

/// Serves until told to stop.
pub(crate) async fn serve(listener: TcpListener, server: Server) -> io::Result<()> {
    let limits = server.api.limits.clone();
    let (stop, cut) = (server.stop.clone(), server.cut.clone());
    let router = Router::new()
        .route("/", get(upgrade).post(post).options(preflight))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(limits.request_bytes))
        .with_state(server);
    let listener = Bounded::new(listener, limits.connections, limits.idle, cut);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
}

async fn metrics(State(server): State<Server>) -> impl IntoResponse {
    let waiting = i64::try_from(server.api.pool.len());
    server.api.metrics.pooled.set(waiting.unwrap_or(i64::MAX));
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        server.api.metrics.render(),
    )
}

/// A GET is a WebSocket, or somebody who looks whether we are here.
async fn upgrade(State(server): State<Server>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if !parts.headers.contains_key(header::UPGRADE) {
        return "Ethereum JSON-RPC: POST a call here, or open a WebSocket.\n".into_response();
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &server).await {
        Ok(upgrade) => {
            let limit = server.api.limits.request_bytes;
            let tracker = server.sessions.clone();
            upgrade
                .max_message_size(limit)
                .max_frame_size(limit)
                .on_upgrade(move |socket| tracker.track_future(socket::run(server, socket)))
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn preflight(State(server): State<Server>) -> Response {
    with_cors(&server, StatusCode::NO_CONTENT.into_response())
}

fn with_cors(server: &Server, mut response: Response) -> Response {
    if let Some(origin) = &server.origin {
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST, GET, OPTIONS"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("content-type"),
        );
    }
    response
}

/// Whether a request says that it is JSON. A web page may post plain text to any address without
/// asking, JSON it may not.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next());
    kind.is_some_and(|kind| {
        [
            "application/json",
            "application/json-rpc",
            "application/jsonrequest",
        ]
        .iter()
        .any(|known| kind.trim().eq_ignore_ascii_case(known))
    })
}

async fn post(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !is_json(&headers) {
        let words = "invalid content type, only application/json is supported\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, words).into_response();
    }
    let (status, text) = match body {
        Ok(body) => (StatusCode::OK, respond(&server.api, &body).await),
        Err(refusal) if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let limit = server.api.limits.request_bytes;
            let error = RpcError::invalid_request(format!(
                "content length too large (limit {limit} bytes)"
            ));
            (
                StatusCode::PAYLOAD_TOO_LARGE,
                Some(answer(None, &Err(error))),
            )
        }
        Err(refusal) => return refusal.into_response(),
    };
    let response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        text.unwrap_or_default(),
    );
    with_cors(&server, response.into_response())
}

/// The answer to a message; `None` if it wants none.
async fn respond(api: &Arc<Api>, bytes: &[u8]) -> Option<String> {
    let message = parse(bytes, api.limits.batch);
    reply(message, api.limits.response_bytes, &mut Plain(api)).await
}

/// Who answers the calls of a message.
pub(super) trait Answers {
    fn answer(&mut self, call: &Call<'_>) -> impl Future<Output = RpcResult<Box<RawValue>>> + Send;
}

/// Answers calls that need no connection of their own.
struct Plain<'a>(&'a Arc<Api>);

impl Answers for Plain<'_> {
    async fn answer(&mut self, call: &Call<'_>) -> RpcResult<Box<RawValue>> {
        self.0.answer(call).await
    }
}

/// Answers every call of a message within `room` bytes; `None` if it wants no answer.
pub(super) async fn reply(
    message: Message<'_>,
    mut room: usize,
    who: &mut impl Answers,
) -> Option<String> {
    let calls = match message {
        Message::Batch(calls) => calls,
        Message::Single(Err(refused)) => return Some(answer(refused.id, &Err(refused.error))),
        Message::Single(Ok(call)) => {
            let result = bounded(who.answer(&call).await, room);
            return call.id.map(|id| answer(Some(id), &result));
        }
    };
    let mut answers = Vec::new();
    for call in calls {
        let text = match call {
            Err(refused) => Some(answer(refused.id, &Err(refused.error))),
            // Once an answer did not fit, nothing more is run.
            Ok(call) if room == 0 => call
                .id
                .map(|id| answer(Some(id), &Err(RpcError::too_large()))),
            Ok(call) => {
                let result = bounded(who.answer(&call).await, room);
                if result.as_ref().is_err_and(RpcError::is_too_large) {
                    room = 0;
                }
                call.id.map(|id| answer(Some(id), &result))
            }
        };
        if let Some(text) = text {
            room = room.saturating_sub(text.len());
            answers.push(text);
        }
    }
    (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")))
}

/// Refuses an answer that is longer than there is room for.
fn bounded(result: RpcResult<Box<RawValue>>, room: usize) -> RpcResult<Box<RawValue>> {
    result.and_then(|value| {
        if value.get().len() > room {
            Err(RpcError::too_large())
        } else {
            Ok(value)
        }
    })
}
