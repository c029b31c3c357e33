//! Answers.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::error::ApiError;

pub(super) use canut_gate::JSON as CONTENT_TYPE;

/// A success: the fields of `T`, and `"ok": true`.
#[derive(Debug)]
pub(super) struct Reply<T>(pub(super) T);

#[derive(Serialize)]
struct Document<'a, T> {
    ok: bool,
    #[serde(flatten)]
    body: &'a T,
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&Document {
            ok: true,
            body: &self.0,
        }) {
            Ok(body) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
            Err(cause) => ApiError::trouble(&cause).into_response(),
        }
    }
}
