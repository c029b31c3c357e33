//! JSON over HTTP, bounded in time and size.

use std::{fmt, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
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
        let (status, body) = self.exchange(question).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.nonsense(error.to_string()));
        }
        let message = match serde_json::from_slice::<Complaint>(&body) {
            Ok(complaint) => excerpt(&complaint.error),
            Err(_) => format!("{status} {}", excerpt(&String::from_utf8_lossy(&body))),
        };
        Err(Error::Refused {
            service: self.service,
            status: status.as_u16(),
            message,
        })
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
        Error::Unreachable {
            service: self.service,
            url: self.base.to_string(),
            cause: root.to_string(),
        }
    }

    async fn exchange(&self, question: Question<'_>) -> Result<(StatusCode, Bytes)> {
        let asked = tokio::time::timeout(TIMEOUT, self.send(question)).await;
        asked.unwrap_or_else(|_| {
            let cause = format!("nothing within {} s", TIMEOUT.as_secs());
            Err(Error::Unreachable {
                service: self.service,
                url: self.base.to_string(),
                cause,
            })
        })
    }

    async fn send(&self, question: Question<'_>) -> Result<(StatusCode, Bytes)> {
        let Question {
            method,
            path,
            query,
            body,
            authorization,
        } = question;
        let mut url = self.base.clone();
        if let Ok(mut names) = url.path_segments_mut() {
            names.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
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
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let read = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => self.nonsense(format!("more than {MAX_ANSWER} bytes")),
            None => self.unreachable(error.as_ref()),
        })?;
        Ok((status, body.to_bytes()))
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
