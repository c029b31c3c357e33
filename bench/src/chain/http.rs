//! JSON-RPC over one kept-alive connection, with as little as possible between the clock and the socket.

use bytes::Bytes;
use eyre::{Result, WrapErr, bail, eyre};
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::{net::TcpStream, task::JoinHandle};

/// One connection; requests on it follow one another.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Value>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The driver ends with an error when the node does; the request under way reports it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            host: address.to_string(),
            driver,
        })
    }

    /// Sends a request made by [`request`]; `None` for a `null` result.
    pub(super) async fn send<T: DeserializeOwned>(&mut self, body: Bytes) -> Result<Option<T>> {
        let request = Request::post("/")
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self
            .sender
            .send_request(request)
            .await
            .wrap_err("the node closed the connection")?;
        let body = response.into_body().collect().await?.to_bytes();
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
    let mut connection = Connection::open(address).await?;
    let request = Request::get(path)
        .header(header::HOST, &connection.host)
        .body(Full::default())?;
    let response = connection.sender.send_request(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The bytes of a request.
pub(super) fn request(method: &str, params: &Value) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#).into()
}
