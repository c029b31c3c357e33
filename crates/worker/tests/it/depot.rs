//! A registry of images: Debian's own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use alloy_primitives::B256;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::boxes;

/// A registry in a process of its own; killed when dropped.
pub(crate) struct Registry {
    process: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Registry {
    /// `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
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
pub(crate) async fn push_shell(registry: &Registry) -> B256 {
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
