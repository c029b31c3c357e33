//! `POST /api/v0/…` as clients of Kubo send it.

use std::{io, time::Duration};

use bytes::Bytes;
use canut_store::{Access, AddOptions, Config, Limits, Store};
use futures::stream;
use reqwest::{
    Body, Client, Response,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::support::{Served, content, memory};

async fn post(served: &Served, call: &str) -> Response {
    Client::new()
        .post(served.url(&format!("/api/v0/{call}")))
        .send()
        .await
        .unwrap()
}

async fn add(served: &Served, query: &str, form: Form) -> Response {
    Client::new()
        .post(served.url(&format!("/api/v0/add?{query}")))
        .multipart(form)
        .send()
        .await
        .unwrap()
}

async fn lines(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn refused(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    let error: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(
        (&error["Type"], &error["Code"]),
        (&json!("error"), &json!(u8::from(status < 500)))
    );
    error["Message"].as_str().unwrap().to_owned()
}

fn file(name: &str, bytes: impl Into<Body>) -> Form {
    Form::new().part("file", Part::stream(bytes).file_name(name.to_owned()))
}

/// Byte for byte what the iExec SDK sends: a form made by `FormData`, one file.
#[tokio::test]
async fn the_request_of_the_sdk() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let body = "------formdata-undici-0123456789\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\n\
                Content-Type: application/octet-stream\r\n\r\nhello\n\r\n------formdata-undici-0123456789--\r\n";
    let response = Client::new()
        .post(served.url("/api/v0/add?stream-channels=true&progress=false"))
        .header(
            "content-type",
            "multipart/form-data; boundary=----formdata-undici-0123456789",
        )
        .body(body)
        .send()
        .await
        .unwrap();
    let added = lines(response).await;
    let cid = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN";
    assert_eq!(
        added,
        [json!({ "Name": "blob", "Hash": cid, "Size": "14" })]
    );
    assert_eq!(
        reqwest::get(served.url(&format!("/ipfs/{cid}")))
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "hello\n"
    );
    assert_eq!(store.pins().await.unwrap().len(), 1);
    served.stop().await;
}

#[tokio::test]
async fn files_and_folders() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let form = || {
        let directory = || Part::text("").mime_str("application/x-directory").unwrap();
        file("nested%2Fa.txt", content(1, 5))
            .part("file", directory().file_name("nested"))
            .part(
                "file",
                Part::bytes(content(2, 300_000)).file_name("nested%2Fsub%2Fb.bin"),
            )
            .part(
                "file",
                Part::bytes(content(3, 0)).file_name("nested%2Fsub%2Fdeep%2Fc"),
            )
            .part(
                "file",
                Part::bytes(content(4, 9)).file_name("nested%2F%C3%A9t%C3%A9+%E2%98%80.txt"),
            )
    };
    let expected: Value = serde_json::from_str(include_str!("../vectors/importer.json")).unwrap();
    for (query, layout) in [
        ("", "v0"),
        ("raw-leaves=true", "v0raw"),
        ("cid-version=1", "v1"),
        ("cid-version=1&raw-leaves=false", "v1wrapped"),
    ] {
        let added = lines(add(&served, query, form()).await).await;
        let names: Vec<_> = added
            .iter()
            .map(|line| line["Name"].as_str().unwrap())
            .collect();
        let files = [
            "nested/a.txt",
            "nested/sub/b.bin",
            "nested/sub/deep/c",
            "nested/été ☀.txt",
        ];
        let folders = ["nested/sub/deep", "nested/sub", "nested"];
        assert_eq!(names, [&files[..], &folders].concat());
        assert_eq!(added[6]["Hash"], expected["nested"][layout], "{layout}");
        let root = canut_store::parse_cid(added[6]["Hash"].as_str().unwrap()).unwrap();
        assert!(store.is_pinned(&root).await.unwrap());
    }
    assert_eq!(store.pins().await.unwrap().len(), 4);

    // Several files: each its own, or in a folder around them.
    let two = || file("a", content(1, 5)).part("file", Part::bytes(content(2, 5)).file_name("b"));
    let added = lines(add(&served, "pin=false", two()).await).await;
    assert_eq!(added.len(), 2);
    assert_eq!(store.pins().await.unwrap().len(), 4);
    let added = lines(add(&served, "wrap-with-directory=true", two()).await).await;
    assert_eq!((added.len(), &added[2]["Name"]), (3, &json!("")));
    let path = format!("/ipfs/{}/b", added[2]["Hash"].as_str().unwrap());
    assert!(
        reqwest::get(served.url(&path))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            == content(2, 5)
    );

    // A file without a name has its CID for one.
    let added = lines(
        add(
            &served,
            "",
            Form::new().part("file", Part::bytes(content(1, 5))),
        )
        .await,
    )
    .await;
    assert_eq!(added[0]["Name"], added[0]["Hash"]);
    served.stop().await;
}

