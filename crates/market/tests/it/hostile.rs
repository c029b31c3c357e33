//! Requests of people who mean harm, or know no better.

use std::time::Duration;

use canut_market::Config;
use proptest::prelude::*;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use crate::{database::sqlite, world::*};

/// Texts that have broken other servers.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("' OR 1=1; DROP TABLE orders; --".to_owned()),
        Just("any".to_owned()),
        Just("-1".to_owned()),
        Just("9007199254740992".to_owned()),
        Just("1e400".to_owned()),
        Just("NaN".to_owned()),
        Just("\u{0}\u{ffff}".to_owned()),
        Just("true".to_owned()),
        Just(APP.to_string()),
        Just("0x".to_owned()),
        "[0-9]{1,25}",
        "0x[0-9a-fA-F]{0,70}",
        ".{0,40}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

const QUERIES: [&str; 36] = [
    "app",
    "dataset",
    "workerpool",
    "requester",
    "beneficiary",
    "appOwner",
    "datasetOwner",
    "workerpoolOwner",
    "isAppStrict",
    "isDatasetStrict",
    "isWorkerpoolStrict",
    "isRequesterStrict",
    "category",
    "minTrust",
    "maxTrust",
    "minTag",
    "maxTag",
    "minVolume",
    "bulkOnly",
    "pageSize",
    "pageIndex",
    "page",
    "apporderHash",
    "datasetorderHash",
    "workerpoolorderHash",
    "requestorderHash",
    "interval",
    "from",
    "to",
    "limit",
    "levels",
    "address",
    "topics",
    "minWorkClockTimeRef",
    "maxWorkClockTimeRef",
    "unknown",
];

const WANTED: [&str; 13] = [
    "app",
    "dataset",
    "workerpool",
    "requester",
    "category",
    "trust",
    "tag",
    "volume",
    "appmaxprice",
    "datasetmaxprice",
    "workerpoolmaxprice",
    "explain",
    "else",
];

const PATHS: [&str; 17] = [
    "/apporders",
    "/datasetorders",
    "/workerpoolorders",
    "/requestorders",
    "/deals",
    "/categories",
    "/challenge",
    "/ohlc",
    "/prices/candles",
    "/prices/depth",
    "/prices/summary",
    "/metrics",
    "/feed",
    "/match",
    "/apporders/",
    "/deals/",
    "/categories/",
];

