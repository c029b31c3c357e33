//! `canut market`: the order book by itself, over a node that comes and goes.

use crate::support::{self, Process, canut};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

/// A market of its own chain, whose node listens at `rpc`.
fn up(dir: &Path, rpc: &str) -> (Process, Value) {
    let dir = dir.to_str().unwrap();
    let mut command = canut(&["up", "--json", "--rpc", rpc, "--dir", dir]);
    for service in ["--market", "--store", "--vault", "--pool"] {
        command.args([service, "127.0.0.1:0"]);
    }
    let process = Process::ready(command, |line| {
        let ready: Value = serde_json::from_str(line).unwrap();
        Some(ready["rpc"].as_str().unwrap().to_owned())
    });
    let ready = serde_json::from_str(&process.said).unwrap();
    (process, ready)
}

fn market(rpc: &str, hub: &str, dir: &Path) -> Process {
    let dir = dir.to_str().unwrap();
    let fixed = ["market", "--json", "--listen", "127.0.0.1:0"];
    let mut command = canut(&fixed);
    command.args(["--rpc", rpc, "--hub", hub, "--dir", dir]);
    Process::ready(command, |line| {
        let ready: Value = serde_json::from_str(line).unwrap();
        Some(ready["market"].as_str().unwrap().to_owned())
    })
}

/// What the market answers.
fn get(market: &Process, path: &str) -> Value {
    serde_json::from_str(&support::get(&market.url, path)).unwrap()
}

/// Asks until the market has read the five categories from the chain.
fn knows_the_categories(market: &Process) {
    while get(market, "/categories?chainId=31337")["count"] != 5 {
        std::thread::yield_now();
    }
}

#[test]
fn it_follows_the_hub_over_either_protocol_and_opens_again() {
    let dir = tempfile::tempdir().unwrap();
    let (node, ready) = up(&dir.path().join("up"), "127.0.0.1:0");
    let hub = ready["hub"].as_str().unwrap();
    // A name that a URL would misread.
    let kept = dir.path().join("my market? 100% #1");
    for rpc in [node.url.clone(), node.url.replace("http", "ws")] {
        let market = market(&rpc, hub, &kept);
        let ready: Value = serde_json::from_str(&market.said).unwrap();
        assert_eq!(
            (&ready["chain_id"], &ready["hub"]),
            (&31_337.into(), &hub.to_lowercase().into())
        );
        knows_the_categories(&market);
        assert!(market.terminate().success());
    }
    assert!(kept.join("market.db").exists());
}

#[test]
fn it_outlives_its_node() {
    let dir = tempfile::tempdir().unwrap();
    let chain = dir.path().join("up");
    let (mut node, ready) = up(&chain, "127.0.0.1:0");
    let hub = ready["hub"].as_str().unwrap();
    let market = market(&node.url, hub, &dir.path().join("market"));
    knows_the_categories(&market);
    let head = |market: &Process| get(market, "/metrics?chainId=31337")["lastBlock"].as_u64();
    let before = head(&market);
    let address = node.url.strip_prefix("http://").unwrap().to_owned();
    node.kill();
    assert_eq!(get(&market, "/health")["ok"], false, "it says so");
    knows_the_categories(&market);
    let (again, _) = up(&chain, &address);
    mine(&again);
    while head(&market) <= before {
        std::thread::yield_now();
    }
    assert!(market.terminate().success());
}

/// Makes the node seal a block.
fn mine(node: &Process) {
    let address = node.url.strip_prefix("http://").unwrap();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("result"), "{answer}");
}

#[test]
fn it_says_what_is_missing() {
    let hub = "0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f";
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    for (args, words) in [
        (vec!["market"], "--hub"),
        (vec!["market", "--hub", hub], "Give --dir FOLDER"),
        (
            vec!["market", "--hub", hub, "--dir", folder, "--rpc", "ftp://x"],
            "http, https, ws or wss",
        ),
    ] {
        let output = canut(&args).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let (node, _) = up(&dir.path().join("up"), "127.0.0.1:0");
    let nothing = "0x00000000000000000000000000000000000000aa";
    let mut command = canut(&["market", "--hub", nothing, "--rpc", &node.url]);
    let output = command.args(["--dir", folder]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("there is no hub at"), "{said}");
    let help = canut(&["market", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.contains("Examples:") && help.contains("--storage"),
        "{help}"
    );
}
