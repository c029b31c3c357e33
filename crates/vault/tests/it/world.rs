//! A node with a hub, a vault over it, and people.

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, hex};
use canut_chain::{Config as NodeConfig, DEV_MNEMONIC, Node, mnemonic_keys};
use canut_hub::{App, Caller, Dataset, Hub, Plan, Sender, SenderConfig, connect, deploy};
use canut_vault::{Config, Remote, SecretId, Server};
use tempfile::TempDir;

pub(crate) struct World {
    _node: Node,
    pub(crate) vault: Server,
    pub(crate) folder: TempDir,
    pub(crate) hub: Hub,
    caller: Caller,
    pub(crate) owner: PrivateKeySigner,
    pub(crate) stranger: PrivateKeySigner,
}

impl World {
    pub(crate) async fn open() -> Self {
        let node = Node::start(NodeConfig::dev().unwrap()).await.unwrap();
        let provider = connect(&node.ws_url()).await.unwrap();
        let mut keys = mnemonic_keys(DEV_MNEMONIC, 2).unwrap();
        let (stranger, owner) = (keys.remove(1), keys.remove(0));
        let sender = Sender::new(provider.clone(), owner.clone(), SenderConfig::default())
            .await
            .unwrap();
        let plan = Plan::new(owner.address());
        let deployment = deploy(provider.clone(), &sender, &plan).await.unwrap();
        let hub = Hub::new(provider, deployment);
        let folder = tempfile::tempdir().unwrap();
        let vault = Server::start(Config::new(folder.path()), hub.clone())
            .await
            .unwrap();
        Self {
            _node: node,
            vault,
            folder,
            caller: Caller::new(hub.clone(), sender),
            hub,
            owner,
            stranger,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.vault.address())
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::new(&self.url()).unwrap()
    }

    /// A dataset and an app of the owner.
    pub(crate) async fn assets(&self) -> [Address; 2] {
        let dataset = Dataset {
            name: "rows".to_owned(),
            multiaddr: vec![1].into(),
            checksum: B256::repeat_byte(1),
        };
        let app = App {
            name: "sums".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: vec![2].into(),
            checksum: B256::repeat_byte(2),
            mrenclave: Vec::new().into(),
        };
        let owner = self.owner.address();
        let dataset = self.caller.create_dataset(owner, &dataset).await.unwrap();
        let app = self.caller.create_app(owner, &app).await.unwrap();
        [dataset.value, app.value]
    }
}

/// As a wallet signs a message of 32 bytes.
pub(crate) fn signed(key: &PrivateKeySigner, id: &SecretId, value: &str) -> Vec<u8> {
    let signature = key.sign_message_sync(id.message(value).as_slice());
    signature.unwrap().as_bytes().to_vec()
}

/// The same as the header carries it.
pub(crate) fn header(key: &PrivateKeySigner, id: &SecretId, value: &str) -> String {
    hex::encode_prefixed(signed(key, id, value))
}
