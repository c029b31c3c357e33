//! Answers.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::error::ApiError;

/// Of every answer in JSON: clients refuse others.
pub(super) const CONTENT_TYPE: HeaderValue =
    HeaderValue::from_static("application/json; charset=utf-8");

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
