//! Where the services of a market are.

use std::{fs, path::Path};

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, home::write_private};

/// The addresses of a market: what a client must know to take part. Its file is JSON with these fields.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The node: an `http`, `https`, `ws` or `wss` URL.
    pub rpc: String,
    /// The hub.
    pub hub: Address,
    /// The chain, to be compared with the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<u64>,
    /// The order book: URL of its API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// Where files are: URL of its gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Where secrets are kept: URL of its API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// A scheduler that tells about its tasks: URL of its API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// On a market for development: the private key of an account with money, which everybody knows. It is used unless a
    /// wallet is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<B256>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rpc,
            hub,
            chain_id,
            market,
            store,
            vault,
            pool,
            key,
        } = self;
        f.debug_struct("Network")
            .field("rpc", rpc)
            .field("hub", hub)
            .field("chain_id", chain_id)
            .field("market", market)
            .field("store", store)
            .field("vault", vault)
            .field("pool", pool)
            .field("key", &key.map(|_| "…"))
            .finish()
    }
}

/// What is wrong with a description of a network, or with where it is kept.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There is no folder for settings.
    #[error("there is no folder for keys and networks: set CANUT_HOME to one")]
    NoHome,
    /// A name that is not one.
    #[error("`{0}` is not a name for a network or a wallet: use 1 to 64 letters, digits, - and _")]
    Name(String),
    /// No network of that name.
    #[error(
        "there is no network `{0}`: see `canut network list`, or add it with `canut network add`"
    )]
    Unknown(String),
    /// The file is no network.
    #[error("{path} does not describe a network: {cause}")]
    Malformed {
        /// Which file.
        path: String,
        /// What is wrong.
        cause: serde_json::Error,
    },
}

/// Largest file of a network, in bytes.
const MAX_FILE: u64 = 1 << 16;

impl Network {
    /// Reads a network from a file.
    pub fn load(path: &Path) -> Result<Self> {
        let about = fs::metadata(path).map_err(Error::file(path))?;
        if about.len() > MAX_FILE {
            let (path, bytes, limit) = (path.to_owned(), about.len(), MAX_FILE);
            return Err(Error::TooLarge { path, bytes, limit });
        }
        let text = fs::read_to_string(path).map_err(Error::file(path))?;
        let read = serde_json::from_str(&text);
        read.map_err(|cause| {
            let path = path.display().to_string();
            NetworkError::Malformed { path, cause }.into()
        })
    }

    /// Writes it to a file, whole or not at all. Only its owner may read it.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|cause| {
            let path = path.display().to_string();
            Error::from(NetworkError::Malformed { path, cause })
        })?;
        write_private(path, (text + "\n").as_bytes())
    }

    /// Whether the node is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        url::Url::parse(&self.rpc)
            .ok()
            .and_then(|url| {
                url.host_str()
                    .map(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
            })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_back_and_a_typo_is_pointed_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        let network = Network {
            rpc: "http://127.0.0.1:8545".into(),
            hub: Address::repeat_byte(7),
            market: Some("http://127.0.0.1:3000".into()),
            key: Some(B256::repeat_byte(1)),
            ..Network::default()
        };
        network.save(&path).unwrap();
        assert_eq!(Network::load(&path).unwrap(), network);
        assert!(network.is_local());
        assert!(
            !format!("{network:?}").contains("0101"),
            "keys are not printed"
        );

        fs::write(
            &path,
            r#"{"rpc":"http://a","hub":"0x0000000000000000000000000000000000000000","stoer":"x"}"#,
        )
        .unwrap();
        let told = Network::load(&path).unwrap_err().to_string();
        assert!(told.contains("stoer"), "{told}");
    }
}
