//! A market of separate processes, each of which can be killed and started again at its old address.

use std::{path::PathBuf, process::Command};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
};
use canut_chain::{DEV_MNEMONIC, mnemonic_keys};
use canut_hub::{App, Caller, Hub, Sender, SenderConfig, connect};
use canut_protocol::{
    AppOrder, DatasetOrder, Deal, DealId, Nrlc, Order, RequestOrder, Task, Trust, WorkerpoolOrder,
    location::Location, matching::Orders, signature,
};
use canut_store::{AddOptions, Remote};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    network::Network,
    support::{Process, canut},
};

/// What everyone has on the hub at first, in RLC.
pub(crate) const DEPOSIT: u64 = 100;

/// Who plays which part, by the number of the key.
const OWNER: usize = 0;
pub(crate) const REQUESTER: usize = 1;
pub(crate) const SCHEDULER: usize = 2;
const FIRST_WORKER: usize = 3;

/// A service, and how it is started.
pub(crate) struct Service {
    arguments: Vec<String>,
    /// What starts its command, if something does.
    entry: Vec<String>,
    key: Option<PrivateKeySigner>,
    /// Flag that takes the address it listens on; none for a worker.
    listen: Option<&'static str>,
    field: &'static str,
    process: Option<Process>,
    pub(crate) url: String,
}

impl Service {
    fn start(
        arguments: &[&str],
        key: Option<&PrivateKeySigner>,
        listen: Option<&'static str>,
        field: &'static str,
    ) -> Self {
        let mut service = Self::new(arguments, key, listen, field);
        service.run("127.0.0.1:0");
        service
    }

    /// Not started yet.
    fn new(
        arguments: &[&str],
        key: Option<&PrivateKeySigner>,
        listen: Option<&'static str>,
        field: &'static str,
    ) -> Self {
        Self {
            arguments: arguments.iter().map(|part| (*part).to_owned()).collect(),
            entry: Vec::new(),
            key: key.cloned(),
            listen,
            field,
            process: None,
            url: String::new(),
        }
    }

    /// Started where `network` has this machine, or else where nobody else is.
    fn start_in(mut self, network: Option<&Network>) -> Self {
        let host = network.map_or_else(|| "127.0.0.1".to_owned(), Network::host);
        self.run(&format!("{host}:0"));
        self
    }

    /// The command that starts it, without the address to listen on.
    pub(crate) fn command(&self) -> Command {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut command = canut(&arguments);
        if let Some((first, rest)) = self.entry.split_first() {
            let mut entered = Command::new(first);
            entered.args(rest).arg(command.get_program());
            entered.args(command.get_args());
            for (name, value) in command.get_envs() {
                entered.env(name, value.unwrap_or_default());
            }
            command = entered;
        }
        if let Some(key) = &self.key {
            command.env("CANUT_PRIVATE_KEY", key.to_bytes().to_string());
        }
        command
    }

    /// Flags for the next start.
    pub(crate) fn add(&mut self, flags: &[&str]) {
        self.arguments
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
    }

    fn run(&mut self, address: &str) {
        let mut command = self.command();
        if let Some(flag) = self.listen {
            command.args([flag, address]);
        }
        let field = self.field;
        let process = Process::ready(command, |line| match field {
            // The node speaks to people only.
            "" => Some(line.strip_prefix("JSON-RPC listening on ")?.to_owned()),
            _ => {
                let ready: Value = serde_json::from_str(line).ok()?;
                Some(ready[field].as_str()?.to_owned())
            }
        });
        self.url.clone_from(&process.url);
        self.process = Some(process);
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().unwrap().signal(name);
    }

    /// Asks it to stop, and answers how it ended.
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        self.process.take().unwrap().terminate()
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        let address = self.url.split("://").nth(1).unwrap_or_default().to_owned();
        self.run(&address);
    }

    /// `kill -9`, then the same command again.
    pub(crate) fn kill_and_restart(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        self.restart();
    }
}

/// The market.
pub(crate) struct Services {
    pub(crate) node: Service,
    pub(crate) store: Service,
    pub(crate) pool: Service,
    pub(crate) workers: Vec<Service>,
    pub(crate) keys: Vec<PrivateKeySigner>,
    pub(crate) folder: TempDir,
    pub(crate) hub: Address,
    pub(crate) workerpool: Address,
    app: Address,
}

