//! What the SDK's routes answer, to owners and to others.

use alloy::signers::local::PrivateKeySigner;
use canut_vault::{
    Config, Remote, RemoteError, SecretId, Server, Value,
    format::{PrivateKey, PublicKey},
};
use reqwest::{Client, Method, StatusCode};

use crate::world::{World, header, signed};

const BENEFICIARY: &str = include_str!("../../src/format/beneficiary.pem");

fn value(text: &str) -> Value {
    Value::new(text).unwrap()
}

fn named(key: &PrivateKeySigner, name: &str) -> SecretId {
    SecretId::Account(key.address(), name.parse().unwrap())
}

/// Status and error sentence of a raw request.
async fn ask(
    method: Method,
    url: String,
    authorization: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, String) {
    let answer = Client::new()
        .request(method, url)
        .header("authorization", authorization)
        .header("content-type", "text/plain")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    (
        status,
        document["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn each_owner_sets_a_secret_once_and_nobody_else_does() {
    let world = World::open().await;
    let [dataset, app] = world.assets().await;
    let me = world.owner.address();
    let remote = world.remote();
    for id in [
        SecretId::Dataset(dataset),
        SecretId::App(app),
        SecretId::Requester(me, "api-key".parse().unwrap()),
        SecretId::Account(me, "iexec-result-dropbox-token".parse().unwrap()),
    ] {
        assert!(!remote.contains(&id).await.unwrap(), "{id}");
        let stolen = signed(&world.stranger, &id, "secret");
        let other = signed(&world.owner, &id, "another value");
        for forged in [stolen.as_slice(), &other, &stolen[..64], b""] {
            let refused = remote.put(&id, &value("secret"), forged, false).await;
            assert!(
                matches!(refused, Err(RemoteError::Refused { status: 401, .. })),
                "{id}: {refused:?}"
            );
        }
        assert!(!remote.contains(&id).await.unwrap(), "{id}");

        let mine = signed(&world.owner, &id, "secret");
        remote
            .put(&id, &value("secret"), &mine, false)
            .await
            .unwrap();
        assert!(remote.contains(&id).await.unwrap(), "{id}");
        let again = remote.put(&id, &value("secret"), &mine, false).await;
        assert!(
            matches!(again, Err(RemoteError::Refused { status: 409, .. })),
            "{id}: {again:?}"
        );
        let (kept, signature) = world.vault.secrets().read(&id).await.unwrap().unwrap();
        assert_eq!(
            (kept.expose(), signature.as_ref()),
            ("secret", mine.as_slice())
        );
    }
    let nothing = SecretId::Dataset(app);
    let sign = signed(&world.owner, &nothing, "x");
    let refused = remote.put(&nothing, &value("x"), &sign, false).await;
    assert!(matches!(
        refused,
        Err(RemoteError::Refused { status: 401, .. })
    ));
}

#[tokio::test]
async fn only_what_an_account_keeps_for_itself_is_replaced() {
    let world = World::open().await;
    let (remote, me) = (world.remote(), &world.owner);
    let token = named(me, "token");
    let sign = |text: &str| signed(me, &token, text);
    let early = remote.put(&token, &value("b"), &sign("b"), true).await;
    assert!(matches!(
        early,
        Err(RemoteError::Refused { status: 404, .. })
    ));
    remote
        .put(&token, &value("a"), &sign("a"), false)
        .await
        .unwrap();
    for text in ["b", "b"] {
        remote
            .put(&token, &value(text), &sign(text), true)
            .await
            .unwrap();
    }
    let theirs = signed(&world.stranger, &token, "c");
    let refused = remote.put(&token, &value("c"), &theirs, true).await;
    assert!(matches!(
        refused,
        Err(RemoteError::Refused { status: 401, .. })
    ));
    let (kept, _) = world.vault.secrets().read(&token).await.unwrap().unwrap();
    assert_eq!(kept, value("b"));

    let once = SecretId::Requester(me.address(), "token".parse().unwrap());
    let url = format!("{}/requesters/{}/secrets/token", world.url(), me.address());
    let (status, error) = ask(Method::PUT, url, &header(me, &once, "a"), "a").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(error.contains("set once"), "{error}");
}

#[tokio::test]
async fn junk_is_refused_with_a_sentence() {
    let world = World::open().await;
    let (url, me) = (world.url(), &world.owner);
    let account = format!(
        "{url}/secrets/web2?ownerAddress={}&secretName=",
        me.address()
    );
    let requester = format!("{url}/requesters/{}/secrets/", me.address());
    let long = "x".repeat(4_097);
    let key = named(me, "iexec-result-encryption-public-key");
    let no_key = header(me, &key, "hello");
    for (method, place, authorization, body, status) in [
        (Method::POST, format!("{account}a"), "", long.as_str(), 413),
        (Method::PUT, format!("{account}a"), "", &long, 413),
        (Method::POST, format!("{requester}a"), "", &long, 400),
        (Method::POST, format!("{account}a"), "", "", 400),
        (Method::POST, format!("{account}a%20b"), "", "x", 400),
        (
            Method::POST,
            format!("{requester}{}", "x".repeat(65)),
            "",
            "x",
            400,
        ),
        (
            Method::POST,
            format!("{url}/secrets/web2?ownerAddress=0x12&secretName=a"),
            "",
            "x",
            400,
        ),
        (Method::POST, format!("{url}/secrets/web3"), "", "x", 400),
        (Method::POST, format!("{url}/apps/me/secrets"), "", "x", 400),
        (Method::POST, format!("{account}a"), "é", "x", 401),
        (
            Method::POST,
            format!("{account}a"),
            &"0x00".repeat(500),
            "x",
            401,
        ),
        (
            Method::POST,
            format!("{account}iexec-result-encryption-public-key"),
            &no_key,
            "hello",
            400,
        ),
        (Method::DELETE, format!("{account}a"), "", "", 405),
        (Method::GET, format!("{account}a"), "", "", 405),
        (Method::GET, format!("{url}/nowhere"), "", "", 404),
    ] {
        let (found, error) = ask(method, place.clone(), authorization, body.to_owned()).await;
        assert_eq!(found.as_u16(), status, "{place}: {error}");
        assert!(!error.is_empty(), "{place}");
    }
    let bytes = ask(Method::POST, format!("{account}a"), "", vec![0xff, 0xfe]).await;
    assert_eq!(bytes.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.vault.secrets().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_worker_believes_only_the_key_that_the_beneficiary_signed() {
    let world = World::open().await;
    let (remote, me) = (world.remote(), &world.owner);
    let public = PrivateKey::from_pem(BENEFICIARY).unwrap().public();
    assert_eq!(remote.key_of_results(me.address()).await.unwrap(), None);
    let text = PublicKey::value_of(&public.to_pem().unwrap()).unwrap();
    let id = SecretId::key_of_results(me.address());
    remote
        .put(&id, &value(&text), &signed(me, &id, &text), false)
        .await
        .unwrap();
    assert_eq!(
        remote.key_of_results(me.address()).await.unwrap(),
        Some(public)
    );

    // A vault that puts its own key in the place of somebody's.
    let whose = SecretId::key_of_results(world.stranger.address());
    let forged = signed(me, &whose, &text);
    world
        .vault
        .secrets()
        .add(&whose, &value(&text), &forged)
        .await
        .unwrap();
    let shown = remote.key_of_results(world.stranger.address()).await;
    assert!(
        matches!(shown, Err(RemoteError::Forged { .. })),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_vault_that_stops_keeps_what_it_took_and_tells_how_it_is() {
    let world = World::open().await;
    let token = named(&world.owner, "token");
    let sign = signed(&world.owner, &token, "a");
    world
        .remote()
        .put(&token, &value("a"), &sign, false)
        .await
        .unwrap();
    let World {
        vault, folder, hub, ..
    } = world;
    vault.stop().await;
    let vault = Server::start(Config::new(folder.path()), hub)
        .await
        .unwrap();
    let url = format!("http://{}", vault.address());
    assert!(Remote::new(&url).unwrap().contains(&token).await.unwrap());
    for path in ["health", "version"] {
        let (status, _) = ask(Method::GET, format!("{url}/{path}"), "", "").await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let told = reqwest::get(format!("{url}/metrics")).await.unwrap();
    let told = told.text().await.unwrap();
    assert!(told.contains("canut_vault_secrets 1"), "{told}");
    assert!(told.contains("canut_vault_http_answers_total"), "{told}");
}
