//! An app that is an image in a registry: registered by its name and digest, pulled and run by workers, its result checked.

use std::fs;

use canut_sandbox::{EngineKind, OciRuntime};
use serde_json::Value;

use crate::{
    client::Person,
    depot::{Registry, push_shell},
    pool::join,
    services::{REQUESTER, Service, Services},
    support::{canut, skip},
};

/// What the shell of the image is told.
const SCRIPT: &str = r#"'echo task $IEXEC_TASK_INDEX >$IEXEC_OUT/said; echo "{\"deterministic-output-path\":\"/iexec_out/said\"}" >$IEXEC_OUT/computed.json'"#;

/// Three workers that may go to private networks, and a market where their pool sells.
async fn place() -> (Services, Service) {
    let mut services = Services::start(3, "option-pricer.wasm", &[]).await;
    for worker in &mut services.workers {
        worker.add(&["--private-networks"]);
        worker.kill_and_restart();
    }
    let market = services.market();
    let file = services.folder.path().join("pool.toml");
    let text = "refresh = 1\n[[offers]]\ncategory = \"XS\"\nprice = \"0.5RLC\"\nvolume = 100\n";
    fs::write(&file, text).unwrap();
    let flags = ["--market", &market.url, "--config", file.to_str().unwrap()];
    services.pool.add(&flags);
    services.pool.kill_and_restart();
    let hub = services.hub.to_string();
    let sold = || {
        let mut command = canut(&["orderbook", "workerpool", "--json", "--hub", &hub]);
        command.args(["--market", &market.url, "--rpc", &services.node.url]);
        let told = command.output().unwrap().stdout;
        let told: Value = serde_json::from_slice(&told).unwrap_or_default();
        told["items"][0]["order"]["trust"].as_u64()
    };
    while sold().is_none_or(|trust| trust < 4) {}
    (services, market)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_deployed_by_its_digest_and_run_by_workers_that_pull_it() {
    let Some(registry) = Registry::start() else {
        return skip("no registry: apt install docker-registry");
    };
    let folder = tempfile::tempdir().unwrap();
    if let Err(reason) = OciRuntime::new(folder.path(), &EngineKind::ALL).await {
        return skip(&reason.to_string());
    }
    let digest = push_shell(&registry).await;
    let (services, market) = place().await;
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    join(&person, &services, &market, "mine", REQUESTER);
    person.does(&["network", "use", "mine"]);

    let named = format!("{}/team/app:latest", registry.address);
    let told = person.fails(&["app", "deploy", "--image", &named]);
    assert!(told.contains("@sha256:"), "{told}");
    let reference = format!(
        "{named}@sha256:{}",
        digest.to_string().trim_start_matches("0x")
    );
    let deployed = person.does(&["app", "deploy", "--image", &reference]);
    let again = person.does(&["app", "deploy", "--image", &reference]);
    assert_eq!(again["address"], deployed["address"]);
    let address = deployed["address"].as_str().unwrap();
    let shown = person.does(&["app", "show", address]);
    assert_eq!(shown["location"], reference);
    assert_eq!(shown["checksum"], digest.to_string());

    let out = home.path().join("result");
    let order = ["--tasks", "2", "--trust", "4", "--yes", "--out"];
    let run = [&["run", address, "--args", SCRIPT], &order[..]].concat();
    let done = person.does(&[&run[..], &[out.to_str().unwrap()]].concat());
    for index in 0..2 {
        let task = &done["outcome"]["tasks"][index];
        let certificate = &task["certificate"];
        assert_eq!(task["status"], "completed", "{done}");
        assert_eq!(certificate["credibility"]["holds"], true);
        assert!(
            certificate["votes"].as_array().unwrap().len() >= 2,
            "{certificate}"
        );
        let said = fs::read_to_string(out.join(format!("{index}/said"))).unwrap();
        assert_eq!(said, format!("task {index}\n"));
    }
}
