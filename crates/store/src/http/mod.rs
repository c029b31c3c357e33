//! The HTTP face: a gateway, and the calls of Kubo's RPC that clients of a market need.

mod add;
mod block;
mod conditions;
mod error;
mod gateway;
mod page;
mod rpc;
mod upload;

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderName, Method, header},
    routing::{any, get, post},
};
use tokio::{net::TcpListener, sync::Semaphore};
use tower_http::cors::{Any, CorsLayer};

use crate::Store;

/// What strangers may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read content whose CID they know.
    Read,
    /// Add content too; it stays pinned.
    Add,
    /// Also list and remove pins, and collect garbage. Requests that a browser sends for a web page
    /// are refused even so.
    Manage,
}

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// What strangers may do.
    pub access: Access,
    /// Uploads under way at the same time; more wait their turn.
    pub uploads: usize,
    /// Downloads under way at the same time; more wait their turn.
    pub downloads: usize,
    /// How long an upload may send nothing before it is given up.
    pub idle: Duration,
    /// How long [`serve`] waits for requests under way once it is told to stop.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access: Access::Add,
            uploads: 16,
            downloads: 256,
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, Clone)]
struct App {
    store: Store,
    config: Arc<Config>,
    uploads: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
}

/// The routes over a store, to be served alone ([`serve`]) or merged into another router.
///
/// | route | |
/// |---|---|
/// | `GET`, `HEAD /ipfs/<cid>[/path]` | a file (with `Range`), or a folder as a page, or as JSON with `Accept: application/json`; `?format=raw` gives the block |
/// | `POST /api/v0/add` | files and folders as `multipart/form-data`; one JSON line each |
/// | `POST /api/v0/block/put` | one block of dag-pb or raw bytes, pinned with all it links to if `pin=true` |
/// | `POST /api/v0/cat?arg=<path>` | a file |
/// | `POST /api/v0/version` | |
/// | `POST /api/v0/pin/{add,rm,ls}`, `repo/gc` | with [`Access::Manage`] |
pub fn server(store: Store, config: Config) -> Router {
    let app = App {
        store,
        uploads: Arc::new(Semaphore::new(config.uploads)),
        downloads: Arc::new(Semaphore::new(config.downloads)),
        config: Arc::new(config),
    };
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(Any)
        .expose_headers([
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::ETAG,
            HeaderName::from_static("x-ipfs-path"),
        ]);
    Router::new()
        .route("/ipfs/{cid}", get(gateway::root))
        .route("/ipfs/{cid}/", get(gateway::root))
        .route("/ipfs/{cid}/{*path}", get(gateway::path))
        .route("/api/v0/add", post(add::add))
        .route("/api/v0/cat", post(rpc::cat))
        .route("/api/v0/block/put", post(block::put))
        .route("/api/v0/version", post(rpc::version))
        .route("/api/v0/pin/add", post(rpc::pin_add))
        .route("/api/v0/pin/rm", post(rpc::pin_remove))
        .route("/api/v0/pin/ls", post(rpc::pin_list))
        .route("/api/v0/repo/gc", post(rpc::collect))
        .route("/api/v0/{*call}", any(rpc::unknown))
        .layer(cors)
        .with_state(app)
}

/// Serves a store until `stop` completes; then takes no new connection and ends when the requests
/// under way have, or after [`Config::drain`].
///
/// # Errors
///
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let drain = config.drain;
    let (stopped, told) = tokio::sync::oneshot::channel();
    let served = axum::serve(listener, server(store, config)).with_graceful_shutdown(async move {
        stop.await;
        // Nobody listens once the server has ended by itself.
        let _ = stopped.send(());
    });
    let overdue = async {
        if told.await.is_ok() {
            tokio::time::sleep(drain).await;
        } else {
            std::future::pending().await
        }
    };
    tokio::select! {
        ended = async { served.await } => ended,
        () = overdue => Ok(()),
    }
}
