//! Time travel, snapshots, and states made by hand.

use crate::support::*;
use alloy::{primitives::U256, providers::Provider};
use canut_chain::Node;
use serde_json::{Value, json};

async fn now(node: &Node) -> u64 {
    let block = result(node, "eth_getBlockByNumber", json!(["latest", false])).await;
    u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
}

#[tokio::test]
async fn time_moves_when_told() {
    let node = node().await;
    let start = now(&node).await;
    result(&node, "evm_increaseTime", json!([86_400])).await;
    result(&node, "evm_mine", json!([])).await;
    let tomorrow = now(&node).await;
    assert!(tomorrow >= start + 86_400 && tomorrow < start + 86_500);
    result(&node, "evm_setNextBlockTimestamp", json!([tomorrow + 1000])).await;
    result(&node, "hardhat_mine", json!(["0x3", "0x3c"])).await;
    assert_eq!(now(&node).await, tomorrow + 1000 + 120);
    assert_eq!(result(&node, "eth_blockNumber", json!([])).await, "0x4");
    let past = error(&node, "evm_setNextBlockTimestamp", json!([5])).await;
    assert!(past.1.contains("lower than the previous block's timestamp"));
    node.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_brings_everything_back() {
    let node = node().await;
    let (provider, sender) = client(&node, 0);
    let contract = deploy(&provider).await;
    send(&provider, store(contract, 1)).await;
    result(
        &node,
        "hardhat_setBalance",
        json!([sender, "0xde0b6b3a7640000"]),
    )
    .await;
    let before = result(&node, "eth_getBlockByNumber", json!(["latest", true])).await;
    let id = result(&node, "evm_snapshot", json!([])).await;
    for value in 2..6 {
        send(&provider, store(contract, value)).await;
    }
    result(
        &node,
        "hardhat_setStorageAt",
        json!([contract, "0x0", format!("0x{:064x}", 99)]),
    )
    .await;
    assert_eq!(
        provider.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::from(99)
    );
    assert_eq!(result(&node, "evm_revert", json!([id])).await, true);
    assert_eq!(
        provider.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::from(1)
    );
    assert_eq!(
        provider.get_balance(sender).await.unwrap(),
        U256::from(10u64.pow(18))
    );
    assert_eq!(
        result(&node, "eth_getBlockByNumber", json!(["latest", true])).await,
        before
    );
    assert_eq!(
        result(&node, "evm_revert", json!([id])).await,
        false,
        "a snapshot is used once"
    );
    let (fresh, _) = client(&node, 0);
    assert!(send(&fresh, store(contract, 7)).await.status());
    assert_eq!(result(&node, "hardhat_reset", json!([])).await, true);
    assert_eq!(result(&node, "eth_blockNumber", json!([])).await, "0x0");
    node.shutdown().await;
}

#[tokio::test]
async fn anyone_can_be_impersonated() {
    let node = node().await;
    let stranger = "0x00000000000000000000000000000000000000f1";
    let tx = json!([{"from": stranger, "to": "0x00000000000000000000000000000000000000f2", "value": "0x5"}]);
    assert_eq!(
        error(&node, "eth_sendTransaction", tx.clone()).await,
        (-32000, "unknown account".into())
    );
    result(
        &node,
        "anvil_setBalance",
        json!([stranger, "0xde0b6b3a7640000"]),
    )
    .await;
    result(&node, "hardhat_impersonateAccount", json!([stranger])).await;
    let hash = result(&node, "eth_sendTransaction", tx.clone()).await;
    // The node signs, so the node waits: the transaction is done.
    let receipt = result(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(
        (&receipt["status"], &receipt["from"]),
        (&json!("0x1"), &json!(stranger))
    );
    result(&node, "hardhat_stopImpersonatingAccount", json!([stranger])).await;
    assert_eq!(
        error(&node, "eth_sendTransaction", tx).await.1,
        "unknown account"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn a_contract_can_be_impersonated() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    result(
        &node,
        "anvil_setBalance",
        json!([contract, "0xde0b6b3a7640000"]),
    )
    .await;
    result(&node, "hardhat_impersonateAccount", json!([contract])).await;
    let tx = json!([{"from": contract, "to": contract, "data": format!("0x{:064x}", 6)}]);
    let hash = result(&node, "eth_sendTransaction", tx).await;
    let receipt = result(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    assert_eq!(
        provider.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::from(6)
    );
    let trace = json!([hash, {"tracer": "callTracer"}]);
    let trace = result(&node, "debug_traceTransaction", trace).await;
    assert_eq!(trace["from"], json!(contract), "its block runs again alike");
    node.shutdown().await;
}

#[tokio::test]
async fn a_fee_set_for_one_block_is_forgotten_after_it() {
    let node = node().await;
    let fee = |block: Value| block["baseFeePerGas"].clone();
    let latest = json!(["latest", false]);
    result(&node, "hardhat_setNextBlockBaseFeePerGas", json!(["0x5"])).await;
    assert_eq!(
        result(&node, "eth_gasPrice", json!([])).await,
        json!(format!("{:#x}", 1_000_000_005))
    );
    result(&node, "evm_mine", json!([])).await;
    let block = result(&node, "eth_getBlockByNumber", latest.clone()).await;
    assert_eq!(fee(block), "0x5");
    result(
        &node,
        "hardhat_setNextBlockBaseFeePerGas",
        json!([2_000_000_000]),
    )
    .await;
    result(&node, "evm_mine", json!([])).await;
    result(&node, "evm_mine", json!([])).await;
    let block = result(&node, "eth_getBlockByNumber", latest).await;
    assert_eq!(fee(block), json!(format!("{:#x}", 1_750_000_000)));
    node.shutdown().await;
}

#[tokio::test]
async fn what_no_longer_fits_into_a_block_is_dropped() {
    let node = node().await;
    let accounts = result(&node, "eth_accounts", json!([])).await;
    let tx = |from: &Value, gas: &str| json!([{"from": from, "to": from, "gas": gas}]);
    result(&node, "evm_setAutomine", json!([false])).await;
    let large = tx(&accounts[0], "0x493e0");
    let large = result(&node, "eth_sendTransaction", large).await;
    let small = tx(&accounts[1], "0x5208");
    let small = result(&node, "eth_sendTransaction", small).await;
    result(&node, "evm_setBlockGasLimit", json!(["0x186a0"])).await;
    result(&node, "evm_setAutomine", json!([true])).await;
    // The sealing thread answers this after what was waiting.
    assert_eq!(result(&node, "hardhat_getAutomine", json!([])).await, true);
    let receipt = result(&node, "eth_getTransactionReceipt", json!([small])).await;
    assert_eq!(receipt["status"], "0x1");
    let gone = result(&node, "eth_getTransactionByHash", json!([large])).await;
    assert_eq!(gone, Value::Null);
    let empty = json!({"pending": "0x0", "queued": "0x0"});
    assert_eq!(result(&node, "txpool_status", json!([])).await, empty);
    node.shutdown().await;
}

#[tokio::test]
async fn the_last_states_can_be_read_and_older_ones_are_refused() {
    let node = node().await;
    let who = json!("0x00000000000000000000000000000000000000f3");
    for balance in ["0x1", "0x2"] {
        result(&node, "anvil_setBalance", json!([who, balance])).await;
        result(&node, "hardhat_mine", json!(["0x96"])).await;
    }
    // 300 blocks; the second change came after block 150.
    let at = |number: u64| json!([who, format!("{number:#x}")]);
    assert_eq!(result(&node, "eth_getBalance", at(300)).await, "0x2");
    assert_eq!(result(&node, "eth_getBalance", at(150)).await, "0x1");
    assert_eq!(result(&node, "eth_getBalance", at(300 - 128)).await, "0x2");
    let (code, message) = error(&node, "eth_getBalance", at(2)).await;
    assert_eq!(code, -32000);
    assert!(message.starts_with("historical state 0x"), "{message}");
    assert!(message.ends_with(" is not available"), "{message}");
    node.shutdown().await;
}

#[tokio::test]
async fn states_are_made_by_hand() {
    let node = node().await;
    let who = "0x00000000000000000000000000000000000000f3";
    result(&node, "hardhat_setNonce", json!([who, "0x7"])).await;
    result(
        &node,
        "anvil_setCode",
        json!([who, "0x602a60005260206000f3"]),
    )
    .await;
    result(
        &node,
        "anvil_setStorageAt",
        json!([who, "0x1", format!("0x{:064x}", 5)]),
    )
    .await;
    assert_eq!(
        result(&node, "eth_getTransactionCount", json!([who, "latest"])).await,
        "0x7"
    );
    assert_eq!(
        result(&node, "eth_call", json!([{"to": who}])).await,
        json!(format!("0x{:064x}", 42))
    );
    assert_eq!(
        result(&node, "eth_getStorageAt", json!([who, "0x1", "latest"])).await,
        json!(format!("0x{:064x}", 5))
    );
    // What was made by hand is in the state root of the next block.
    result(&node, "evm_mine", json!([])).await;
    let proof = result(&node, "eth_getProof", json!([who, ["0x1"], "latest"])).await;
    let root =
        result(&node, "eth_getBlockByNumber", json!(["latest", false])).await["stateRoot"].clone();
    let first: alloy::primitives::Bytes =
        serde_json::from_value(proof["accountProof"][0].clone()).unwrap();
    assert_eq!(json!(alloy::primitives::keccak256(first)), root);
    node.shutdown().await;
}

#[tokio::test]
async fn sealing_can_be_held_back() {
    let node = node().await;
    result(&node, "evm_setAutomine", json!([false])).await;
    let account = &result(&node, "eth_accounts", json!([])).await[0];
    let mut hashes = Vec::new();
    for _ in 0..3 {
        hashes.push(
            result(
                &node,
                "eth_sendTransaction",
                json!([{"from": account, "to": account}]),
            )
            .await,
        );
    }
    assert_eq!(
        result(&node, "eth_getTransactionReceipt", json!([hashes[0]])).await,
        Value::Null
    );
    assert_eq!(
        result(
            &node,
            "eth_getTransactionCount",
            json!([account, "pending"])
        )
        .await,
        "0x3"
    );
    let pending = result(&node, "eth_getBlockByNumber", json!(["pending", false])).await;
    assert_eq!(
        (&pending["hash"], &pending["transactions"]),
        (&Value::Null, &json!(hashes))
    );
    result(&node, "evm_mine", json!([])).await;
    let block = result(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(
        (&block["number"], &block["transactions"]),
        (&json!("0x1"), &json!(hashes))
    );
    // Each transaction of the block, traced on the state that those before it left.
    let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let traced = json!(["0x1", tracer]);
    let traced = result(&node, "debug_traceBlockByNumber", traced).await;
    for (index, hash) in hashes.iter().enumerate() {
        let alone = json!([hash, tracer]);
        let alone = result(&node, "debug_traceTransaction", alone).await;
        assert_eq!(traced[index], json!({"txHash": hash, "result": alone}));
        let sender = &alone["post"][account.as_str().unwrap()];
        assert_eq!(sender["nonce"], json!(index + 1), "{alone}");
    }
    node.shutdown().await;
}
