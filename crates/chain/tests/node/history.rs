//! What a node finds when it starts again.

use crate::support::*;
use alloy::{
    primitives::{B256, U256},
    providers::Provider,
    rpc::types::Filter,
};
use canut_chain::{Config, Genesis, Node, NodeError, ReplayError, replay};
use serde_json::{Value, json};
use std::path::Path;

async fn open(dir: &Path) -> Node {
    Node::start(Config {
        dir: Some(dir.to_owned()),
        ..Config::dev().unwrap()
    })
    .await
    .unwrap()
}

/// Everything there is to see of a chain.
async fn picture(node: &Node) -> Vec<Value> {
    let head = node.head().0;
    let mut seen = Vec::new();
    for number in 0..=head {
        let number = format!("{number:#x}");
        seen.push(result(node, "eth_getBlockByNumber", json!([number, true])).await);
        seen.push(result(node, "eth_getBlockReceipts", json!([number])).await);
    }
    seen.push(result(node, "eth_getLogs", json!([{"fromBlock": "earliest"}])).await);
    seen
}

#[tokio::test]
async fn a_chain_survives_crashes_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let mut receipts = Vec::new();
    for value in 1..20 {
        receipts.push(send(&provider, store(contract, value % 5)).await);
    }
    let before = picture(&node).await;
    node.abandon().await;
    for well in [true, false, true] {
        let node = open(dir.path()).await;
        assert_eq!(picture(&node).await, before);
        let (provider, _) = client(&node, 0);
        for receipt in &receipts {
            let found = provider
                .get_transaction_receipt(receipt.transaction_hash)
                .await
                .unwrap();
            assert_eq!(found.as_ref(), Some(receipt));
        }
        let filter = Filter::new()
            .from_block(0)
            .address(contract)
            .event_signature(B256::from(U256::from(3)));
        assert_eq!(provider.get_logs(&filter).await.unwrap().len(), 4);
        let past = provider
            .get_storage_at(contract, U256::ZERO)
            .block_id(3.into())
            .await
            .unwrap();
        assert_eq!(past, U256::from(2), "the state of past blocks is kept too");
        if well {
            node.shutdown().await
        } else {
            node.abandon().await
        }
    }
    let node = open(dir.path()).await;
    let (provider, _) = client(&node, 0);
    assert!(send(&provider, store(contract, 9)).await.status());
    assert_eq!(node.head().0, 21);
    node.shutdown().await;
}

#[tokio::test]
async fn a_revert_survives_too() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let id = result(&node, "evm_snapshot", json!([])).await;
    let gone = send(&provider, store(contract, 1)).await;
    result(&node, "evm_revert", json!([id])).await;
    let (provider, _) = client(&node, 0);
    let kept = send(&provider, store(contract, 2)).await;
    let before = picture(&node).await;
    node.abandon().await;
    for _ in 0..2 {
        let node = open(dir.path()).await;
        assert_eq!(picture(&node).await, before);
        assert_eq!(
            result(
                &node,
                "eth_getTransactionReceipt",
                json!([gone.transaction_hash])
            )
            .await,
            Value::Null
        );
        assert_eq!(
            result(
                &node,
                "eth_getTransactionReceipt",
                json!([kept.transaction_hash])
            )
            .await,
            json!(kept)
        );
        node.shutdown().await;
    }
}

/// Makes blocks of every kind, kills the node, and runs its chain again.
#[tokio::test]
async fn a_chain_runs_again_to_the_same_roots() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = Config::dev().unwrap().genesis;
    let missing = replay(dir.path(), &genesis).unwrap_err();
    assert!(matches!(missing, ReplayError::Missing(0)), "{missing}");
    let node = open(dir.path()).await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    let mut gas = 0;
    for value in 1..6 {
        gas += send(&provider, store(contract, value)).await.gas_used;
    }
    let failed = store(contract, 0).input(Default::default());
    gas += send(&provider, failed.gas_limit(100_000)).await.gas_used;
    result(&node, "evm_mine", json!([])).await;
    node.abandon().await;
    let again = replay(dir.path(), &genesis).unwrap();
    assert_eq!((again.blocks, again.transactions), (8, 7));
    assert!(again.gas > gas, "the deployment used gas too");

    let node = open(dir.path()).await;
    result(&node, "anvil_setBalance", json!([contract, "0x5"])).await;
    result(&node, "evm_mine", json!([])).await;
    node.shutdown().await;
    match replay(dir.path(), &genesis).unwrap_err() {
        ReplayError::Differs { number: 9, reason } => {
            assert!(reason.contains("state root"), "{reason}")
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn another_chain_is_not_opened_by_mistake() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.shutdown().await;
    let other = Config {
        dir: Some(dir.path().to_owned()),
        ..Config::new(Genesis::new(99, []))
    };
    let refused = Node::start(other).await.unwrap_err();
    assert!(matches!(refused, NodeError::Store(_)));
    assert!(
        refused
            .to_string()
            .contains("holds another chain (chain id 31337"),
        "{refused}"
    );
}

#[tokio::test]
async fn empty_blocks_come_at_the_pace_asked_for() {
    let config = Config {
        block_time: Some(std::time::Duration::from_millis(20)),
        ..Config::dev().unwrap()
    };
    let node = Node::start(config).await.unwrap();
    let socket = alloy::providers::ProviderBuilder::new()
        .connect_ws(alloy::providers::WsConnect::new(node.ws_url()))
        .await
        .unwrap();
    let mut heads = socket.subscribe_blocks().await.unwrap();
    let first = heads.recv().await.unwrap();
    let second = heads.recv().await.unwrap();
    assert_eq!(second.parent_hash, first.hash);
    assert!(second.timestamp >= first.timestamp);
    assert!(
        second.base_fee_per_gas < first.base_fee_per_gas,
        "empty blocks lower the base fee"
    );
    node.shutdown().await;
}
