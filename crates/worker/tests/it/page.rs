//! The page that a worker shows its owner, over a socket, as browsers ask for it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use canut_pool::Way;
use canut_sandbox::{Fault, Job, Kind, Limits, Run, Runtime};
use canut_worker::page::Page;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::interval,
};

use crate::{
    loom::Loom,
    market::{BOND, Market, WORKER},
    node::key,
    ranges::settlements,
};

/// A loom that weaves one task for each permit.
#[derive(Clone, Debug)]
struct Metered(Arc<Semaphore>);

impl Runtime for Metered {
    fn runs(&self, kind: Kind) -> bool {
        Loom.runs(kind)
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(async move {
            let permit = self.0.acquire().await.map_err(|_| Fault::Disk {
                path: PathBuf::from("loom"),
                source: std::io::ErrorKind::Other.into(),
            })?;
            permit.forget();
            Loom.run(job, limits).await
        })
    }
}

/// Sends a request, and gives the status, the head and the body of the answer.
async fn ask(page: SocketAddr, method: &str, path: &str, host: &str) -> (u16, String, String) {
    let mut socket = TcpStream::connect(page).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// Asks for the JSON until it is as awaited.
async fn until(page: SocketAddr, awaited: impl Fn(&Value) -> bool) -> Value {
    let mut look = interval(Duration::from_millis(50));
    loop {
        look.tick().await;
        let (status, _, body) = ask(page, "GET", "/status.json", "localhost").await;
        assert_eq!(status, 200);
        let told: Value = serde_json::from_str(&body).unwrap();
        if awaited(&told) {
            return told;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_sees_what_is_computed_paid_and_waited_for() {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    market.endow(WORKER).await;
    let permits = Arc::new(Semaphore::new(3));
    let mut config = market.worker_config(&pool.sessions(), WORKER);
    config.runtime = Arc::new(Metered(permits.clone()));
    config.page = Some(Page {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        start_block: 0,
    });
    let worker = canut_worker::start(config).await.unwrap();
    let page = worker.page().unwrap();
    let told = until(page, |told| told["seen"]["idle"] == "no-work").await;
    let address = serde_json::to_value(key(WORKER).address()).unwrap();
    assert_eq!(told["worker"], address);
    assert_eq!(
        told["money"]["bond"],
        serde_json::to_value(canut_protocol::Nrlc::rlc(BOND)).unwrap()
    );

    let (id, deal) = market.deal(8, 1, "").await;
    let told = until(page, |told| told["work"][0]["done"] == 3).await;
    let work = &told["work"][0];
    assert_eq!(
        (&work["deal"], &work["stage"]),
        (&id.to_string().into(), &"computing".into())
    );
    assert_eq!(work["count"], 8);
    let (_, _, html) = ask(page, "GET", "/", "127.0.0.1").await;
    assert!(html.contains("Computing in 1 of 1 slot."), "{html}");
    assert!(html.contains(r#"<progress max="8" value="3""#), "{html}");

    permits.add_permits(5);
    settlements(&market, id, &deal).await;
    let told = until(page, |told| told["earnings"]["payments"] == 1).await;
    assert!(told["work"].as_array().unwrap().is_empty());
    let earned = told["earnings"]["paid"][0]["amount"].clone();
    assert_eq!(told["earnings"]["earned"], earned);
    until(page, |told| !told["hour"].as_array().unwrap().is_empty()).await;

    pool.shutdown().await;
    let told = until(page, |told| told["seen"].is_null()).await;
    assert_eq!(
        told["earnings"]["earned"], earned,
        "the chain still answers"
    );
    worker.shutdown().await;
    assert!(
        TcpStream::connect(page).await.is_err(),
        "the page ends with its worker"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_site_reads_frames_or_commands_the_page() {
    let market = Market::open_for(Way::Certificate).await;
    market.endow(WORKER).await;
    let mut config = market.worker_config("ws://127.0.0.1:9/session", WORKER);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.page = Some(Page {
        listen,
        start_block: 0,
    });
    let worker = canut_worker::start(config).await.unwrap();
    let page = worker.page().unwrap();
    for path in ["/", "/status.json"] {
        let (status, head, _) = ask(page, "GET", path, &page.to_string()).await;
        assert_eq!(status, 200, "{path}");
        for header in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {header}\n{head}");
        }
        assert!(!head.contains("access-control-allow-origin"));
        let (rebound, _, body) = ask(page, "GET", path, "evil.example").await;
        assert_eq!(rebound, 421, "{path}: {body}");
        let (posted, ..) = ask(page, "POST", path, "localhost").await;
        assert_eq!(posted, 405, "{path}");
    }
    assert_eq!(ask(page, "GET", "/other", "localhost").await.0, 404);
    let taken = market.worker_config("ws://127.0.0.1:9/session", WORKER + 1);
    let taken = canut_worker::Config {
        page: Some(Page {
            listen: page,
            start_block: 0,
        }),
        ..taken
    };
    let refused = canut_worker::start(taken).await.unwrap_err().to_string();
    assert!(
        refused.contains("choose another address for --page"),
        "{refused}"
    );
    worker.shutdown().await;
}
