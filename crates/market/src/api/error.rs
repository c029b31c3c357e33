//! Errors as clients see them: a status, and a sentence that says what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use super::reply::CONTENT_TYPE;
use crate::{engine::Rejected, storage::StorageError};

/// The error document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDocument {
    /// Always false.
    ok: bool,
    /// What is wrong, and what to do.
    error: String,
}

/// Why a request is not served.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    sentence: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
        }
    }

    /// The request is malformed.
    pub(crate) fn bad(sentence: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence.to_string())
    }

    /// There is no such thing.
    pub(crate) fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// The authorization does not hold. The text is fixed: clients compare it.
    pub(crate) fn unauthorised() -> Self {
        Self::new(StatusCode::FORBIDDEN, "invalid authorization")
    }

    /// The market itself is in trouble; what exactly is for its operator.
    pub(crate) fn trouble(cause: &dyn std::fmt::Display) -> Self {
        error!(%cause, "a request failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the market cannot do this now, its operator was told why: try again in a moment",
        )
    }
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        match &rejected {
            Rejected::Chain(_) | Rejected::Storage(_) | Rejected::Stopping => {
                Self::trouble(&rejected)
            }
            _ => Self::new(StatusCode::FORBIDDEN, rejected.to_string()),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(cause: StorageError) -> Self {
        Self::trouble(&cause)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let document = ErrorDocument {
            ok: false,
            error: self.sentence,
        };
        // Two plain fields always serialise.
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, CONTENT_TYPE);
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}
