//! The public network, with names and certificates: encrypted, and nowhere else, wherever a server sends a worker.

use super::*;
use crate::fetch::server::World;

fn world() -> World {
    World::of(&[
        ("registry.example", "1.1.1.1"),
        ("warehouse.example", "2606:4700::1111"),
        ("inside.example", "10.1.2.3"),
        ("metadata.example", "169.254.169.254"),
    ])
}

/// Whose worker goes to no private network.
fn place(world: &World) -> Place {
    Place {
        web: world.web(false),
        ..Place::new()
    }
}

#[tokio::test]
async fn an_image_is_pulled_from_whom_an_authority_vouches_for() {
    let world = world();
    let place = place(&world);
    let registry = world.server("registry.example").await;
    let manifest = digest(&stock(&registry));
    place.pull(&registry, manifest).await.unwrap();
    assert_eq!(place.pulled(LAYER), LAYER);
    let mut renamed = world.server("warehouse.example").await;
    renamed.address = renamed.address.replace("warehouse", "registry");
    let stranger = World::of(&[]).server("registry.example").await;
    let mut plain = Server::start().await;
    plain.address = plain.address.replace("127.0.0.1", "registry.example");
    for liar in [renamed, stranger, plain] {
        let manifest = digest(&stock(&liar));
        let pulled = self::place(&world).pull(&liar, manifest).await;
        assert_eq!(pulled, Err(Absence::Unreachable));
        assert_eq!((liar.calls(), liar.heard().len()), (1, 0));
    }
}

/// Addresses of `server` that a worker must not be sent to.
fn traps(server: &Server) -> [String; 6] {
    let port = server.address.rsplit(':').next().unwrap();
    [
        "https://127.0.0.1",
        "https://[::1]",
        "https://inside.example",
        "https://metadata.example",
        "http://warehouse.example",
        "http://127.0.0.1",
    ]
    .map(|place| format!("{place}:{port}/layer"))
}

#[tokio::test]
async fn a_registry_sends_a_worker_to_public_places_only() {
    let world = world();
    let warehouse = world.server("warehouse.example").await;
    warehouse.answer("/layer", ok(LAYER));
    let trap = world.server("inside.example").await;
    trap.answer("/layer", ok(LAYER));
    let good = format!("https://{}/layer", warehouse.address);
    let bad = traps(&trap).map(|place| (place, Err(Absence::Refused)));
    for (target, expected) in bad.into_iter().chain([(good, Ok(()))]) {
        let registry = world.server("registry.example").await;
        let sent = say("307 Temporary Redirect", &[("location", &target)], b"");
        registry.answer(&at("blobs", LAYER), sent);
        let manifest = digest(&stock(&registry));
        let pulled = place(&world).pull(&registry, manifest).await;
        assert_eq!(pulled, expected, "{target}");
    }
    assert_eq!((trap.calls(), warehouse.heard().len()), (0, 1));
}

#[tokio::test]
async fn and_so_does_whoever_has_an_input() {
    let world = world();
    let trap = world.server("inside.example").await;
    trap.answer("/layer", ok(b"secret"));
    for target in traps(&trap) {
        let server = world.server("registry.example").await;
        let sent = say("302 Found", &[("location", &target)], b"");
        server.answer("/file", sent);
        let place = place(&world);
        let url = format!("https://{}/file", server.address);
        let into = place.folder.path().join("file");
        let fetched = place.web.download(&url, &into, 9).await;
        assert_eq!(fetched, Err(Absence::Refused), "{target}");
        assert_eq!(server.heard().len(), 1);
    }
    assert_eq!(trap.calls(), 0);
}
