//! The chain and the store that the pool works with, and what is dealt on them.

use std::{io::Write, net::Ipv4Addr, time::Duration};

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
};
use canut_chain::{Config, Node};
use canut_hub::{App, Caller, Hub, Plan, Sender, SenderConfig, connect, deploy};
use canut_pool::archive::{ArchiveLimits, inspect};
use canut_protocol::{
    AppOrder, Order, RequestOrder, Trust, WorkerpoolOrder, matching::Orders, range::Leaf, signature,
};
use canut_store::{AddOptions, Layout, Remote, Store, directory};
use eyre::{OptionExt, Result};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// What every task finds.
const COMPUTED: &str = r#"{"deterministic-output-path":"/iexec_out/result.txt"}"#;

/// A store that this process serves.
#[derive(Debug)]
pub(super) struct Serving {
    address: std::net::SocketAddr,
    _task: AbortOnDropHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Serving {
    async fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let store = Store::open(&folder.path().display().to_string()).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let forever = std::future::pending();
        let served = canut_store::serve(listener, store, canut_store::Config::default(), forever);
        Ok(Self {
            address,
            _task: AbortOnDropHandle::new(tokio::spawn(served)),
            _folder: folder,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Node, contracts and store.
#[derive(Debug)]
pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) workerpool: Address,
    pub(super) scheduler: PrivateKeySigner,
    pub(super) store: Serving,
    pub(super) remote: Remote,
    /// What every task finds.
    pub(super) leaf: Leaf,
    app: Address,
    user: PrivateKeySigner,
    caller: Caller,
    node: Node,
    _folder: TempDir,
}

impl World {
    /// Starts everything, with an app and a workerpool, and the one result in the store.
    pub(super) async fn open() -> Result<Self> {
        let folder = TempDir::new()?;
        let mut config = Config::dev()?;
        let mut keys = config.dev.clone().ok_or_eyre("no accounts")?.into_iter();
        let mut key = || keys.next().ok_or_eyre("no account");
        let (owner, user, scheduler) = (key()?, key()?, key()?);
        config.dir = Some(folder.path().join("chain"));
        let node = Node::start(config).await?;
        let provider = connect(&node.ws_url()).await?;
        let sending = SenderConfig {
            poll: Duration::from_millis(50),
            ..SenderConfig::default()
        };
        let sender = Sender::new(provider.clone(), owner, sending).await?;
        let deployment = deploy(provider.clone(), &sender, &Plan::new(sender.address())).await?;
        let hub = Hub::new(provider, deployment);
        let caller = Caller::new(hub.clone(), sender);
        let app = App {
            name: "nothing".into(),
            kind: "WASM".into(),
            ..App::default()
        };
        let app = caller.create_app(user.address(), &app).await?.value;
        let workerpool = caller
            .create_workerpool(scheduler.address(), "bench pool")
            .await?
            .value;
        let store = Serving::start().await?;
        let remote = Remote::new(&store.url())?;
        let leaf = result(&remote).await?;
        Ok(Self {
            hub,
            workerpool,
            scheduler,
            store,
            remote,
            leaf,
            app,
            user,
            caller,
            node,
            _folder: folder,
        })
    }

    /// URL of the node.
    pub(super) fn rpc(&self) -> String {
        self.node.ws_url()
    }

    /// Number of the newest block.
    pub(super) async fn head(&self) -> Result<u64> {
        Ok(self.hub.provider().get_block_number().await?)
    }

    /// Makes a deal of so many tasks, for nothing and with nothing at stake, at trust 1.
    pub(super) async fn deal(&self, tasks: u64) -> Result<()> {
        let volume = U256::from(tasks);
        let trust = Trust::new(1);
        let orders = Orders {
            app: self.signed(
                &self.user,
                AppOrder {
                    app: self.app,
                    volume,
                    salt: B256::random(),
                    ..AppOrder::default()
                },
            )?,
            workerpool: self.signed(
                &self.scheduler,
                WorkerpoolOrder {
                    workerpool: self.workerpool,
                    volume,
                    trust,
                    salt: B256::random(),
                    ..WorkerpoolOrder::default()
                },
            )?,
            request: self.signed(
                &self.user,
                RequestOrder {
                    app: self.app,
                    requester: self.user.address(),
                    beneficiary: self.user.address(),
                    volume,
                    trust,
                    salt: B256::random(),
                    ..RequestOrder::default()
                },
            )?,
            ..Orders::default()
        };
        self.caller.match_orders(&orders).await?;
        Ok(())
    }

    fn signed<O: Order>(&self, key: &PrivateKeySigner, order: O) -> Result<O> {
        let signed = key.sign_hash_sync(&order.hash(&self.hub.domain()).0)?;
        Ok(order.signed(signature::to_bytes(&signed)))
    }
}

/// Puts the archive of a result in the store.
async fn result(store: &Remote) -> Result<Leaf> {
    let mut file = tempfile::NamedTempFile::new()?;
    let mut archive = ZipWriter::new(&mut file);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("computed.json", COMPUTED), ("result.txt", "nothing")] {
        archive.start_file(name, stored)?;
        archive.write_all(content.as_bytes())?;
    }
    archive.finish()?;
    let found = inspect(file.path(), false, ArchiveLimits::default())?;
    let options = AddOptions {
        layout: Layout::V1,
        pin: true,
    };
    let cid = store.add_path(file.path(), options).await?;
    Ok(Leaf {
        digest: found.digest,
        content: directory::content(&cid).ok_or_eyre("no result has this address")?,
    })
}
