//! Errors as clients see them.

use axum::http::StatusCode;
pub(crate) use canut_gate::Refusal as ApiError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{engine::Rejected, storage::StorageError};

/// The error document, for the description of the API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDocument {
    /// Always false.
    ok: bool,
    /// What is wrong, and what to do.
    error: String,
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        match &rejected {
            Rejected::Chain(_) | Rejected::Storage(_) => Self::trouble(&rejected),
            // No trouble, and nothing that its operator does not know.
            Rejected::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, rejected.to_string()),
            _ => Self::new(StatusCode::FORBIDDEN, rejected.to_string()),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(cause: StorageError) -> Self {
        Self::trouble(&cause)
    }
}
