//! The vault as a server.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use canut_gate::{Gate, Limits, ListenError, Port};
use canut_hub::Hub;
use tracing::info;

use crate::{
    api,
    metrics::Metrics,
    secrets::{Key, KeyError, Secrets, SecretsError},
};

/// How a vault runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen at; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The folder of its database.
    pub folder: PathBuf,
    /// The file of the key that secrets are kept under. It is made when missing. Without it the secrets are lost.
    pub key_file: PathBuf,
    /// Requests per minute from one address; this machine is exempt.
    pub requests_per_minute: NonZeroU32,
    /// How long a request may take, its body included.
    pub patience: Duration,
}

impl Config {
    /// A vault in `folder`, its key beside the database, listening at a free port of this machine.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::new(100).unwrap();
        let folder = folder.as_ref();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder: folder.to_owned(),
            key_file: folder.join("vault.key"),
            requests_per_minute: PER_MINUTE,
            patience: Duration::from_secs(30),
        }
    }
}

/// Why a vault does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its counters clash.
    #[error("the counters for Prometheus cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Its key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its database.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// Its folder.
    #[error("the vault's folder {folder}: {cause}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        cause: io::Error,
    },
    /// Its address.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A running vault. Dropping it without [`stop`](Self::stop) cuts it off; nothing durable is lost.
#[derive(Debug)]
pub struct Server {
    port: Port,
    secrets: Secrets,
}

impl Server {
    /// Starts a vault for the owners of apps and datasets of `hub`, and for every account.
    pub async fn start(config: Config, hub: Hub) -> Result<Self, StartError> {
        std::fs::create_dir_all(&config.folder).map_err(|cause| StartError::Folder {
            folder: config.folder.display().to_string(),
            cause,
        })?;
        let key = Key::load_or_create(&config.key_file)?;
        let database = config.folder.join("vault.sqlite");
        let secrets = Secrets::open(&database, &key, hub.domain()).await?;
        let metrics = Metrics::new()?;
        let limits = Limits::new(config.requests_per_minute, config.patience);
        let gate = Gate::new(limits, metrics.answers());
        let router = gate.around(api::router(secrets.clone(), hub, metrics));
        let port = Port::open(config.listen, router, config.patience).await?;
        info!(address = %port.address(), "the vault is open");
        Ok(Self { port, secrets })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What it keeps.
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Stops: requests under way are answered, up to ten seconds, and the database is closed.
    pub async fn stop(self) {
        self.port.close().await;
        self.secrets.close().await;
    }
}
