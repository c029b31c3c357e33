//! A port at which a service is open.

use std::{fmt, io, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{Connections, accept};

/// How long requests under way may take to end when the port is closed.
const GRACE: Duration = Duration::from_secs(10);

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address} ({cause}): choose another address or port")]
pub struct ListenError {
    /// Which.
    address: SocketAddr,
    /// Why.
    cause: io::Error,
}

/// An open port. Dropping it without [`close`](Self::close) cuts requests off.
pub struct Port {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Port {
    /// Serves `router` at an address; port 0 for any that is free. A client may take so long to take what is sent to it.
    pub async fn open(
        listen: SocketAddr,
        router: Router,
        patience: Duration,
    ) -> Result<Self, ListenError> {
        let failed = |cause| ListenError {
            address: listen,
            cause,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let connections = Connections {
            patience,
            ..Connections::default()
        };
        let (served, end) = (tasks.clone(), stop.clone());
        tasks.spawn(accept(listener, router, connections, served, end));
        tasks.close();
        Ok(Self {
            address,
            stop,
            tasks,
        })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes it: requests under way are answered, up to ten seconds.
    pub async fn close(self) {
        self.stop.cancel();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("some requests did not end in time and were cut off");
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
