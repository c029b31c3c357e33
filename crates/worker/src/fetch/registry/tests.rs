//! Registries that are as they should be, and others, over real sockets.

mod encrypted;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::fetch::server::{Server, ok, say};

fn digest(bytes: &[u8]) -> B256 {
    B256::new(Sha256::digest(bytes).into())
}

fn describe(bytes: &[u8]) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": named(digest(bytes)),
        "size": bytes.len(),
    })
}

const CONFIG: &[u8] = b"{\"architecture\":\"amd64\"}";
const LAYER: &[u8] = b"a layer that is long enough to break in the middle";

fn manifest(layers: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "config": describe(CONFIG), "layers": layers })
        .to_string()
        .into_bytes()
}

fn at(kind: &str, bytes: &[u8]) -> String {
    format!("/v2/team/app/{kind}/{}", named(digest(bytes)))
}

/// Where a worker pulls to, and what it keeps.
struct Place {
    folder: TempDir,
    web: Web,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            web: Web::new(true).unwrap(),
            cache: Cache::open(folder.path().join("cache"), 1 << 20).unwrap(),
            folder,
        }
    }

    async fn pull_within(
        &self,
        server: &Server,
        digest: B256,
        limit: u64,
        room: u64,
    ) -> Result<(), Absence> {
        let image = Image::read(&format!("{}/team/app:latest", server.address), digest).unwrap();
        let into = self.folder.path().join("image");
        let _ = fs::remove_dir_all(&into);
        let registry = Registry::new(&self.web, &self.cache, &image).unwrap();
        registry.pull(&into, limit, room).await
    }

    async fn pull(&self, server: &Server, digest: B256) -> Result<(), Absence> {
        self.pull_within(server, digest, 1 << 20, 1 << 20).await
    }

    fn pulled(&self, bytes: &[u8]) -> Vec<u8> {
        let blobs = self.folder.path().join("image/blobs/sha256");
        fs::read(blobs.join(hex::encode(digest(bytes)))).unwrap()
    }
}

/// A registry of one image. Gives the manifest.
async fn good() -> (Server, Vec<u8>) {
    let server = Server::start().await;
    let manifest = stock(&server);
    (server, manifest)
}

/// Gives a server an image. Gives the manifest.
fn stock(server: &Server) -> Vec<u8> {
    let manifest = manifest(&[describe(LAYER), describe(LAYER)]);
    server.answer(&at("manifests", &manifest), ok(&manifest));
    server.answer(&at("blobs", CONFIG), ok(CONFIG));
    server.answer(&at("blobs", LAYER), ok(LAYER));
    manifest
}

#[tokio::test]
async fn an_image_is_pulled_once_and_kept_by_its_content() {
    let (server, manifest) = good().await;
    let place = Place::new();
    for _ in 0..2 {
        place.pull(&server, digest(&manifest)).await.unwrap();
        assert_eq!(place.pulled(&manifest), manifest);
        assert_eq!(place.pulled(CONFIG), CONFIG);
        assert_eq!(place.pulled(LAYER), LAYER);
    }
    assert_eq!(server.heard().len(), 3, "no part is asked for twice");
}

