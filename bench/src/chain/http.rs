//! JSON-RPC.

use bytes::Bytes;
use eyre::{Result, WrapErr, bail, eyre};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::net::SocketAddr;

/// One connection; calls on it follow one another.
#[derive(Debug)]
pub(super) struct Connection(crate::http::Connection);

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Value>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self(crate::http::Connection::open(address).await?))
    }

    /// Sends a request made by [`request`]; `None` for a `null` result.
    pub(super) async fn send<T: DeserializeOwned>(&mut self, body: Bytes) -> Result<Option<T>> {
        let (_, body) = self.0.post("/", None, body).await?;
        let answer: Answer<T> =
            serde_json::from_slice(&body).wrap_err_with(|| format!("no answer: {body:?}"))?;
        match answer.error {
            Some(error) => bail!("the node refused: {error}"),
            None => Ok(answer.result),
        }
    }

    /// Asks for something that is never `null`.
    pub(super) async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: Value,
    ) -> Result<T> {
        let body = request(method, &params);
        self.send(body)
            .await
            .wrap_err_with(|| method.to_owned())?
            .ok_or_else(|| eyre!("{method}: null"))
    }
}

/// The body of a page.
pub(super) async fn text(address: SocketAddr, path: &str) -> Result<String> {
    let mut connection = crate::http::Connection::open(address).await?;
    let (_, body) = connection.get(path).await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The bytes of a request.
pub(super) fn request(method: &str, params: &Value) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#).into()
}
