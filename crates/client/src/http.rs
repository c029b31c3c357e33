//! JSON over HTTP, bounded in time and size.

use std::{fmt, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    upgrade::Upgraded,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use url::Url;

use crate::{Error, Result, Service};

/// Largest answer read, in bytes.
const MAX_ANSWER: usize = 32 << 20;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Characters of an error that are repeated.
const EXCERPT: usize = 600;

/// A client of one service.
#[derive(Clone)]
pub(crate) struct Http {
    service: Service,
    base: Url,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// A question.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Names of the path, to be escaped.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) body: Option<Value>,
    pub(crate) authorization: Option<String>,
}

impl<'a> Question<'a> {
    pub(crate) fn get(path: &'a [&'a str], query: &'a [(&'a str, String)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
            authorization: None,
        }
    }
}

/// How the services say what is wrong.
#[derive(Deserialize)]
struct Complaint {
    error: String,
}

impl Http {
    pub(crate) fn new(service: Service, url: &str) -> Result<Self> {
        let wrong = || Error::Address {
            service,
            url: url.chars().take(80).collect(),
        };
        let mut base = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong());
        }
        base.set_query(None);
        base.set_fragment(None);
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(ring)
            .map_err(|error| Error::Unreachable {
                service,
                url: url.to_owned(),
                cause: error.to_string(),
            })?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            service,
            base,
            client,
        })
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, question: Question<'_>) -> Result<T> {
        let (status, body) = self.in_time(self.send(question)).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.nonsense(error.to_string()));
        }
        Err(self.refused(status, &body))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Error {
        let message = match serde_json::from_slice::<Complaint>(body) {
            Ok(complaint) => excerpt(&complaint.error),
            Err(_) => format!("{status} {}", excerpt(&String::from_utf8_lossy(body))),
        };
        Error::Refused {
            service: self.service,
            status: status.as_u16(),
            message,
        }
    }

    /// Turns a connection into a WebSocket (RFC 6455, section 4), for whoever speaks the rest of it.
    pub(crate) async fn upgrade(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<TokioIo<Upgraded>> {
        self.in_time(self.shake_hands(path, query)).await
    }

    async fn shake_hands(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<TokioIo<Upgraded>> {
        let key = generate_key();
        let request = Request::get(self.url(path, query).as_str())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .body(Full::default())
            .map_err(|error| self.unreachable(&error))?;
        let response = self.exchange(request).await?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.refused(status, &self.read(response).await?));
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.is_none_or(|accepted| *accepted != derive_accept_key(key.as_bytes())) {
            return Err(self.nonsense("no WebSocket"));
        }
        let upgraded = hyper::upgrade::on(response).await;
        Ok(TokioIo::new(
            upgraded.map_err(|error| self.unreachable(&error))?,
        ))
    }

    pub(crate) fn nonsense(&self, cause: impl Into<String>) -> Error {
        Error::Nonsense {
            service: self.service,
            url: self.base.to_string(),
            cause: cause.into(),
        }
    }

    fn unreachable(&self, cause: &dyn std::error::Error) -> Error {
        // The client's own words ("client error (Connect)") say little: the last cause says what happened.
        let mut root = cause;
        while let Some(source) = root.source() {
            root = source;
        }
        self.gone(root.to_string())
    }

    /// The service does not answer, or not any more.
    pub(crate) fn gone(&self, cause: impl Into<String>) -> Error {
        Error::Unreachable {
            service: self.service,
            url: self.base.to_string(),
            cause: excerpt(&cause.into()),
        }
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        let answered = tokio::time::timeout(TIMEOUT, asked).await;
        answered
            .unwrap_or_else(|_| Err(self.gone(format!("nothing within {} s", TIMEOUT.as_secs()))))
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut names) = url.path_segments_mut() {
            names.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn send(&self, question: Question<'_>) -> Result<(StatusCode, Bytes)> {
        let Question {
            method,
            path,
            query,
            body,
            authorization,
        } = question;
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(path, query).as_str())
            .header(ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request
            .body(Full::from(body))
            .map_err(|error| self.unreachable(&error))?;
        let response = self.exchange(request).await?;
        let status = response.status();
        Ok((status, self.read(response).await?))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let sent = self.client.request(request).await;
        sent.map_err(|error| self.unreachable(&error))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes> {
        let read = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => self.nonsense(format!("more than {MAX_ANSWER} bytes")),
            None => self.unreachable(error.as_ref()),
        })?;
        Ok(body.to_bytes())
    }
}

/// A service's words, shortened and unable to drive a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    let harmless = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().take(EXCERPT).map(harmless).collect()
}