#[tokio::test]
async fn a_token_is_shown_to_the_registry_alone() {
    let (registry, authority, warehouse) = (
        Server::start().await,
        Server::start().await,
        Server::start().await,
    );
    let manifest = manifest(&[describe(LAYER)]);
    let challenge = format!(
        "Bearer realm=\"http://{}/token\",service=\"the registry\",scope=\"repository:other/secret:push\"",
        authority.address
    );
    let refused = say("401 Unauthorized", &[("www-authenticate", &challenge)], b"");
    registry.answer(&at("manifests", &manifest), refused);
    registry.answer(&at("manifests", &manifest), ok(&manifest));
    registry.answer(&at("blobs", CONFIG), ok(CONFIG));
    let elsewhere = format!("http://{}/layer", warehouse.address);
    let sent = say("307 Temporary Redirect", &[("location", &elsewhere)], b"");
    registry.answer(&at("blobs", LAYER), sent);
    warehouse.answer("/layer", ok(LAYER));
    // Asked for what is needed, not for what the registry says.
    let asked = "/token?service=the+registry&scope=repository%3ateam%2fapp%3apull";
    authority.answer(asked, ok(br#"{"token":"let-me-in"}"#));
    let place = Place::new();
    place.pull(&registry, digest(&manifest)).await.unwrap();
    assert_eq!(place.pulled(LAYER), LAYER);
    let shown = |server: &Server| {
        let heard = server.heard();
        heard
            .iter()
            .map(|head| head.contains("bearer let-me-in"))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&registry), [false, true, true, true]);
    assert_eq!(shown(&authority), [false]);
    assert_eq!(shown(&warehouse), [false]);
}

#[tokio::test]
async fn an_image_that_is_not_for_everybody_is_missing() {
    let place = Place::new();
    let wanted = b"anything";
    for challenge in [
        "Basic realm=\"us\"",
        "Bearer service=\"nowhere\"",
        "nonsense \"",
        "",
    ] {
        let server = Server::start().await;
        let refused = say("401 Unauthorized", &[("www-authenticate", challenge)], b"");
        server.answer(&at("manifests", wanted), refused);
        assert_eq!(
            place.pull(&server, digest(wanted)).await,
            Err(Absence::Missing),
            "{challenge}"
        );
    }
    let server = Server::start().await;
    assert_eq!(
        place.pull(&server, digest(wanted)).await,
        Err(Absence::Missing)
    );
    let broken = say("500 Internal Server Error", &[], b"");
    server.answer(&at("manifests", wanted), broken);
    assert_eq!(
        place.pull(&server, digest(wanted)).await,
        Err(Absence::Unreachable)
    );
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let server = Server::start().await;
    let manifest = manifest(&[describe(LAYER)]);
    server.answer(&at("manifests", &manifest), ok(&manifest));
    server.answer(&at("blobs", CONFIG), ok(CONFIG));
    let whole = LAYER.len().to_string();
    let broken = say("200 OK", &[("content-length", &whole)], &LAYER[..20]);
    server.answer(&at("blobs", LAYER), broken);
    let range = format!("bytes 20-{}/{whole}", LAYER.len() - 1);
    let rest = say(
        "206 Partial Content",
        &[("content-range", &range)],
        &LAYER[20..],
    );
    server.answer(&at("blobs", LAYER), rest);
    let place = Place::new();
    place.pull(&server, digest(&manifest)).await.unwrap();
    assert_eq!(place.pulled(LAYER), LAYER);
    let last = server.heard().pop().unwrap();
    assert!(last.contains("range: bytes=20-"), "{last}");
}

#[tokio::test]
async fn what_has_not_its_digest_or_its_size_is_refused() {
    let image = manifest(&[describe(LAYER)]);
    let other: &[u8] = b"a layer that is long enough to break in the MIDDLE";
    let long = [LAYER, b"more"].concat();
    let range = say(
        "206 Partial Content",
        &[("content-range", "bytes 0-9/50")],
        &LAYER[..10],
    );
    for (layer, expected) in [
        (ok(other), Absence::Wrong),
        (ok(&long), Absence::Wrong),
        (ok(&LAYER[..20]), Absence::Wrong),
        (range, Absence::Wrong),
        (b"nonsense".to_vec(), Absence::Unreachable),
    ] {
        let (server, place) = (Server::start().await, Place::new());
        server.answer(&at("manifests", &image), ok(&image));
        server.answer(&at("blobs", CONFIG), ok(CONFIG));
        server.answer(&at("blobs", LAYER), layer);
        assert_eq!(place.pull(&server, digest(&image)).await, Err(expected));
        // What is right in the end is taken, whatever was left.
        let good = ok(LAYER);
        *server
            .answers
            .lock()
            .unwrap()
            .get_mut(&at("blobs", LAYER))
            .unwrap() = vec![good];
        let again = place.pull(&server, digest(&image)).await;
        let again = if again.is_err() {
            place.pull(&server, digest(&image)).await
        } else {
            again
        };
        again.unwrap();
        assert_eq!(place.pulled(LAYER), LAYER);
    }
    let (server, place) = (Server::start().await, Place::new());
    server.answer(&at("manifests", &image), ok(&manifest(&[])));
    assert_eq!(
        place.pull(&server, digest(&image)).await,
        Err(Absence::Wrong)
    );
}

#[tokio::test]
async fn no_image_is_too_large_or_too_deep() {
    let place = Place::new();
    let server = Server::start().await;
    let offer = |bytes: &[u8]| server.answer(&at("manifests", bytes), ok(bytes));
    let image = manifest(&[describe(LAYER)]);
    offer(&image);
    let size = (CONFIG.len() + LAYER.len()) as u64;
    for (limit, room, expected) in [
        (size - 1, size, Absence::TooLarge),
        (size, size - 1, Absence::Disk),
    ] {
        let pulled = place.pull_within(&server, digest(&image), limit, room);
        assert_eq!(pulled.await, Err(expected));
    }
    let mut endless = describe(LAYER);
    endless["size"] = json!(i64::MAX);
    let mut other = describe(CONFIG);
    other["size"] = json!(i64::MAX);
    let huge = manifest(&[endless.clone(), other]);
    offer(&huge);
    assert_eq!(
        place.pull(&server, digest(&huge)).await,
        Err(Absence::TooLarge)
    );
    let many = manifest(&vec![describe(LAYER); 200]);
    offer(&many);
    assert_eq!(
        place.pull(&server, digest(&many)).await,
        Err(Absence::Invalid)
    );
    let index = |of: &[u8]| {
        let mut about = describe(of);
        about["platform"] = json!({ "os": "linux", "architecture": oci_arch() });
        json!({ "schemaVersion": 2, "manifests": [about] })
            .to_string()
            .into_bytes()
    };
    let second = index(&image);
    let first = index(&second);
    offer(&second);
    offer(&first);
    assert_eq!(
        place.pull(&server, digest(&first)).await,
        Err(Absence::Invalid)
    );
    offer(b"[]");
    assert_eq!(
        place.pull(&server, digest(b"[]")).await,
        Err(Absence::Invalid)
    );
    let without_end = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned();
    let mut flood = without_end.into_bytes();
    flood.resize(usize::try_from(DOCUMENT_BYTES).unwrap() + 1_000, b' ');
    server.answer(&at("manifests", b"flood"), flood);
    assert_eq!(
        place.pull(&server, digest(b"flood")).await,
        Err(Absence::Wrong)
    );
}

const fn oci_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

#[tokio::test]
async fn a_registry_leads_to_no_private_network() {
    let (server, manifest) = good().await;
    let mut place = Place::new();
    place.web = Web::new(false).unwrap();
    assert_eq!(
        place.pull(&server, digest(&manifest)).await,
        Err(Absence::Refused)
    );
    assert_eq!(server.heard().len(), 0);
}

#[test]
fn an_image_is_named_as_everywhere_and_known_by_its_checksum() {
    let checksum = B256::repeat_byte(0xab);
    let own = named(checksum);
    let place = |name: &str| {
        Image::read(name, checksum)
            .unwrap()
            .place()
            .unwrap()
            .to_string()
    };
    for (name, expected) in [
        ("python", "https://registry-1.docker.io/v2/library/python/"),
        (
            "docker.io/team/app:3.12",
            "https://registry-1.docker.io/v2/team/app/",
        ),
        ("ghcr.io/a/b/c:tag", "https://ghcr.io/v2/a/b/c/"),
        (
            "registry.example:5000/app",
            "https://registry.example:5000/v2/app/",
        ),
        ("localhost:5000/app", "http://localhost:5000/v2/app/"),
        ("10.1.2.3/app", "http://10.1.2.3:443/v2/app/"),
        (
            &format!("registry.example/app:tag@{own}"),
            "https://registry.example/v2/app/",
        ),
        (
            &format!("registry.example/app@{own}"),
            "https://registry.example/v2/app/",
        ),
    ] {
        assert_eq!(place(name), expected, "{name}");
    }
    let other = format!("registry.example/app@{}", named(B256::ZERO));
    assert_eq!(Image::read(&other, checksum), Err(Failure::AppMismatch));
    let long = "a".repeat(600);
    for name in [
        "Upper/Case",
        "registry.example/../../token",
        "a b",
        "registry.example/a?b=c",
        &long,
    ] {
        assert_eq!(
            Image::read(name, checksum),
            Err(Failure::AppMissing),
            "{name}"
        );
    }
}
