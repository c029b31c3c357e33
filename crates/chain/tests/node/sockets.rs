//! WebSocket: calls, and what happens as it happens.

use crate::support::*;
use alloy::{
    primitives::{B256, U256},
    providers::{Provider, ProviderBuilder, WsConnect},
    rpc::types::Filter,
};
use canut_chain::{Config, Limits, Node};
use serde_json::json;

#[tokio::test]
async fn blocks_logs_and_pending_transactions_are_told() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let socket = ProviderBuilder::new()
        .connect_ws(WsConnect::new(node.ws_url()))
        .await
        .unwrap();
    assert_eq!(socket.get_chain_id().await.unwrap(), 31_337);
    let mut heads = socket.subscribe_blocks().await.unwrap();
    let mut logs = socket
        .subscribe_logs(&Filter::new().address(contract))
        .await
        .unwrap();
    let mut other = socket
        .subscribe_logs(&Filter::new().address(contract).event_signature(B256::ZERO))
        .await
        .unwrap();
    let mut pending = socket.subscribe_pending_transactions().await.unwrap();
    let receipt = send(&provider, store(contract, 5)).await;
    assert_eq!(pending.recv().await.unwrap(), receipt.transaction_hash);
    let head = heads.recv().await.unwrap();
    assert_eq!(
        (Some(head.hash), head.hash_slow()),
        (receipt.block_hash, head.hash)
    );
    assert_eq!(logs.recv().await.unwrap(), receipt.logs()[0]);
    let zero = send(&provider, store(contract, 0)).await;
    assert_eq!(
        other.recv().await.unwrap(),
        zero.logs()[0],
        "the first log was not for this subscription"
    );
    assert_eq!(
        socket.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::ZERO
    );
    node.shutdown().await;
}

#[tokio::test]
async fn logs_taken_back_are_told_again() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let id = result(&node, "evm_snapshot", json!([])).await;
    let socket = ProviderBuilder::new()
        .connect_ws(WsConnect::new(node.ws_url()))
        .await
        .unwrap();
    let mut logs = socket
        .subscribe_logs(&Filter::new().address(contract))
        .await
        .unwrap();
    send(&provider, store(contract, 5)).await;
    let added = logs.recv().await.unwrap();
    result(&node, "evm_revert", json!([id])).await;
    let removed = logs.recv().await.unwrap();
    assert!(!added.removed && removed.removed);
    assert_eq!(added.transaction_hash, removed.transaction_hash);
    node.shutdown().await;
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions() {
    let limits = Limits {
        subscriptions: 2,
        ..Limits::default()
    };
    let node = Node::start(Config {
        limits,
        ..Config::dev().unwrap()
    })
    .await
    .unwrap();
    let socket = ProviderBuilder::new()
        .connect_ws(WsConnect::new(node.ws_url()))
        .await
        .unwrap();
    let subscribe = || {
        socket
            .client()
            .request::<_, B256>("eth_subscribe", ("newHeads",))
    };
    let unknown = socket
        .client()
        .request::<_, String>("eth_subscribe", ("nothing",))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.as_error_resp().unwrap().message,
        "no \"nothing\" subscription in eth namespace"
    );
    subscribe().await.unwrap();
    subscribe().await.unwrap();
    let refused = subscribe().await.unwrap_err();
    assert_eq!(refused.as_error_resp().unwrap().code, -32005);
    let stranger = socket
        .client()
        .request::<_, bool>("eth_unsubscribe", ("0x99",))
        .await
        .unwrap_err();
    assert_eq!(
        stranger.as_error_resp().unwrap().message,
        "subscription not found"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn filters_tell_what_is_new() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let blocks = result(&node, "eth_newBlockFilter", json!([])).await;
    let logs = result(&node, "eth_newFilter", json!([{"address": contract}])).await;
    let pending = result(&node, "eth_newPendingTransactionFilter", json!([])).await;
    let receipt = send(&provider, store(contract, 5)).await;
    assert_eq!(
        result(&node, "eth_getFilterChanges", json!([blocks])).await,
        json!([receipt.block_hash])
    );
    assert_eq!(
        result(&node, "eth_getFilterChanges", json!([blocks])).await,
        json!([])
    );
    assert_eq!(
        result(&node, "eth_getFilterChanges", json!([logs])).await,
        json!(receipt.logs())
    );
    assert_eq!(
        result(&node, "eth_getFilterLogs", json!([logs])).await,
        json!(receipt.logs())
    );
    assert_eq!(
        result(&node, "eth_getFilterChanges", json!([pending])).await,
        json!([receipt.transaction_hash])
    );
    assert_eq!(
        result(&node, "eth_uninstallFilter", json!([logs])).await,
        true
    );
    assert_eq!(
        error(&node, "eth_getFilterChanges", json!([logs])).await.1,
        "filter not found"
    );
    node.shutdown().await;
}