#[tokio::test]
async fn what_is_refused() {
    let limits = Limits {
        upload: 1 << 20,
        ..Limits::default()
    };
    let store = Store::open_with("memory:", limits).await.unwrap();
    let served = Served::new(
        &store,
        Config {
            idle: Duration::from_millis(50),
            ..Config::default()
        },
    )
    .await;
    for query in [
        "chunker=size-1024",
        "hash=blake3",
        "trickle=true",
        "cid-version=2",
        "pin=maybe",
        "only-hash=true",
    ] {
        refused(add(&served, query, file("a", "x")).await, 400).await;
    }
    for name in ["..%2F..%2Fetc%2Fpasswd", "a%2F%2Fb", "a%00b", "%FF"] {
        refused(add(&served, "", file(name, "x")).await, 400).await;
    }
    let twice = file("a", "x").part("file", Part::bytes(vec![1]).file_name("a"));
    refused(add(&served, "", twice).await, 400).await;
    let link = Part::text("/etc/passwd")
        .mime_str("application/symlink")
        .unwrap()
        .file_name("l");
    assert!(
        refused(add(&served, "", Form::new().part("file", link)).await, 400)
            .await
            .contains("symbolic")
    );
    refused(add(&served, "", Form::new()).await, 400).await;
    refused(post(&served, "add").await, 400).await;
    refused(
        add(&served, "", file("big", content(1, (1 << 20) + 1))).await,
        413,
    )
    .await;

    // The sender falls silent.
    let silent = stream::once(async { io::Result::Ok(Bytes::from("some")) });
    let silent = futures::StreamExt::chain(silent, stream::pending());
    refused(
        add(&served, "", file("slow", Body::wrap_stream(silent))).await,
        400,
    )
    .await;
    assert!(store.pins().await.unwrap().is_empty());

    refused(post(&served, "swarm/peers").await, 404).await;
    let get = reqwest::get(served.url("/api/v0/add")).await.unwrap();
    assert_eq!(get.status(), 405);
    served.stop().await;
}

#[tokio::test]
async fn headers_without_end() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let start = Bytes::from("--b\r\nContent-Disposition: form-data; name=\"file\"\r\nX: ");
    let flood =
        std::iter::once(start).chain(std::iter::repeat_n(Bytes::from(vec![b'x'; 64 << 10]), 64));
    let answer = Client::new()
        .post(served.url("/api/v0/add"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Body::wrap_stream(stream::iter(flood.map(io::Result::Ok))))
        .send()
        .await;
    // The server answers and hangs up; the client may see either first.
    if let Ok(answer) = answer {
        refused(answer, 400).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn cat_and_version() {
    let store = memory().await;
    let served = Served::new(&store, Config::default()).await;
    let cid = store
        .add_bytes(content(1, 300_000), AddOptions::default())
        .await
        .unwrap()
        .cid;
    let all = post(&served, &format!("cat?arg={cid}")).await;
    assert_eq!(all.headers()["x-stream-output"], "1");
    assert!(all.bytes().await.unwrap() == content(1, 300_000));
    let part = post(
        &served,
        &format!("cat?arg=/ipfs/{cid}&offset=262140&length=8"),
    )
    .await;
    assert_eq!(
        part.bytes().await.unwrap(),
        content(1, 300_000)[262_140..262_148]
    );
    refused(post(&served, "cat").await, 400).await;
    refused(post(&served, "cat?arg=nonsense").await, 400).await;
    refused(
        post(&served, &format!("cat?arg={cid}&offset=-1")).await,
        400,
    )
    .await;
    refused(
        post(
            &served,
            "cat?arg=QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN",
        )
        .await,
        404,
    )
    .await;
    let version: Value =
        serde_json::from_str(&post(&served, "version").await.text().await.unwrap()).unwrap();
    assert_eq!(version["Version"], env!("CARGO_PKG_VERSION"));
    served.stop().await;
}

#[tokio::test]
async fn pins_are_for_those_who_may() {
    let store = memory().await;
    let cid = store
        .add_bytes(
            "x",
            AddOptions {
                pin: false,
                ..AddOptions::default()
            },
        )
        .await
        .unwrap()
        .cid;
    let open = Served::new(&store, Config::default()).await;
    let calls = [
        format!("pin/add?arg={cid}"),
        format!("pin/rm?arg={cid}"),
        "pin/ls".into(),
        "repo/gc".into(),
    ];
    for call in &calls {
        refused(post(&open, call).await, 403).await;
    }
    open.stop().await;

    let read_only = Served::new(
        &store,
        Config {
            access: Access::Read,
            ..Config::default()
        },
    )
    .await;
    refused(add(&read_only, "", file("a", "x")).await, 403).await;
    read_only.stop().await;

    let own = Served::new(
        &store,
        Config {
            access: Access::Manage,
            ..Config::default()
        },
    )
    .await;
    for call in &calls {
        let page = Client::new()
            .post(own.url(&format!("/api/v0/{call}")))
            .header("origin", "http://evil.example");
        refused(page.send().await.unwrap(), 403).await;
    }
    let text = cid.to_string();
    refused(post(&own, &calls[1]).await, 404).await;
    assert_eq!(
        lines(post(&own, &calls[0]).await).await,
        [json!({ "Pins": [text] })]
    );
    assert_eq!(
        lines(post(&own, &calls[2]).await).await,
        [json!({ "Keys": { (text.clone()): { "Type": "recursive" } } })]
    );
    assert!(lines(post(&own, &calls[3]).await).await.is_empty());
    assert_eq!(
        lines(post(&own, &calls[1]).await).await,
        [json!({ "Pins": [text] })]
    );
    let removed = lines(post(&own, &calls[3]).await).await;
    let raw = canut_store::Cid::new_v1(0x55, *cid.hash());
    assert_eq!(removed, [json!({ "Key": { "/": raw.to_string() } })]);
    own.stop().await;
}