fn any_query() -> impl Strategy<Value = (String, Vec<(&'static str, String)>)> {
    let path = (prop::sample::select(&PATHS[..]), any_text()).prop_map(|(path, text)| {
        if path.ends_with('/') {
            format!("{path}{}", percent(&text))
        } else {
            path.to_owned()
        }
    });
    (
        path,
        prop::collection::vec((prop::sample::select(&QUERIES[..]), any_text()), 0..4),
    )
}

/// Everything but letters and digits, as `%XX`.
fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

async fn is_empty(world: &World) {
    let counts = world.ok("/metrics").await;
    for kind in [
        "apporders",
        "datasetorders",
        "workerpoolorders",
        "requestorders",
    ] {
        assert_eq!(counts[kind], 0, "something was stored");
    }
}

/// A refusal is a 4xx with a sentence.
fn check(status: StatusCode, body: &Value) {
    assert!(!status.is_server_error(), "{status} {body}");
    assert_eq!(body["ok"], json!(status.is_success()), "{status} {body}");
    if !status.is_success() {
        let sentence = body["error"].as_str().unwrap();
        assert!(sentence.len() > 8 && sentence.len() < 2_000, "{sentence}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_query_breaks_it(queries in prop::collection::vec(any_query(), 60)) {
        Runtime::new().unwrap().block_on(async {
            let world = World::new().await;
            for (path, pairs) in queries {
                let text: String = pairs.iter().map(|(name, value)| format!("&{name}={}", percent(value))).collect();
                let (status, body) = world.get(&format!("{path}?x{text}").replace("?x&", "?").replace("?x", "?")).await;
                check(status, &body);
            }
            is_empty(&world).await;
        });
    }

    #[test]
    fn no_body_breaks_it(bodies in prop::collection::vec((any_json(), any::<prop::sample::Index>(), 0..4usize), 40)) {
        Runtime::new().unwrap().block_on(async {
            let world = World::new().await;
            let signed = [
                ("/apporders", developer(), json!(developer().signed(app_order(1, 1)))),
                ("/datasetorders", owner(), json!(owner().signed(dataset_order(1, 1)))),
                ("/workerpoolorders", operator(), json!(operator().signed(pool_order(1, 1)))),
                ("/requestorders", requester(), json!(requester().signed(request_order(1)))),
            ];
            for (junk, field, kind) in bodies {
                let (path, wallet, order) = &signed[kind];
                let mut spoilt = order.clone();
                let fields = spoilt.as_object_mut().unwrap();
                let name = field.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
                // Now and then the junk is what was there.
                if fields[&name] == junk {
                    continue;
                }
                fields.insert(name, junk.clone());
                for body in [json!({ "order": spoilt }), json!({ "order": junk }), junk.clone()] {
                    let (status, answer) = world.send(Method::POST, path, wallet, &body).await;
                    prop_assert!(!status.is_success(), "{body} was taken");
                    check(status, &answer);
                }
                let (status, answer) = world.send(Method::PUT, path, wallet, &junk).await;
                check(status, &answer);
                let name = *field.get(&["target", "orderHash", "app", "dataset", "workerpool", "requester", "else"]);
                let mut unpublish = json!({ "target": "unpublish_all", "app": APP, "requester": requester().address });
                unpublish[name] = junk.clone();
                let (status, answer) = world.send(Method::PUT, path, wallet, &unpublish).await;
                prop_assert!(!status.is_success(), "there is nothing to unpublish: {answer}");
                check(status, &answer);
                let mut wanted = json!({ "app": APP, "category": 0 });
                wanted[*field.get(&WANTED)] = junk;
                let response = world.http.post(world.url("/match")).json(&wanted).send().await.unwrap();
                let (status, answer) = crate::world::answer(response).await;
                check(status, &answer);
            }
            is_empty(&world).await;
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_opens_it(spoils in prop::collection::vec((any_text(), 0..3usize, any::<bool>()), 30)) {
        Runtime::new().unwrap().block_on(async {
            let world = World::new().await;
            let body = json!({ "order": developer().signed(app_order(1, 1)) });
            for (junk, part, other) in spoils {
                let good = world.authorization(&developer()).await;
                let strange = world.authorization(&operator()).await;
                let mut parts: Vec<_> = good.split('_').collect();
                let junk = if other { strange.split('_').nth(part).unwrap().to_owned() } else { junk };
                parts[part] = &junk;
                let Ok(header) = reqwest::header::HeaderValue::from_str(&parts.join("_")) else { continue };
                let request = world.http.post(world.url("/apporders")).header("authorization", header).json(&body);
                let (status, answer) = answer(request.send().await.unwrap()).await;
                prop_assert_eq!((status, &answer["error"]), (StatusCode::FORBIDDEN, &json!("invalid authorization")));
            }
            is_empty(&world).await;
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn who_does_not_take_the_answers_is_cut_off() {
    let database = sqlite();
    let mut config = Config::new(domain(), &database.url);
    config.patience = Duration::from_millis(200);
    let world = World::over(Default::default(), config).await;
    let stream = TcpStream::connect(world.server.address()).await.unwrap();
    let (mut answers, mut questions) = stream.into_split();
    // Until the buffers are full on both sides, and then until the server gives up.
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    while questions.write_all(request).await.is_ok() {}
    let mut rest = Vec::new();
    // What was sent can still be read; then there is an end.
    let _ = answers.read_to_end(&mut rest).await;
    assert_eq!(world.ok("/version").await["ok"], true);
}

#[tokio::test]
async fn a_market_without_its_chain_is_not_well() {
    let world = World::new().await;
    assert_eq!(world.ok("/health").await["status"], "up");
    world.chain.set_broken(true);
    let (status, body) = world.get("/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    world.chain.set_broken(false);
    assert_eq!(world.ok("/health").await["status"], "up");
}

#[tokio::test]
async fn wrong_chains_routes_and_methods_get_sentences() {
    let world = World::new().await;
    let base = format!("http://{}", world.server.address());
    for (path, status, words) in [
        ("/apporders?app=any", 400, "`chainId` is missing"),
        ("/apporders?app=any&chainId=1", 400, "chain 1 is not served"),
        ("/apporders?chainId=31337", 400, "`app` is missing"),
        (
            "/apporders?chainId=31337&app=any&pageSize=9",
            400,
            "ask for 10 to 1000",
        ),
        (
            "/apporders?chainId=31337&app=any&pagesize=10",
            400,
            "pagesize",
        ),
        ("/nothing?chainId=31337", 404, "/openapi.json"),
        ("/", 404, "/openapi.json"),
        ("/apporders/0x12?chainId=31337", 400, "64 hex digits"),
        ("/ohlc?chainId=31337", 400, "category"),
        (
            "/prices/candles?chainId=31337&category=0&interval=1",
            400,
            "ask for 60",
        ),
    ] {
        let (found, body) = answer(
            world
                .http
                .get(format!("{base}{path}"))
                .send()
                .await
                .unwrap(),
        )
        .await;
        assert_eq!(found, status, "{path}: {body}");
        assert!(
            body["error"].as_str().unwrap().contains(words),
            "{path}: {body}"
        );
    }
    let (status, body) = answer(
        world
            .http
            .delete(format!("{base}/deals"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, 405, "{body}");
}

#[tokio::test]
async fn a_huge_body_is_refused_early() {
    let world = World::new().await;
    let header = world.authorization(&developer()).await;
    let request = world
        .http
        .post(world.url("/apporders"))
        .header("authorization", header);
    let (status, body) = answer(request.body(vec![b' '; 300_000]).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
    let deep = "[".repeat(100_000);
    let response = world
        .http
        .post(world.url("/match"))
        .body(deep)
        .send()
        .await
        .unwrap();
    assert_eq!(answer(response).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_that_never_ends_is_ended() {
    let database = sqlite();
    let mut config = Config::new(domain(), &database.url);
    config.patience = Duration::from_millis(200);
    let world = World::over(Default::default(), config).await;
    let mut stream = TcpStream::connect(world.server.address()).await.unwrap();
    let head = format!(
        "POST /match?chainId={CHAIN} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("took too long"),
        "{answer}"
    );
}

#[tokio::test]
async fn browsers_of_any_origin_may_call() {
    let world = World::new().await;
    let request = world.http.request(Method::OPTIONS, world.url("/apporders"));
    let response = request
        .header("origin", "https://example.org")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .send()
        .await
        .unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-allow-headers").contains("authorization"));
    assert!(header("access-control-allow-methods").contains("PUT"));
}

#[tokio::test]
async fn operators_see_how_it_fares() {
    let world = World::new().await;
    assert_eq!(world.ok("/health").await["status"], "up");
    assert_eq!(
        world.ok("/version").await["version"],
        env!("CARGO_PKG_VERSION")
    );
    world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(1, 1)),
        )
        .await;
    let text = world
        .http
        .get(world.url("/metrics/prometheus"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "canut_market_orders_open{kind=\"apporder\"} 1",
        "canut_market_chain_block 1",
        "# TYPE canut_market_http_seconds histogram",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let document: Value = world
        .http
        .get(world.url("/openapi.json"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for path in [
        "/challenge",
        "/{kind}",
        "/{kind}/{orderHash}",
        "/deals",
        "/match",
        "/prices/candles",
        "/feed",
    ] {
        assert!(
            document["paths"].get(path).is_some(),
            "{path} is not described"
        );
    }
    assert!(
        document["components"]["schemas"]["PublishedOrder"]["properties"]["orderHash"].is_object()
    );
}
