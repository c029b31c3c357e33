//! The node as a service: metrics, silent clients, a clean end.

use crate::support::*;
use canut_chain::{Config, Limits, Node};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Opens a connection, says something, and reads until the other side ends it.
async fn said(node: &Node, text: &str) -> String {
    let mut stream = TcpStream::connect(node.http_addr()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    deploy(&provider).await;
    result(&node, "evm_mine", json!([])).await;
    error(&node, "no_such", json!([])).await;
    let text = said(
        &node,
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    for line in [
        "canut_chain_head 2",
        "canut_chain_transactions_total 1",
        "canut_chain_pooled 0",
        r#"canut_chain_rpc_calls_total{method="evm_mine"} 1"#,
        r#"canut_chain_rpc_errors_total{method="unknown"} 1"#,
        "canut_chain_commit_seconds_count 2",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let stage = text
        .lines()
        .find_map(|line| line.strip_prefix(r#"canut_chain_stage_seconds_total{stage="execute"} "#));
    assert!(stage.unwrap().parse::<f64>().unwrap() > 0.0);
    node.shutdown().await;
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(50),
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::dev().unwrap()
    };
    let node = Node::start(config).await.unwrap();
    // Neither waits for its own end: the node ends it.
    assert_eq!(said(&node, "").await, "");
    said(&node, "POST / HTTP/1.1\r\nHost: x\r\nContent-Le").await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_request_does_not_hold_up_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        dir: Some(dir.path().to_owned()),
        ..Config::dev().unwrap()
    };
    let node = Node::start(config.clone()).await.unwrap();
    let (provider, _) = client(&node, 0);
    deploy(&provider).await;
    let mut stream = TcpStream::connect(node.http_addr()).await.unwrap();
    let half = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(half.as_bytes()).await.unwrap();
    node.shutdown().await;
    // Nothing of it is left: the folder can be opened again.
    let again = Node::start(config).await.unwrap();
    assert_eq!(again.head().0, 1);
    again.shutdown().await;
}

#[tokio::test]
async fn more_senders_than_the_queue_has_places_wait_their_turn() {
    let node = Arc::new(node().await);
    let account = result(&node, "eth_accounts", json!([])).await[0].clone();
    let mut waiting = JoinSet::new();
    for value in 0..600 {
        let node = Arc::clone(&node);
        let tx = json!([{"from": account, "to": account, "gas": "0x5208", "value": value_hex(value), "nonce": value_hex(value)}]);
        waiting.spawn(async move { result(&node, "eth_sendTransaction", tx).await });
    }
    while let Some(hash) = waiting.join_next().await {
        assert!(hash.unwrap().is_string());
    }
    // Those whose predecessors came late were mined with them.
    let count = json!([account, "latest"]);
    let count = result(&node, "eth_getTransactionCount", count).await;
    assert_eq!(count, value_hex(600));
    Arc::into_inner(node).unwrap().shutdown().await;
}

fn value_hex(value: u64) -> String {
    format!("{value:#x}")
}
