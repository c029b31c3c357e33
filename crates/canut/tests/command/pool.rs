//! What a pool tells of itself, and whom it lets in.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{
    client::Person,
    services::{REQUESTER, SCHEDULER, Service, Services},
    support::{canut, get},
};

/// Asks the pool again and again until it tells what is expected.
fn until(services: &Services, question: &[&str], expected: impl Fn(&Value) -> bool) -> Value {
    loop {
        let pool = ["--pool", &services.pool.url, "--json"];
        let output = canut(&[question, &pool].concat()).output().unwrap();
        // A task is not known before the pool has heard of its deal.
        if let Ok(told) = serde_json::from_slice(&output.stdout)
            && expected(&told)
        {
            return told;
        }
    }
}

fn people(services: &Services, question: &[&str]) -> String {
    let output = canut(&[question, &["--pool", &services.pool.url]].concat())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_says_why_a_task_waits_and_why_a_worker_is_not_asked() {
    let services = Services::start(2, "option-pricer.wasm", &[]).await;
    let status = ["pool", "status"];
    let all = until(&services, &status, |told| {
        told["workers"].as_array().is_some_and(|all| all.len() == 2)
            && told["idle"] == json!({ "no-work": 2 })
    });
    assert_eq!(all["reach"]["most"], 4, "two new workers that agree: {all}");
    let shown = people(&services, &status);
    assert!(shown.contains("can be asked, and nothing waits"), "{shown}");

    // Two new workers never reach that.
    let params = r#"{"iexec_args":"--paths 100"}"#;
    let (deal, _) = services.deal(1, 100, params).await;
    let task = format!("{deal}:0");
    let explain = ["pool", "explain", &task];
    until(&services, &explain, |told| {
        told["obstacles"] == json!({ "asked": 2 })
    });
    let shown = people(&services, &explain);
    assert!(shown.contains("waits for one more worker"), "{shown}");
    let worker = services.worker(0).to_string();
    let shown = people(&services, &["pool", "explain", &worker]);
    assert!(
        shown.contains("was asked for everything that waits"),
        "{shown}"
    );
    assert!(shown.contains("for 1 unpaid votes"), "{shown}");
}

/// A number that the pool tells Prometheus.
fn metric(services: &Services, name: &str) -> u64 {
    let text = get(&services.pool.url, "/metrics");
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_keeps_nobody_waiting() {
    let services = Services::start(7, "option-pricer.wasm", &[]).await;
    let params = r#"{"iexec_args":"--paths 2000"}"#;
    // The pool sees how long tasks take.
    let (deal, _) = services.deal(70, 10, params).await;
    let fetch = |deal| {
        let fetched = services.client(deal).output().unwrap();
        let said = String::from_utf8_lossy(&fetched.stdout).into_owned();
        assert!(fetched.status.success(), "{said}");
        // The next deal has tasks of the same indices.
        std::fs::remove_dir_all(services.folder.path().join("results")).unwrap();
    };
    fetch(deal);
    // There is a range for everybody, frozen or not.
    services.workers[0].signal("STOP");
    let (deal, _) = services.deal(63, 10, params).await;
    fetch(deal);
    services.workers[0].signal("CONT");
    assert!(metric(&services, "canut_pool_hedges_won_total") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_with_a_list_lets_in_nobody_else() {
    let mut services = Services::start(2, "option-pricer.wasm", &[]).await;
    let stranger = services.workers.remove(1);
    let mut command = stranger.command();
    drop(stranger);
    let friend = services.worker(0).to_string();
    services.pool.add(&["--allow", &friend]);
    services.pool.kill_and_restart();

    command.env("RUST_LOG", "info").stdout(Stdio::null());
    let mut refused = command.stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(refused.stderr.take().unwrap());
    let told = log
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("lets in only workers that its owner named"));
    refused.kill().unwrap();
    refused.wait().unwrap();
    assert!(told.is_some());
    let all = until(&services, &["pool", "status"], |told| {
        told["workers"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    assert_eq!(all["workers"][0]["worker"], json!(friend.to_lowercase()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_sells_what_its_workers_reach_and_no_more() {
    let mut services = Services::start(2, "option-pricer.wasm", &[]).await;
    let market = services.market();
    let file = services.folder.path().join("pool.toml");
    let text = "refresh = 1\n[[offers]]\ncategory = \"XS\"\nprice = \"0.5RLC\"\nvolume = 100\n";
    std::fs::write(&file, text).unwrap();
    let flags = ["--market", &market.url, "--config", file.to_str().unwrap()];
    services.pool.add(&flags);
    services.pool.kill_and_restart();
    let sold = |trust: u64| {
        let (book, rpc) = (["orderbook", "workerpool", "--json"], &services.node.url);
        let hub = services.hub.to_string();
        loop {
            let mut command = canut(&book);
            command.args(["--market", &market.url, "--rpc", rpc, "--hub", &hub]);
            let output = command.output().unwrap();
            let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let orders = told["items"].as_array().cloned().unwrap_or_default();
            if let [order] = orders.as_slice()
                && order["order"]["trust"] == trust
            {
                return order.clone();
            }
        }
    };
    let order = sold(4);
    assert_eq!(order["remaining"], 100);
    assert_eq!(order["order"]["workerpoolprice"], 500_000_000);
    services.workers.pop();
    assert_ne!(sold(2)["orderHash"], order["orderHash"]);
}

/// Keeps the market under a name, without its pool, for whoever has that key.
pub(crate) fn join(
    person: &Person<'_>,
    services: &Services,
    market: &Service,
    name: &str,
    key: usize,
) {
    let (hub, key) = (services.hub.to_string(), services.keys[key].to_bytes());
    let add = ["network", "add", name, "--rpc", &services.node.url, "--hub"];
    let (store, key) = (services.store.url.as_str(), key.to_string());
    let more = ["--market", &market.url, "--store", store, "--key", &key];
    person.does(&[&add[..], &[&hub], &more].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_of_a_task_is_found_through_the_market() {
    let mut services = Services::start(2, "csv-stats.wasm", &[]).await;
    let market = services.market();
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    join(&person, &services, &market, "mine", REQUESTER);
    join(&person, &services, &market, "owner", SCHEDULER);
    person.does(&["network", "use", "mine"]);
    // The app fails for want of a table, and says so.
    let (deal, _) = services.deal(1, 1, r#"{"iexec_args":"--group a"}"#).await;
    let task = format!("{deal}:0");
    person
        .command(&["deal", "watch", &deal.to_string()])
        .output()
        .unwrap();

    let shown = person.does(&["task", "show", &task]);
    let silence = shown["silence"].as_str().unwrap();
    assert!(silence.contains("canut workerpool announce"), "{silence}");
    let told = person.fails(&["task", "logs", &task]);
    assert!(
        told.contains("give it with --pool") && told.contains(&services.workerpool.to_string()),
        "{told}"
    );

    let (pool, url) = (services.workerpool.to_string(), services.pool.url.clone());
    person.does(&["workerpool", "announce", &pool, &url, "--network", "owner"]);
    let shown = person.does(&["task", "show", &task]);
    assert_eq!(shown["pool"]["currentStatus"], "COMPLETED", "{shown}");
    assert_eq!(shown["silence"], Value::Null);
    let logs = person.does(&["task", "logs", &task]);
    assert_ne!(logs[0]["stderr"], "", "{logs}");
    // A pool that is not the deal's is passed over.
    let elsewhere = ["task", "logs", &task, "--pool", &market.url];
    assert_eq!(person.does(&elsewhere)[0]["stderr"], logs[0]["stderr"]);

    services.pool.terminate();
    let shown = person.does(&["task", "show", &task]);
    let silence = shown["silence"].as_str().unwrap();
    assert!(
        silence.contains(&format!("the pool at {url}")) && silence.contains("does not answer"),
        "{silence}"
    );
    let told = person.fails(&["task", "logs", &task]);
    assert!(told.contains("does not answer"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_uses_a_network_asks_its_pool() {
    let services = Services::start(1, "option-pricer.wasm", &[]).await;
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let hub = services.hub.to_string();
    let add = ["network", "add"];
    let place = ["--rpc", &services.node.url, "--hub", &hub];
    let pool = ["--pool", &services.pool.url];
    person.does(&[&add[..], &["lyon", "--use"], &place, &pool].concat());
    person.does(&[&add[..], &["bare"], &place].concat());
    let expected = json!(services.workerpool.to_string().to_lowercase());
    assert_eq!(person.does(&["pool", "status"])["workerpool"], expected);
    let worker = services.worker(0).to_string();
    let explained = person.does(&["pool", "explain", &worker, "--network", "lyon"]);
    assert_eq!(explained["worker"], json!(worker.to_lowercase()));
    let told = person.fails(&["pool", "status", "--network", "bare"]);
    assert!(told.contains("give --pool URL"), "{told}");
}

#[test]
fn a_pool_without_its_settings_says_what_is_missing() {
    let output = canut(&["pool"]).env_remove("CANUT_HUB").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("which hub? Give --hub ADDRESS"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pool.toml");
    std::fs::write(&file, "strides = 3").unwrap();
    let output = canut(&["pool", "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("unknown field `strides`"), "{told}");
}
