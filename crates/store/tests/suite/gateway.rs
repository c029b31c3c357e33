//! `GET /ipfs/…` over a socket.

use bytes::Bytes;
use canut_store::{AddOptions, Cid, Config, Layout, Store};
use reqwest::{
    Client, RequestBuilder, StatusCode,
    header::{self, HeaderMap},
};

use crate::support::{Served, content, memory, pieces};

struct Gateway {
    served: Served,
    store: Store,
    client: Client,
    folder: Cid,
}

const BIG: usize = 600_000;

impl Gateway {
    async fn new() -> Self {
        let store = memory().await;
        let served = Served::new(&store, Config::default()).await;
        let mut folder = store.folder(AddOptions {
            layout: Layout::V1,
            pin: true,
        });
        folder
            .file("big.bin", pieces(content(1, BIG), 10_000))
            .await
            .unwrap();
        folder
            .file("sub/page.html", pieces(b"<h1>hello</h1>".to_vec(), 5))
            .await
            .unwrap();
        folder
            .file("été ☀ <&>.txt", pieces("été".into(), 2))
            .await
            .unwrap();
        folder.folder("empty").unwrap();
        let folder = folder.finish().await.unwrap().cid;
        Self {
            served,
            store,
            client: Client::new(),
            folder,
        }
    }

    async fn get(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request = self.client.get(self.served.url(&format!("/ipfs/{path}")));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        send(request).await
    }
}

/// An answer read to its end, so that the connection can be used again.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap(),
    }
}

fn text<'a>(response: &'a Answer, name: &str) -> &'a str {
    response
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_file_whole_and_in_parts() {
    let gateway = Gateway::new().await;
    let path = format!("{}/big.bin", gateway.folder);
    let cid = gateway
        .store
        .resolve(&gateway.folder, "big.bin")
        .await
        .unwrap();
    let bytes = content(1, BIG);

    let response = gateway.get(&path, &[]).await;
    assert_eq!(response.status, 200);
    assert_eq!(text(&response, "content-length"), BIG.to_string());
    assert_eq!(text(&response, "content-type"), "application/octet-stream");
    assert_eq!(text(&response, "etag"), format!("\"{cid}\""));
    assert_eq!(text(&response, "accept-ranges"), "bytes");
    assert_eq!(text(&response, "x-ipfs-path"), format!("/ipfs/{path}"));
    assert_eq!(text(&response, "access-control-allow-origin"), "*");
    assert!(text(&response, "cache-control").contains("immutable"));
    assert!(response.body == bytes);

    // Across the seam of two blocks.
    let response = gateway
        .get(&path, &[(header::RANGE, "bytes=262140-262149")])
        .await;
    assert_eq!(response.status, 206);
    assert_eq!(
        text(&response, "content-range"),
        format!("bytes 262140-262149/{BIG}")
    );
    assert_eq!(text(&response, "content-length"), "10");
    assert_eq!(response.body, bytes[262_140..262_150]);

    let response = gateway.get(&path, &[(header::RANGE, "bytes=-5")]).await;
    assert_eq!(response.body, bytes[BIG - 5..]);

    let response = gateway
        .get(&path, &[(header::RANGE, "bytes=600000-")])
        .await;
    assert_eq!(response.status, 416);
    assert_eq!(text(&response, "content-range"), format!("bytes */{BIG}"));

    let head = send(
        gateway
            .client
            .head(gateway.served.url(&format!("/ipfs/{path}"))),
    )
    .await;
    assert_eq!(
        (head.status.as_u16(), text(&head, "content-length")),
        (200, "600000")
    );
    assert!(head.body.is_empty());

    let held = format!("W/\"{cid}\"");
    let response = gateway.get(&path, &[(header::IF_NONE_MATCH, &held)]).await;
    assert_eq!(response.status, 304);
    // An archive asked for as such is a file as any other.
    let response = gateway
        .get(&path, &[(header::ACCEPT, "application/zip")])
        .await;
    assert!(response.body == bytes);
    gateway.served.stop().await;
}

