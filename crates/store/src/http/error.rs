//! Errors as statuses: plain text at the gateway, Kubo's JSON at the RPC.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::Error;

pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::InvalidCid { .. }
        | Error::UnsupportedCid { .. }
        | Error::InvalidPath { .. }
        | Error::Input(_) => StatusCode::BAD_REQUEST,
        Error::NotFound(_) | Error::NoEntry { .. } | Error::NotAFolder(_) | Error::NotPinned(_) => {
            StatusCode::NOT_FOUND
        }
        Error::NotAFile(_) => StatusCode::BAD_REQUEST,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error at the gateway.
#[derive(Debug)]
pub(super) struct Plain(pub(super) Error);

impl From<Error> for Plain {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        log(status, &self.0);
        (
            status,
            [(header::CACHE_CONTROL, "no-cache")],
            format!("{}\n", self.0),
        )
            .into_response()
    }
}

/// An error of an RPC call, as Kubo writes it.
#[derive(Debug)]
pub(super) struct Rpc {
    status: StatusCode,
    message: String,
}

impl Rpc {
    pub(super) fn refuse(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::refuse(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Error> for Rpc {
    fn from(error: Error) -> Self {
        let status = status(&error);
        log(status, &error);
        Self {
            status,
            message: error.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    message: String,
    /// 0: the call failed; 1: the call was wrong.
    code: u8,
    r#type: &'static str,
}

impl IntoResponse for Rpc {
    fn into_response(self) -> Response {
        let code = u8::from(self.status.is_client_error());
        (
            self.status,
            Json(Body {
                message: self.message,
                code,
                r#type: "error",
            }),
        )
            .into_response()
    }
}

fn log(status: StatusCode, error: &Error) {
    if status.is_server_error() {
        tracing::error!(%error, "request failed");
    }
}
