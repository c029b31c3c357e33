//! Sending: order, gaps, replacement, fees, and refusals in geth's words.

use crate::support::*;
use alloy::{
    eips::eip2718::Encodable2718,
    network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder},
    primitives::{Address, B256, U256, hex},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use canut_chain::{DEV_MNEMONIC, Node, mnemonic_keys};
use serde_json::{Value, json};

/// A transfer signed by key 0, with everything given.
async fn signed(
    nonce: u64,
    change: impl FnOnce(TransactionRequest) -> TransactionRequest,
) -> String {
    let key = mnemonic_keys(DEV_MNEMONIC, 1).unwrap().remove(0);
    let request = TransactionRequest::default()
        .to(Address::repeat_byte(0xbb))
        .value(U256::from(1))
        .nonce(nonce)
        .gas_limit(21_000)
        .max_fee_per_gas(3_000_000_000)
        .max_priority_fee_per_gas(1);
    let request = change(request.with_chain_id(31_337));
    hex::encode_prefixed(
        request
            .build(&EthereumWallet::from(key))
            .await
            .unwrap()
            .encoded_2718(),
    )
}

async fn send_raw(node: &Node, raw: &str) -> Value {
    ask(node, "eth_sendRawTransaction", json!([raw])).await
}

async fn refusal(node: &Node, raw: &str) -> String {
    let answer = send_raw(node, raw).await;
    assert_eq!(answer["error"]["code"], json!(-32000), "{answer}");
    answer["error"]["message"].as_str().unwrap().to_owned()
}

/// Waits until a transaction is in a block.
async fn mined(node: &Node, hash: &Value) -> Value {
    loop {
        let receipt = result(node, "eth_getTransactionReceipt", json!([hash])).await;
        if !receipt.is_null() {
            return receipt;
        }
    }
}

