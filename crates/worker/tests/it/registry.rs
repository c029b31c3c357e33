//! Apps that are images in a registry: Debian's own registry, from the push to the certificate.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use alloy_primitives::B256;
use canut_protocol::{
    Failure,
    location::Location,
    task::{ContributionStatus, Status},
};
use canut_sandbox::{EngineKind, OciRuntime, Runtimes};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    boxes,
    containers::skip,
    loom::Loom,
    market::{Market, WORKER, get},
    node::key,
};

/// A registry in a process of its own; killed when dropped.
struct Registry {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Registry {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yml");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nhttp: {{addr: 127.0.0.1:0}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = said.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split('"').next().unwrap().to_owned())
        });
        // It goes on talking, and would stop if nobody listened.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self {
            process,
            address: address.unwrap(),
            _folder: folder,
        })
    }

    /// Gives the head of the answer.
    async fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 20"),
            "{method} {path}: {answer}"
        );
        answer
    }

    /// Puts a blob there. Gives what a manifest says of it.
    async fn push(&self, kind: &str, bytes: &[u8]) -> Value {
        let begun = self
            .ask("POST", "/v2/team/app/blobs/uploads/", "text/plain", b"")
            .await;
        let mut lines = begun.lines();
        let place = lines.find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then_some(value)
        });
        let path = place.unwrap().split_once(&self.address).unwrap().1;
        let digest = format!("sha256:{}", boxes::digest(bytes));
        let path = format!("{path}&digest={digest}");
        self.ask("PUT", &path, "application/octet-stream", bytes)
            .await;
        json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
    }

    /// Puts a document there, as the meaning of `tag`. Gives what an index says of it.
    async fn name(&self, tag: &str, kind: &str, document: &Value) -> Value {
        let bytes = document.to_string();
        self.ask(
            "PUT",
            &format!("/v2/team/app/manifests/{tag}"),
            kind,
            bytes.as_bytes(),
        )
        .await;
        let digest = format!("sha256:{}", boxes::digest(bytes.as_bytes()));
        json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Pushes an image of a shell, for this machine and for another kind. Gives the digest of the index.
async fn push_shell(registry: &Registry) -> B256 {
    let layer = boxes::busybox();
    let layer_id = format!("sha256:{}", boxes::digest(&layer));
    let config = boxes::document(&json!({ "Entrypoint": ["/bin/sh", "-c"] }), &[layer_id]);
    let layer = registry
        .push("application/vnd.oci.image.layer.v1.tar", &layer)
        .await;
    let mut all = Vec::new();
    let here: Value = serde_json::from_slice(&config).unwrap();
    for architecture in ["s390x", here["architecture"].as_str().unwrap()] {
        let mut config = here.clone();
        config["architecture"] = architecture.into();
        let config = config.to_string().into_bytes();
        let config = registry
            .push("application/vnd.oci.image.config.v1+json", &config)
            .await;
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
        let mut described = registry.name(architecture, MANIFEST, &manifest).await;
        described["platform"] = json!({ "os": "linux", "architecture": architecture });
        all.push(described);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": all });
    let described = registry.name("latest", INDEX, &index).await;
    let digest = described["digest"].as_str().unwrap();
    digest.strip_prefix("sha256:").unwrap().parse().unwrap()
}

const PARAMS: &str = r#"{"iexec_args": "'echo task $IEXEC_TASK_INDEX >$IEXEC_OUT/said; echo \"{\\\"deterministic-output-path\\\":\\\"/iexec_out/said\\\"}\" >$IEXEC_OUT/computed.json'"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_pulled_from_its_registry_and_its_result_certified() {
    let Some(registry) = Registry::start() else {
        return skip("no registry: apt install docker-registry");
    };
    let digest = push_shell(&registry).await;
    let mut market = Market::open().await;
    let place = Location::Other(format!("{}/team/app:latest", registry.address));
    market.sell_at("DOCKER", &place, digest).await;
    let pool = market.pool(Market::settings()).await;
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 4 {
        market.endow(seed).await;
        let mut config = market.worker_config(&pool.sessions(), seed);
        let folder = config.folder.join("containers");
        match OciRuntime::new(&folder, &EngineKind::ALL).await {
            Ok(oci) => {
                config.runtime = Arc::new(Runtimes::new(vec![Arc::new(Loom), Arc::new(oci)]))
            }
            Err(reason) => return skip(&reason.to_string()),
        }
        // The owner of the first does not let it go to this registry, which is on a private network.
        config.private_networks = seed > WORKER;
        workers.push(canut_worker::start(config).await.unwrap());
    }
    let (id, deal) = market.deal(2, 5, PARAMS).await;
    let address = pool.address().to_string();
    market
        .settle(id, &deal, || address.clone(), &BTreeSet::new())
        .await;
    for task in market.tasks(id, &deal).await {
        assert_eq!(task.status, Status::Completed);
        for (worker, vote) in &task.contributions {
            assert_eq!(vote.status, ContributionStatus::Proved);
            assert_ne!(*worker, key(WORKER).address(), "it could not pull");
        }
        let archive = market.result(&task).await;
        let said = format!("task {}\n", task.index);
        assert!(
            archive
                .windows(said.len())
                .any(|part| part == said.as_bytes()),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_pulled_is_declined_with_the_reason() {
    let Some(registry) = Registry::start() else {
        return skip("no registry: apt install docker-registry");
    };
    let digest = push_shell(&registry).await;
    let at = &registry.address;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let unknown = B256::repeat_byte(1);
    for (place, checksum, expected) in [
        (
            format!("{at}/team/app:latest"),
            unknown,
            Failure::AppMissing,
        ),
        (format!("{at}/team/other"), digest, Failure::AppMissing),
        (
            format!("{nobody}/team/app"),
            digest,
            Failure::AppUnreachable,
        ),
    ] {
        let mut market = Market::open().await;
        market
            .sell_at("DOCKER", &Location::Other(place), checksum)
            .await;
        let pool = market.pool(Market::settings()).await;
        market.endow(WORKER).await;
        let mut config = market.worker_config(&pool.sessions(), WORKER);
        match OciRuntime::new(&config.folder.join("containers"), &EngineKind::ALL).await {
            Ok(oci) => config.runtime = Arc::new(oci),
            Err(reason) => return skip(&reason.to_string()),
        }
        config.private_networks = true;
        let _worker = canut_worker::start(config).await.unwrap();
        let (id, deal) = market.deal(1, 1, "").await;
        let (_, task) = deal.tasks(id).next().unwrap();
        let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
        loop {
            look.tick().await;
            let view = get(&pool.address().to_string(), &format!("/tasks/{task}")).await;
            if view.is_some_and(|view| view.to_string().contains(expected.name())) {
                break;
            }
        }
    }
}
