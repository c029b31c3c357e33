//! Serving the page.
//!
//! It is for one reader, at the machine. Any site that is open in the same browser can send requests to it too, so nothing is
//! changed by a request, no other site may read an answer, and a site that gives its own name the address of this machine (DNS
//! rebinding) is refused, as it asks by that name.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use canut_gate::{Connections, accept};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use super::{Facts, html, watch::Found, watch::Watch};

/// Connections at the same time, and how long one may take.
const CONNECTIONS: Connections = Connections {
    most: 64,
    per_address: 16,
    patience: Duration::from_secs(10),
};
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every answer says.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// A page on a port.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    watch: Watch,
}

impl Server {
    /// Takes the port.
    pub(crate) async fn bind(watch: Watch) -> io::Result<Self> {
        let listener = TcpListener::bind(watch.page.listen).await?;
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            warn!(%address, "the page is for everybody who reaches that address");
        }
        Ok(Self {
            listener,
            address,
            watch,
        })
    }

    /// Where it is.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves it until dropped.
    pub(crate) async fn run(self) {
        let (found, watching) = self.watch.begin();
        // Dropped with this, and with it everything that it serves.
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let served = accept(
            self.listener,
            router(found),
            CONNECTIONS,
            TaskTracker::new(),
            stop,
        );
        tokio::join!(served, watching);
    }
}

fn router(found: Found) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status.json", get(status))
        .fallback(|| async {
            refuse(
                StatusCode::NOT_FOUND,
                "the page is at /, its JSON at /status.json",
            )
        })
        .layer(middleware::from_fn(guard))
        .with_state(found)
}

async fn page(State(found): State<Found>) -> Response {
    match html::render(&found.facts().await) {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            warn!(%error, "the page cannot be written");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page cannot be written",
            )
        }
    }
}

async fn status(State(found): State<Found>) -> Json<Facts> {
    Json(found.facts().await)
}

/// Answers only who asks for this machine by an address of it, in time, and under strict headers.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_meant(request.headers()) {
        let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
        answer.unwrap_or_else(|_| refuse(StatusCode::GATEWAY_TIMEOUT, "the worker is too busy"))
    } else {
        let sentence = "ask by the address of the machine, or as localhost";
        refuse(StatusCode::MISDIRECTED_REQUEST, sentence)
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, html::policy());
    response
}

/// Whether the request was sent to an address, and not to a name that somebody else may own.
fn is_meant(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost") || bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}

fn refuse(status: StatusCode, sentence: &'static str) -> Response {
    (status, format!("{sentence}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_answered() {
        let meant = |hosts: &[&'static str]| {
            let hosts = hosts.iter().copied().map(HeaderValue::from_static);
            is_meant(&hosts.map(|host| (header::HOST, host)).collect())
        };
        for host in [
            "127.0.0.1:8550",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8550",
            "192.0.2.7",
        ] {
            assert!(meant(&[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "a b",
            "127.0.0.1@evil.example",
        ] {
            assert!(!meant(&[host]), "{host}");
        }
        assert!(!meant(&[]) && !meant(&["localhost", "evil.example"]));
    }
}
