//! A contract's life: deployed, called, watched, reverted.

use crate::support::*;
use alloy::{
    consensus::{proofs::calculate_transaction_root, transaction::SignerRecoverable},
    eips::BlockId,
    primitives::{B256, U256, keccak256},
    providers::Provider,
    rpc::types::{Filter, TransactionRequest},
};
use serde_json::json;

#[tokio::test]
async fn deploys_stores_and_logs() {
    let node = node().await;
    let (provider, sender) = client(&node, 0);
    let contract = deploy(&provider).await;
    assert_eq!(contract, sender.create(0));
    assert_eq!(
        provider.get_code_at(contract).await.unwrap().as_ref(),
        &CODE[11..]
    );
    let receipt = send(&provider, store(contract, 42)).await;
    assert!(receipt.status());
    let value = B256::from(U256::from(42));
    assert_eq!(
        provider.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::from(42)
    );
    let log = &receipt.logs()[0];
    assert_eq!(
        (log.address(), log.topics(), log.log_index),
        (contract, [value].as_slice(), Some(0))
    );
    let filter = Filter::new()
        .address(contract)
        .event_signature(value)
        .from_block(0);
    assert_eq!(provider.get_logs(&filter).await.unwrap(), receipt.logs());
    assert_eq!(
        provider
            .get_logs(&filter.clone().event_signature(B256::ZERO))
            .await
            .unwrap(),
        []
    );
    let trace = result(&node, "debug_traceTransaction", json!([receipt.transaction_hash, {"tracer": "callTracer", "tracerConfig": {"withLog": true}}])).await;
    assert_eq!(trace["logs"][0]["topics"][0], json!(value));
    node.shutdown().await;
}

#[tokio::test]
async fn a_revert_carries_its_data() {
    let node = node().await;
    let (provider, sender) = client(&node, 0);
    let contract = deploy(&provider).await;
    for method in ["eth_call", "eth_estimateGas"] {
        let answer = ask(&node, method, json!([{"from": sender, "to": contract}])).await;
        assert_eq!(
            answer["error"],
            json!({"code": 3, "message": "execution reverted", "data": "0xdeadbeef"}),
            "{method}"
        );
    }
    let forced = TransactionRequest::default()
        .to(contract)
        .gas_limit(100_000);
    let receipt = send(&provider, forced).await;
    assert!(!receipt.status() && receipt.logs().is_empty());
    let list = result(
        &node,
        "eth_createAccessList",
        json!([{"from": sender, "to": contract, "data": B256::ZERO}]),
    )
    .await;
    assert_eq!(list["accessList"][0]["storageKeys"], json!([B256::ZERO]));
    node.shutdown().await;
}

#[tokio::test]
async fn hashes_and_roots_are_those_of_ethereum() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    send(&provider, store(contract, 1)).await;
    let mut parent = None;
    for number in 0..=2u64 {
        let block = provider
            .get_block_by_number(number.into())
            .full()
            .await
            .unwrap()
            .unwrap();
        assert_eq!(block.header.hash_slow(), block.header.hash);
        assert!(parent.is_none_or(|parent| parent == block.header.parent_hash));
        let transactions: Vec<_> = block
            .transactions
            .txns()
            .map(|tx| tx.inner.inner().clone())
            .collect();
        assert_eq!(
            calculate_transaction_root(&transactions),
            block.header.transactions_root
        );
        for tx in block.transactions.txns() {
            assert_eq!(
                tx.inner.inner().recover_signer().unwrap(),
                tx.inner.signer()
            );
        }
        let receipts = provider
            .get_block_receipts(BlockId::number(number))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(receipts.len(), transactions.len());
        parent = Some(block.header.hash);
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_past_state_can_be_read_and_proved() {
    let node = node().await;
    let (provider, _) = client(&node, 0);
    let contract = deploy(&provider).await;
    for value in [7, 8, 0] {
        send(&provider, store(contract, value)).await;
    }
    for (number, value) in [(1u64, 0u64), (2, 7), (3, 8), (4, 0)] {
        let at = BlockId::number(number);
        let stored = provider
            .get_storage_at(contract, U256::ZERO)
            .block_id(at)
            .await
            .unwrap();
        assert_eq!(stored, U256::from(value), "at block {number}");
        let proof = provider
            .get_proof(contract, vec![B256::ZERO])
            .block_id(at)
            .await
            .unwrap();
        let header = provider.get_block(at).await.unwrap().unwrap().header;
        let key = |bytes: &[u8]| alloy_trie::Nibbles::unpack(keccak256(bytes));
        let account = alloy_trie::TrieAccount {
            nonce: proof.nonce,
            balance: proof.balance,
            storage_root: proof.storage_hash,
            code_hash: proof.code_hash,
        };
        let leaf = Some(alloy::rlp::encode(account));
        alloy_trie::proof::verify_proof(
            header.state_root,
            key(contract.as_slice()),
            leaf,
            &proof.account_proof,
        )
        .unwrap();
        let slot = &proof.storage_proof[0];
        let leaf = (value != 0).then(|| alloy::rlp::encode(slot.value));
        alloy_trie::proof::verify_proof(
            proof.storage_hash,
            key(B256::ZERO.as_slice()),
            leaf,
            &slot.proof,
        )
        .unwrap();
    }
    node.shutdown().await;
}
