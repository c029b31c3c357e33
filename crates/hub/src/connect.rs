//! Reaching a node.

use std::time::Duration;

use alloy::{
    providers::{DynProvider, Provider, RootProvider, WsConnect},
    rpc::client::RpcClient,
    transports::TransportError,
};
use url::Url;

use crate::http::Http;

/// First wait before a WebSocket that was cut is opened again.
const RETRY: Duration = Duration::from_millis(100);

/// A provider for the node at `url`: `http`, `https`, `ws` or `wss`. TLS is rustls over ring; a user and password in an
/// HTTP URL become basic authorization. HTTP connects when first used; WebSocket connects now, and again when cut.
pub async fn connect(url: &str) -> Result<DynProvider, ConnectError> {
    let parsed = Url::parse(url).map_err(|error| ConnectError::Url {
        url: url.to_owned(),
        error,
    })?;
    let client = match parsed.scheme() {
        "http" | "https" => RpcClient::new(Http::new(&parsed)?, is_local(&parsed)),
        "ws" | "wss" => {
            // A service outlives its node, however long that is away; the waits grow by themselves.
            let socket = WsConnect::new(parsed)
                .with_max_retries(u32::MAX)
                .with_retry_interval(RETRY);
            RpcClient::connect_pubsub(socket).await?
        }
        scheme => {
            return Err(ConnectError::Scheme {
                scheme: scheme.to_owned(),
            });
        }
    };
    Ok(RootProvider::new(client).erased())
}

fn is_local(url: &Url) -> bool {
    url.host_str()
        .is_some_and(|host| host == "localhost" || host == "127.0.0.1" || host == "[::1]")
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a URL.
    #[error("`{url}` is not the URL of a node ({error}): write for instance http://127.0.0.1:8545")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        error: url::ParseError,
    },
    /// Not a protocol nodes speak.
    #[error("a node is reached by http, https, ws or wss, not by {scheme}")]
    Scheme {
        /// What was given.
        scheme: String,
    },
    /// The node does not answer.
    #[error("the node does not answer, check that it runs and that the URL is right: {0}")]
    Node(#[from] TransportError),
}
