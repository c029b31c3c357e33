//! JSON-RPC over HTTP, bounded in time and size.
//!
//! `alloy` can do this through `reqwest`, but neither bounds what a node may answer, nor builds without aws-lc when TLS is
//! wanted. This is `hyper` with rustls over ring, and the root certificates of Mozilla.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{Authorization, TransportError, TransportErrorKind, TransportFut},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use url::Url;

/// Largest answer read, in bytes. A range of logs that exceeds it is asked for in smaller pieces.
const MAX_ANSWER: usize = 64 << 20;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON-RPC transport over HTTP or HTTPS.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: hyper::Uri,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the path nor the header: either may carry an API key.
        f.debug_struct("Http")
            .field("host", &self.uri.host())
            .finish_non_exhaustive()
    }
}

impl Http {
    /// A transport to `url`, whose user and password become basic authorization. Nothing is connected yet.
    pub(crate) fn new(url: &Url) -> Result<Self, TransportError> {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(ring)
            .map_err(TransportErrorKind::custom)?
            .https_or_http()
            .enable_http1()
            .build();
        let authorization = Authorization::extract_from_url(url)
            .map(|credentials| HeaderValue::from_str(&credentials.to_string()))
            .transpose()
            .map_err(TransportErrorKind::custom)?;
        let mut bare = url.clone();
        // They fail for URLs that cannot have either, which then have none.
        let _ = (bare.set_username(""), bare.set_password(None));
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            uri: bare.as_str().parse().map_err(TransportErrorKind::custom)?,
            authorization,
        })
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let body = serde_json::to_vec(&packet).map_err(TransportError::ser_err)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(TransportErrorKind::custom)?;
        if let Some(authorization) = self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        let response = self
            .client
            .request(request)
            .await
            .map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => TransportErrorKind::http_error(
                    413,
                    format!("the answer exceeds {MAX_ANSWER} bytes"),
                ),
                Err(error) => TransportErrorKind::custom_str(&error.to_string()),
            })?
            .to_bytes();
        let text = || {
            String::from_utf8_lossy(&body)
                .chars()
                .take(500)
                .collect::<String>()
        };
        // Some nodes answer an error with its own HTTP status: what matters is whether it is JSON-RPC.
        serde_json::from_slice(&body).map_err(|error| {
            if status.is_success() {
                TransportError::deser_err(error, text())
            } else {
                TransportErrorKind::http_error(status.as_u16(), text())
            }
        })
    }
}

impl tower::Service<RequestPacket> for Http {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let exchange = self.clone().exchange(packet);
        Box::pin(async {
            let late = |_| TransportErrorKind::custom_str("no answer within 30 seconds");
            tokio::time::timeout(TIMEOUT, exchange)
                .await
                .map_err(late)?
        })
    }
}
