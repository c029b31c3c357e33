//! What is said on standard error while a service runs.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Libraries that tell of every connection cut and opened again; what follows from it is told by us.
const NOISY: &str = "alloy_transport_ws=off,alloy_pubsub=off";

/// Starts logging. `RUST_LOG` prevails over `default`, which is written the same way.
pub(crate) fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{default},{NOISY}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
