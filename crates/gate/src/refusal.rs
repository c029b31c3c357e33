//! Errors as clients see them: a status, and a sentence that says what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::excerpt;

/// Characters of a refusal that a client reads.
const WORDS: usize = 600;

/// Type of every answer in JSON: iExec's SDK refuses others.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Why a request is not served.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    sentence: String,
}

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    ok: bool,
    error: String,
}

/// Why a service has no answer for a client.
#[derive(Debug)]
pub enum NoAnswer {
    /// The connection broke.
    Broken(reqwest::Error),
    /// It says more than any service would.
    TooLong,
    /// It refuses.
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words, shortened and unable to drive a terminal.
        message: String,
    },
}

/// The body of what a service answered to a client, `most` bytes of it; or the sentence of its [`Refusal`].
pub async fn read(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(NoAnswer::Broken)? {
        body.extend_from_slice(&part);
        if body.len() > most {
            return Err(NoAnswer::TooLong);
        }
    }
    let status = response.status();
    if status.is_success() {
        return Ok(body);
    }
    let document = serde_json::from_slice(&body).map(|Document { error, .. }| error);
    Err(NoAnswer::Refused {
        status: status.as_u16(),
        message: document.map_or_else(|_| status.to_string(), |words| excerpt(&words, WORDS)),
    })
}

impl Refusal {
    /// A refusal of that status, explained by a sentence.
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
        }
    }

    /// The request is malformed.
    pub fn bad(sentence: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence.to_string())
    }

    /// There is no such thing.
    pub fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// The authorization does not hold. The text is fixed: clients compare it.
    pub fn unauthorised() -> Self {
        Self::new(StatusCode::FORBIDDEN, "invalid authorization")
    }

    /// The service itself is in trouble; what exactly is for its operator.
    pub fn trouble(cause: &dyn std::fmt::Display) -> Self {
        error!(%cause, "a request failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the service cannot do this now, its operator was told why: try again in a moment",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let document = Document {
            ok: false,
            error: self.sentence,
        };
        // Two plain fields always serialise.
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}
