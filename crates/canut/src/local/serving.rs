//! A store that is served by a task of this process.

use std::{net::SocketAddr, path::Path};

use canut_store::Store;
use eyre::{Result, WrapErr};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::service::listen_hint;

/// The running store. Dropped, it stops at once.
#[derive(Debug)]
pub(super) struct Serving {
    address: SocketAddr,
    stop: CancellationToken,
    task: AbortOnDropHandle<std::io::Result<()>>,
}

impl Serving {
    /// Serves the store in `folder`.
    pub(super) async fn store(folder: &Path, listen: SocketAddr) -> Result<Self> {
        let store = Store::open(&folder.display().to_string())
            .await
            .wrap_err("the store does not open")?;
        let listener = TcpListener::bind(listen)
            .await
            .wrap_err_with(|| listen_hint("the store", listen, "--store"))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let served = canut_store::serve(listener, store, canut_store::Config::default(), stopped);
        let task = AbortOnDropHandle::new(tokio::spawn(served));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops when the requests under way have ended.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "the store's port failed");
        }
    }
}