#[tokio::test]
async fn a_gap_waits_for_its_predecessor() {
    let node = node().await;
    let later = send_raw(&node, &signed(1, |tx| tx).await).await["result"].clone();
    assert_eq!(
        result(&node, "txpool_status", json!([])).await,
        json!({"pending": "0x0", "queued": "0x1"})
    );
    let pending = result(&node, "eth_getTransactionByHash", json!([later])).await;
    assert!(pending["blockHash"].is_null());
    let first = send_raw(&node, &signed(0, |tx| tx).await).await["result"].clone();
    let (first, later) = (mined(&node, &first).await, mined(&node, &later).await);
    assert_eq!(first["blockNumber"], "0x1");
    assert!(later["blockNumber"].as_str() >= first["blockNumber"].as_str());
    let count = result(
        &node,
        "eth_getTransactionCount",
        json!(["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "latest"]),
    )
    .await;
    assert_eq!(count, "0x2");
    node.shutdown().await;
}

#[tokio::test]
async fn refuses_in_the_words_of_geth() {
    let node = node().await;
    let waiting = signed(5, |tx| tx).await;
    let hash = send_raw(&node, &waiting).await["result"].clone();
    assert!(hash.is_string());
    assert_eq!(refusal(&node, &waiting).await, "already known");
    let same_nonce = signed(5, |tx| tx.value(U256::from(2))).await;
    assert_eq!(
        refusal(&node, &same_nonce).await,
        "replacement transaction underpriced"
    );
    let dearer = signed(5, |tx| {
        tx.max_fee_per_gas(4_000_000_000)
            .max_priority_fee_per_gas(2)
    })
    .await;
    assert!(send_raw(&node, &dearer).await["result"].is_string());
    let first = send_raw(&node, &signed(0, |tx| tx).await).await["result"].clone();
    mined(&node, &first).await;
    assert_eq!(
        refusal(&node, &signed(0, |tx| tx).await).await,
        "nonce too low: next nonce 1, tx nonce 0",
        "the very transaction that was mined"
    );
    assert_eq!(
        refusal(&node, &signed(0, |tx| tx.value(U256::from(3))).await).await,
        "nonce too low: next nonce 1, tx nonce 0"
    );
    assert_eq!(
        refusal(&node, &signed(1, |tx| tx.gas_limit(20_000)).await).await,
        "intrinsic gas too low: gas 20000, minimum needed 21000"
    );
    assert_eq!(
        refusal(&node, &signed(1, |tx| tx.gas_limit(70_000_000)).await).await,
        "exceeds block gas limit"
    );
    assert_eq!(
        refusal(&node, &signed(1, |tx| tx.gas_limit(20_000_000)).await).await,
        "transaction gas limit too high (cap: 16777216, tx: 20000000)"
    );
    assert_eq!(
        refusal(&node, &signed(1, |tx| tx.with_chain_id(1)).await).await,
        "invalid chain id for signer: have 1 want 31337"
    );
    let rich = refusal(&node, &signed(1, |tx| tx.value(U256::MAX >> 1)).await).await;
    assert!(
        rich.starts_with("insufficient funds for gas * price + value: balance "),
        "{rich}"
    );
    let greedy = refusal(
        &node,
        &signed(1, |tx| tx.max_priority_fee_per_gas(9_000_000_000)).await,
    )
    .await;
    assert!(
        greedy.starts_with("max priority fee per gas higher than max fee per gas"),
        "{greedy}"
    );
    let poor = refusal(
        &node,
        &signed(1, |tx| tx.max_fee_per_gas(5).max_priority_fee_per_gas(5)).await,
    )
    .await;
    assert!(
        poor.starts_with("max fee per gas less than block base fee: address 0xf39F"),
        "{poor}"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn bytes_that_are_no_transaction_are_named() {
    let node = node().await;
    assert_eq!(refusal(&node, "0x").await, "typed transaction too short");
    assert_eq!(
        refusal(&node, "0x03c0").await,
        "transaction type not supported"
    );
    assert_eq!(
        refusal(&node, "0xc0").await,
        "rlp: not a legacy transaction"
    );
    let long = format!("0x02{}", "00".repeat(200_000));
    assert_eq!(
        refusal(&node, &long).await,
        "oversized data: transaction size 200001, limit 131072"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn fees_follow_eip_1559() {
    let node = node().await;
    let (provider, sender) = client(&node, 0);
    let miner = Address::ZERO;
    let to = Address::repeat_byte(0xcc);
    let before = provider.get_balance(sender).await.unwrap();
    let tx = TransactionRequest::default()
        .to(to)
        .value(U256::from(9))
        .max_fee_per_gas(5_000_000_000)
        .max_priority_fee_per_gas(7);
    let receipt = send(&provider, tx).await;
    let base_fee = provider
        .get_block_by_number(1.into())
        .await
        .unwrap()
        .unwrap()
        .header
        .base_fee_per_gas
        .unwrap();
    assert_eq!(receipt.effective_gas_price, u128::from(base_fee) + 7);
    let paid = U256::from(21_000) * U256::from(receipt.effective_gas_price) + U256::from(9);
    assert_eq!(provider.get_balance(sender).await.unwrap(), before - paid);
    assert_eq!(
        provider.get_balance(miner).await.unwrap(),
        U256::from(21_000 * 7)
    );
    assert_eq!(provider.get_balance(to).await.unwrap(), U256::from(9));
    let history = provider
        .get_fee_history(2, alloy::eips::BlockNumberOrTag::Latest, &[50.0])
        .await
        .unwrap();
    assert_eq!(history.base_fee_per_gas[1], u128::from(base_fee));
    assert_eq!(history.reward.unwrap()[1], [7]);
    node.shutdown().await;
}

/// An authorization (EIP-7702) moves its signer's nonce, although the signer sent nothing.
#[tokio::test]
async fn a_nonce_that_an_authorization_moved_does_not_hold_up_the_rest() {
    let node = node().await;
    let (provider, _) = client(&node, 1);
    let key = mnemonic_keys(DEV_MNEMONIC, 1).unwrap().remove(0);
    result(&node, "evm_setAutomine", json!([false])).await;
    // The one that pays most runs first, and takes nonce 0 of account 0.
    let authorization = alloy::eips::eip7702::Authorization {
        chain_id: U256::from(31_337),
        address: Address::repeat_byte(0xcc),
        nonce: 0,
    };
    let signature =
        alloy::signers::SignerSync::sign_hash_sync(&key, &authorization.signature_hash()).unwrap();
    let mut request = TransactionRequest::default()
        .to(Address::repeat_byte(0xbb))
        .gas_limit(200_000)
        .max_fee_per_gas(9_000_000_000)
        .max_priority_fee_per_gas(5_000_000_000);
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let delegated = provider.send_transaction(request).await.unwrap();
    let first = send_raw(&node, &signed(0, |tx| tx).await).await["result"].clone();
    let second = send_raw(&node, &signed(1, |tx| tx).await).await["result"].clone();
    result(&node, "evm_setAutomine", json!([true])).await;
    assert_eq!(mined(&node, &second).await["status"], "0x1");
    assert!(mined(&node, &json!(delegated.tx_hash())).await["status"] == "0x1");
    let dropped = result(&node, "eth_getTransactionByHash", json!([first])).await;
    assert_eq!(dropped, Value::Null);
    node.shutdown().await;
}

#[tokio::test]
async fn every_type_of_transaction_runs() {
    let node = node().await;
    let (provider, sender) = client(&node, 0);
    let contract = deploy(&provider).await;
    let legacy = send(&provider, store(contract, 1).gas_price(3_000_000_000)).await;
    assert_eq!(legacy.transaction_type() as u8, 0);
    let list: alloy::eips::eip2930::AccessList =
        serde_json::from_value(json!([{"address": contract, "storageKeys": [B256::ZERO]}]))
            .unwrap();
    let listed = send(
        &provider,
        store(contract, 2)
            .gas_price(3_000_000_000)
            .access_list(list),
    )
    .await;
    assert_eq!(listed.transaction_type() as u8, 1);
    // EIP-7702: account 1 lends itself the contract's code, in a transaction that account 0 pays.
    let key = mnemonic_keys(DEV_MNEMONIC, 2).unwrap().remove(1);
    let authorization = alloy::eips::eip7702::Authorization {
        chain_id: U256::from(31_337),
        address: contract,
        nonce: 0,
    };
    let signature =
        alloy::signers::SignerSync::sign_hash_sync(&key, &authorization.signature_hash()).unwrap();
    let mut request = store(key.address(), 3).gas_limit(200_000);
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let delegated = send(&provider, request).await;
    assert_eq!(delegated.transaction_type() as u8, 4);
    assert!(delegated.status());
    assert_eq!(
        provider
            .get_storage_at(key.address(), U256::ZERO)
            .await
            .unwrap(),
        U256::from(3)
    );
    assert_eq!(
        provider.get_storage_at(contract, U256::ZERO).await.unwrap(),
        U256::from(2)
    );
    assert_eq!(provider.get_transaction_count(sender).await.unwrap(), 4);
    node.shutdown().await;
}