fn run_once(arguments: &[&str], key: &PrivateKeySigner) -> Value {
    let mut command: Command = canut(arguments);
    command.env("CANUT_PRIVATE_KEY", key.to_bytes().to_string());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "canut {arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn app(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../apps")
        .join(name)
}

impl Services {
    /// Everything, with so many workers, and the app of that name registered. `way` is what pool and workers are told besides.
    pub(crate) async fn start(workers: usize, wasm: &str, way: &[&str]) -> Self {
        Self::start_in(None, workers, wasm, way).await
    }

    /// The same, in a network if there is one.
    pub(crate) async fn start_in(
        network: Option<&Network>,
        workers: usize,
        wasm: &str,
        way: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let keys = mnemonic_keys(DEV_MNEMONIC, 10).unwrap();
        let chain = at("chain");
        let node = ["node", "--dev", "--dir", &chain];
        let node = Service::new(&node, None, Some("--http"), "").start_in(network);
        let deployed = ["hub", "deploy", "--json", "--rpc", &node.url];
        let hub: Address = run_once(&deployed, &keys[OWNER])["hub"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let store = ["store", "--json", "--data", &at("store")];
        let store = Service::new(&store, None, Some("--listen"), "store").start_in(network);
        let owner = caller(&node.url, hub, &keys[OWNER]).await;
        for key in &keys[REQUESTER..FIRST_WORKER + workers] {
            let amount = Nrlc::rlc(DEPOSIT);
            owner.transfer_token(key.address(), amount).await.unwrap();
            let party = caller(&node.url, hub, key).await;
            party.deposit(amount).await.unwrap();
        }
        let scheduler = keys[SCHEDULER].address();
        let workerpool = owner
            .create_workerpool(scheduler, "pool")
            .await
            .unwrap()
            .value;
        let app = register(&owner, &store.url, &app(wasm)).await;

        let (rpc, hub_text) = (node.url.replace("http", "ws"), hub.to_string());
        let pool_text = workerpool.to_string();
        let place = [
            "--json",
            "--rpc",
            &rpc,
            "--hub",
            &hub_text,
            "--workerpool",
            &pool_text,
            "--store",
            &store.url,
        ];
        let dir = at("pool");
        let arguments = [&["pool", "--grace", "2", "--dir", &dir], &place[..], way].concat();
        let scheduler = Some(&keys[SCHEDULER]);
        let pool = Service::new(&arguments, scheduler, Some("--listen"), "pool").start_in(network);
        let sessions = pool.url.replace("http", "ws") + "/session";
        let start = |number: usize| {
            let dir = at(&format!("worker-{number}"));
            let own = ["worker", "--pool", &sessions, "--dir", &dir, "--slots", "1"];
            let key = &keys[FIRST_WORKER + number];
            let arguments = [&own[..], &place[..], way].concat();
            let mut worker = Service::new(&arguments, Some(key), None, "worker");
            worker.entry = network.map_or_else(Vec::new, |network| network.enter(number));
            worker.start_in(network)
        };
        let workers = (0..workers).map(start).collect();
        Self {
            node,
            store,
            pool,
            workers,
            hub,
            workerpool,
            app,
            keys: keys.clone(),
            folder,
        }
    }

    pub(crate) async fn hub(&self) -> Hub {
        Hub::at(connect(&self.node.url).await.unwrap(), self.hub)
            .await
            .unwrap()
    }

    /// A deal of `volume` tasks at `trust`, signed by everyone and matched.
    pub(crate) async fn deal(&self, volume: u64, trust: u64, params: &str) -> (DealId, Deal) {
        let hub = self.hub().await;
        let sign = |hash: B256, key: usize| {
            signature::to_bytes(&self.keys[key].sign_hash_sync(&hash).unwrap())
        };
        let (volume, trust, salt) = (U256::from(volume), Trust::new(trust), B256::repeat_byte(1));
        let price = Nrlc::new(1_000_003);
        let domain = hub.domain();
        let app = AppOrder {
            app: self.app,
            volume,
            salt,
            ..AppOrder::default()
        };
        let workerpool = WorkerpoolOrder {
            workerpool: self.workerpool,
            workerpoolprice: price,
            volume,
            trust,
            salt,
            ..WorkerpoolOrder::default()
        };
        let request = RequestOrder {
            app: self.app,
            workerpoolmaxprice: price,
            requester: self.keys[REQUESTER].address(),
            volume,
            trust,
            params: params.to_owned(),
            salt,
            ..RequestOrder::default()
        };
        let (app_sign, pool_sign, request_sign) = (
            sign(app.hash(&domain).0, OWNER),
            sign(workerpool.hash(&domain).0, SCHEDULER),
            sign(request.hash(&domain).0, REQUESTER),
        );
        let orders = Orders {
            app: app.signed(app_sign),
            dataset: DatasetOrder::default(),
            workerpool: workerpool.signed(pool_sign),
            request: request.signed(request_sign),
        };
        let owner = caller(&self.node.url, self.hub, &self.keys[OWNER]).await;
        let id = owner.match_orders(&orders).await.unwrap().value;
        (id, hub.deal(id).await.unwrap().unwrap())
    }

    /// Address of a worker.
    pub(crate) fn worker(&self, number: usize) -> Address {
        self.keys[FIRST_WORKER + number].address()
    }

    /// What a worker's owner is told of it.
    pub(crate) fn status(&self, number: usize) -> Value {
        let (hub, workerpool) = (self.hub.to_string(), self.workerpool.to_string());
        let worker = self.worker(number).to_string();
        let place = [
            "--hub",
            &hub,
            "--workerpool",
            &workerpool,
            "--rpc",
            &self.node.url,
        ];
        let own = [
            "worker",
            "status",
            "--json",
            "--pool",
            &self.pool.url,
            "--worker",
            &worker,
        ];
        run_once(&[&own[..], &place[..]].concat(), &self.keys[OWNER])
    }

    /// An order book beside them.
    pub(crate) fn market(&self) -> Service {
        let dir = self.folder.path().join("market").display().to_string();
        let (hub, rpc) = (self.hub.to_string(), self.node.url.replace("http", "ws"));
        let place = ["--dir", &dir, "--hub", &hub, "--rpc", &rpc];
        let arguments = [&["market", "--json"], &place[..]].concat();
        Service::start(&arguments, None, Some("--listen"), "market")
    }

    /// A client that watches a deal and fetches its results to `results`, not started yet.
    pub(crate) fn client(&self, id: DealId) -> Command {
        let (hub, deal) = (self.hub.to_string(), id.to_string());
        let rpc = self.node.url.replace("http", "ws");
        let mut command = canut(&["deal", "watch", &deal, "--json", "--out", "results"]);
        command
            .args(["--rpc", &rpc, "--hub", &hub, "--store", &self.store.url])
            .current_dir(self.folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null());
        command
    }

    /// The tasks of a deal as they are now; `None` while the node does not answer.
    pub(crate) async fn tasks(&self, id: DealId, deal: &Deal) -> Option<Vec<Task>> {
        let hub = Hub::at(connect(&self.node.url).await.ok()?, self.hub)
            .await
            .ok()?;
        let mut tasks = Vec::new();
        for (_, task) in deal.tasks(id) {
            tasks.push(hub.task(task).await.ok()?);
        }
        Some(tasks)
    }
}

async fn caller(rpc: &str, hub: Address, key: &PrivateKeySigner) -> Caller {
    let provider = connect(rpc).await.unwrap();
    let sender = Sender::new(provider.clone(), key.clone(), SenderConfig::default()).await;
    Caller::new(
        Hub::at(provider.erased(), hub).await.unwrap(),
        sender.unwrap(),
    )
}

async fn register(owner: &Caller, store: &str, wasm: &std::path::Path) -> Address {
    let bytes = std::fs::read(wasm).unwrap();
    let checksum = B256::new(Sha256::digest(&bytes).into());
    let store = Remote::new(store).unwrap();
    let added = store.add_bytes(bytes, AddOptions::default()).await.unwrap();
    let app = App {
        name: "app".into(),
        kind: "WASM".into(),
        multiaddr: Location::Ipfs(added.cid.to_string()).to_multiaddr().into(),
        checksum,
        mrenclave: Bytes::new(),
    };
    owner.create_app(owner.address(), &app).await.unwrap().value
}
