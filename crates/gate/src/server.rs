//! Serving a router on a port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{crowd::Crowd, stream::Stream};

/// How long a client may take to send the head of a request, or to send the next one.
const HEAD: Duration = Duration::from_secs(30);

/// Who is at the other end of the connection: every request carries it as an extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What connections may take of a service.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// So many at once; more wait to be accepted.
    pub most: usize,
    /// So many at once from one address; more are closed at once. The machine itself is not limited.
    pub per_address: usize,
    /// How long a client may take none of what is sent to it.
    pub patience: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            most: 4_096,
            per_address: 256,
            patience: Duration::from_secs(30),
        }
    }
}

/// Serves `router` on `listener` until told to stop. Connections run in `tasks`; when told to stop each answers the request
/// under way and ends.
pub async fn accept(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections.most));
    let crowd = Crowd::new(connections.per_address);
    let patience = connections.patience;
    loop {
        let next = async {
            // Never closed, so a place is always given in the end.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, peer))) => {
                let Some(seat) = crowd.seat(peer) else {
                    debug!(%peer, "too many connections from one address");
                    continue;
                };
                let (router, stop) = (router.clone(), stop.clone());
                let stream = Stream::new(stream, patience, (place, seat));
                tasks.spawn(serve(stream, peer, router, stop));
            }
            (_, Err(cause)) => {
                // Out of descriptors, most likely: let some connections end.
                warn!(%cause, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            (Err(_), _) => return,
        }
    }
}

async fn serve(stream: Stream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let router = router.layer(axum::Extension(Peer(peer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        debug!(%peer, %cause, "a connection broke");
    }
}
