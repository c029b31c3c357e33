//! How iExec's own tools (npm `iexec`: a command and a library) are told where a market is.

use std::{fs, io::Read, path::Path};

use serde_json::{Map, Value, json};
use url::Url;

use crate::{Client, Error, Network, Result, Service, home::write_private};

/// Largest `chain.json` that is added to, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Why the tools could not use a market.
#[derive(Debug, thiserror::Error)]
pub enum SdkError {
    /// They ask services at the root of their host only.
    #[error(
        "iExec's tools drop the path of a service's address, so they would not find the {service} at {url}: give it a host or a \
         port of its own"
    )]
    HasPath {
        /// Which service.
        service: Service,
        /// Where it is.
        url: String,
    },
    /// A file that is there already and cannot be added to.
    #[error("{path} is no chain.json that can be added to ({cause}): correct it, or move it away")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The settings of a market for iExec's tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdk {
    chain_id: u64,
    host: String,
    hub: String,
    market: Option<String>,
    store: Option<String>,
    vault: Option<String>,
    compass: Option<String>,
}

impl Sdk {
    /// Those of `network`. Asks the node for its chain, over HTTP as the tools do, and the hub whether it is one.
    pub async fn of(network: &Network) -> Result<Self> {
        let host = over_http(&network.rpc);
        let reached = Network {
            rpc: host.clone(),
            ..network.clone()
        };
        let chain_id = Client::connect(&reached).await?.hub().domain().chain_id;
        Self::new(network, chain_id, host)
    }

    fn new(network: &Network, chain_id: u64, host: String) -> Result<Self> {
        Ok(Self {
            chain_id,
            host,
            // With its checksum.
            hub: network.hub.to_string(),
            market: at_root(Service::Market, network.market.as_deref())?,
            store: at_root(Service::Store, network.store.as_deref())?,
            vault: at_root(Service::Vault, network.vault.as_deref())?,
            // The market knows of all pools, a pool of itself only.
            compass: match network.market {
                Some(_) => at_root(Service::Market, network.market.as_deref())?,
                None => at_root(Service::Pool, network.pool.as_deref())?,
            },
        })
    }

    /// A `chain.json` with this chain only, under `name`.
    pub fn chain_file(&self, name: &str) -> Value {
        json!({ "default": name, "chains": { name: self.chain() } })
    }

    /// Puts this chain into the `chain.json` of `folder` under `name`, and makes it the default there; other chains stay.
    pub fn save(&self, folder: &Path, name: &str) -> Result<()> {
        let path = folder.join("chain.json");
        let mut file = read(&path)?.unwrap_or_default();
        file.insert("default".into(), json!(name));
        let chains = file.entry("chains").or_insert_with(|| json!({}));
        let Value::Object(chains) = chains else {
            return Err(malformed(&path, "`chains` is no object"));
        };
        chains.insert(name.into(), self.chain());
        let text = format!("{:#}\n", Value::Object(file));
        write_private(&path, text.as_bytes())
    }

    fn chain(&self) -> Value {
        // The command takes the id as text only.
        present(json!({
            "id": self.chain_id.to_string(),
            "host": self.host,
            "hub": self.hub,
            "iexecGateway": self.market,
            "ipfsGateway": self.store,
            "sms": self.vault,
            "compass": self.compass,
        }))
    }

    /// For the library: `new IExec({ ethProvider }, options)` with these two.
    pub fn library(&self) -> Value {
        let options = present(json!({
            "hubAddress": self.hub,
            "iexecGatewayURL": self.market,
            "ipfsGatewayURL": self.store,
            "ipfsNodeURL": self.store,
            "smsURL": self.vault,
            "compassURL": self.compass,
        }));
        json!({ "ethProvider": self.host, "options": options })
    }
}

/// What is known: the tools refuse a null.
fn present(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.retain(|_, value| !value.is_null());
    }
    document
}

/// The tools speak HTTP to nodes; nodes that speak WebSocket answer both at the same port.
fn over_http(rpc: &str) -> String {
    match rpc.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        _ => rpc.to_owned(),
    }
}

fn at_root(service: Service, url: Option<&str>) -> Result<Option<String>> {
    let Some(text) = url else {
        return Ok(None);
    };
    let url = Url::parse(text).map_err(|_| Error::Address {
        service,
        url: text.to_owned(),
    })?;
    if url.path() != "/" {
        let url = text.to_owned();
        return Err(SdkError::HasPath { service, url }.into());
    }
    // The tools put paths behind it as they are: a slash at its end would be doubled.
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

fn read(path: &Path) -> Result<Option<Map<String, Value>>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path)(error)),
    };
    let mut text = String::new();
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(Error::file(path))?;
    let read = serde_json::from_str(&text);
    read.map(Some)
        .map_err(|cause| malformed(path, cause.to_string()))
}

fn malformed(path: &Path, cause: impl Into<String>) -> Error {
    let (path, cause) = (path.display().to_string(), cause.into());
    SdkError::Malformed { path, cause }.into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    fn sdk(market: &str) -> Result<Sdk> {
        let network = Network {
            rpc: "wss://node.example/key".into(),
            hub: Address::repeat_byte(0xab),
            market: Some(market.to_owned()),
            ..Network::default()
        };
        Sdk::new(&network, 65_535, over_http(&network.rpc))
    }

    #[test]
    fn the_tools_are_told_in_the_form_they_insist_on() {
        let told = sdk("http://market.example/").unwrap().chain_file("mine");
        let hub = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB";
        let chain = json!({
            "id": "65535",
            "host": "https://node.example/key",
            "hub": hub,
            "iexecGateway": "http://market.example",
            "compass": "http://market.example",
        });
        assert_eq!(
            told,
            json!({ "default": "mine", "chains": { "mine": chain } })
        );
        let library = sdk("http://market.example").unwrap().library();
        assert_eq!(library["options"]["hubAddress"], hub);
    }

    #[test]
    fn a_service_behind_a_path_is_refused() {
        let told = sdk("http://example/market").unwrap_err().to_string();
        assert!(
            told.contains("the market at http://example/market"),
            "{told}"
        );
    }

    #[test]
    fn other_chains_of_the_file_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.json");
        let sdk = sdk("http://a").unwrap();
        fs::write(&path, r#"{"default":"x","chains":{"x":{"id":"7"}}}"#).unwrap();
        sdk.save(folder.path(), "mine").unwrap();
        let kept: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(kept["default"], "mine");
        assert_eq!(kept["chains"]["x"], json!({ "id": "7" }));
        assert_eq!(kept["chains"]["mine"]["id"], "65535");

        for text in ["[]", "{", r#"{"chains":[]}"#] {
            fs::write(&path, text).unwrap();
            let told = sdk.save(folder.path(), "mine").unwrap_err().to_string();
            assert!(told.contains("move it away"), "{told}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