#[tokio::test]
async fn types_and_names() {
    let gateway = Gateway::new().await;
    let page = gateway
        .get(&format!("{}/sub/page.html", gateway.folder), &[])
        .await;
    assert_eq!(text(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(
        (
            text(&page, "content-security-policy"),
            text(&page, "x-content-type-options")
        ),
        ("sandbox", "nosniff")
    );

    for (bytes, mime) in [
        (&b"plain text\n"[..], "text/plain; charset=utf-8"),
        (b"\x00\x01", "application/octet-stream"),
    ] {
        let cid = gateway
            .store
            .add_bytes(bytes, AddOptions::default())
            .await
            .unwrap()
            .cid;
        assert_eq!(
            text(&gateway.get(&cid.to_string(), &[]).await, "content-type"),
            mime
        );
        let named = gateway
            .get(&format!("{cid}?filename=a%20b.json&download=true"), &[])
            .await;
        assert_eq!(text(&named, "content-type"), "application/json");
        assert_eq!(
            text(&named, "content-disposition"),
            "attachment; filename*=UTF-8''a%20b%2Ejson"
        );
    }
    let empty = gateway
        .store
        .add_bytes("", AddOptions::default())
        .await
        .unwrap()
        .cid;
    let response = gateway
        .get(&empty.to_string(), &[(header::RANGE, "bytes=0-")])
        .await;
    assert_eq!(response.status, 416);
    assert_eq!(gateway.get(&empty.to_string(), &[]).await.body.len(), 0);
    gateway.served.stop().await;
}

#[tokio::test]
async fn a_folder_for_people_and_for_programs() {
    let gateway = Gateway::new().await;
    let root = gateway.folder;
    let page = gateway.get(&root.to_string(), &[]).await;
    assert_eq!(text(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(text(&page, "vary"), "Accept");
    let page = page.text();
    assert!(!page.contains("<&>"), "{page}");
    // Every link of the page leads somewhere, and so on below.
    let mut links: Vec<String> = page
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().into())
        .collect();
    assert_eq!(links.len(), 8);
    links.push(format!("/ipfs/{root}/"));
    links.push(format!("/ipfs/{root}/sub/"));
    for link in links {
        let response = send(gateway.client.get(gateway.served.url(&link))).await;
        assert_eq!(response.status, 200, "{link}");
    }

    let listing = gateway
        .get(
            &format!("{root}/"),
            &[(header::ACCEPT, "text/html;q=0.5, application/json")],
        )
        .await;
    let listing: serde_json::Value = serde_json::from_str(listing.text()).unwrap();
    assert_eq!(listing["cid"], root.to_string());
    let names: Vec<_> = listing["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["big.bin", "empty", "sub", "été ☀ <&>.txt"]);
    gateway.served.stop().await;
}

#[tokio::test]
async fn what_is_not_there() {
    let gateway = Gateway::new().await;
    let root = gateway.folder;
    let absent = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN";
    for (path, status) in [
        ("nonsense".to_owned(), 400),
        ("Qm".to_owned(), 400),
        (absent.to_owned(), 404),
        (format!("{root}/nothing"), 404),
        (format!("{root}/big.bin/below"), 404),
        (format!("{root}/..%2f..%2fetc"), 404),
        (format!("{root}/{}", "a/".repeat(40)), 404),
        (format!("{root}/%ff"), 400),
    ] {
        let response = gateway.get(&path, &[]).await;
        assert_eq!(response.status, status, "{path}");
        assert!(
            !text(&response, "cache-control").contains("immutable"),
            "{path}"
        );
        assert!(!response.text().is_empty(), "{path}");
    }
    let response = send(
        gateway
            .client
            .delete(gateway.served.url(&format!("/ipfs/{root}"))),
    )
    .await;
    assert_eq!(response.status, 405);
    gateway.served.stop().await;
}

#[tokio::test]
async fn a_damaged_block_breaks_the_download_off() {
    let disk = tempfile::tempdir().unwrap();
    let store = Store::open(disk.path().to_str().unwrap()).await.unwrap();
    let cid = store
        .add_bytes(
            content(1, BIG),
            AddOptions {
                layout: Layout::V1,
                pin: true,
            },
        )
        .await
        .unwrap()
        .cid;
    let last = walkdir::WalkDir::new(disk.path().join("blocks"))
        .into_iter()
        .map(Result::unwrap);
    let last = last
        .filter(|entry| entry.metadata().unwrap().len() == (BIG - 2 * 262_144) as u64)
        .last()
        .unwrap();
    std::fs::write(last.path(), content(2, BIG - 2 * 262_144)).unwrap();

    let served = Served::new(&store, Config::default()).await;
    let response = reqwest::get(served.url(&format!("/ipfs/{cid}")))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.bytes().await.is_err(),
        "false bytes must not look like a whole file"
    );
    served.stop().await;
}

#[tokio::test]
async fn downloads_wait_their_turn() {
    let store = memory().await;
    let cid = store
        .add_bytes(content(1, BIG), AddOptions::default())
        .await
        .unwrap()
        .cid;
    let config = Config {
        downloads: 1,
        ..Config::default()
    };
    let served = Served::new(&store, config).await;
    let url = served.url(&format!("/ipfs/{cid}"));
    let all = (0..8).map(|_| async {
        reqwest::get(&url)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .len()
    });
    assert_eq!(futures::future::join_all(all).await, [BIG; 8]);
    served.stop().await;
}
