//! Many transactions of one key, whatever the node and the network do.

use std::{collections::BTreeSet, sync::Mutex};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
};
use canut_hub::{Error, Sender, SenderConfig};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    faults::{Fate, Proxy},
    node::{Node, config},
};

const TARGET: Address = Address::repeat_byte(0x77);

/// Sends `count` payments of 1, 2, 3 … wei at once and returns their hashes.
async fn pay_all(sender: &Sender, count: u64) -> BTreeSet<B256> {
    let mut payments = JoinSet::new();
    for wei in 1..=count {
        let sender = sender.clone();
        payments.spawn(async move { sender.send(TARGET, Bytes::new(), U256::from(wei)).await });
    }
    let receipts = payments.join_all().await;
    receipts
        .into_iter()
        .map(|receipt| receipt.unwrap().transaction_hash)
        .collect()
}

async fn balance(node: &Node) -> U256 {
    node.provider.get_balance(TARGET).await.unwrap()
}

#[tokio::test]
async fn a_hundred_calls_at_once_use_a_hundred_nonces() {
    let node = Node::start(&[]).await;
    let sender = node.sender(1).await;
    assert_eq!(pay_all(&sender, 100).await.len(), 100);
    assert_eq!(node.nonce(sender.address()).await, 100);
    assert_eq!(balance(&node).await, U256::from(5_050));
}

#[tokio::test]
async fn a_call_that_fails_stops_no_other() {
    let node = Node::start(&[]).await;
    let sender = node.sender(1).await;
    // Reverts always: PUSH0 PUSH0 REVERT.
    node.rpc(
        "anvil_setCode",
        json!([Address::repeat_byte(0x66), "0x5f5ffd"]),
    )
    .await;
    let mut calls = JoinSet::new();
    for wei in 1..=20_u64 {
        let sender = sender.clone();
        let target = if wei % 4 == 0 {
            Address::repeat_byte(0x66)
        } else {
            TARGET
        };
        let value = if wei % 4 == 1 {
            U256::MAX
        } else {
            U256::from(wei)
        };
        calls.spawn(async move { (wei, sender.send(target, Bytes::new(), value).await) });
    }
    for (wei, outcome) in calls.join_all().await {
        match wei % 4 {
            0 => assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}"),
            1 => assert!(
                matches!(outcome, Err(Error::Rejected { .. } | Error::Refused(_))),
                "{outcome:?}"
            ),
            _ => assert!(outcome.is_ok(), "{outcome:?}"),
        }
    }
    assert_eq!(node.nonce(sender.address()).await, 10);
}

#[tokio::test]
async fn a_lost_answer_is_not_a_second_payment() {
    let node = Node::start(&[]).await;
    // Of the handing over every second answer is lost, every third request, and every fifth answer is torn.
    let sent = Mutex::new(0);
    let proxy = Proxy::to(&node.url, move |_, call| {
        if call["method"] != "eth_sendRawTransaction" {
            return Fate::Pass;
        }
        let mut sent = sent.lock().unwrap();
        *sent += 1;
        match *sent {
            number if number % 5 == 0 => Fate::Torn,
            number if number % 3 == 0 => Fate::Lost,
            number if number % 2 == 0 => Fate::Unanswered,
            _ => Fate::Pass,
        }
    })
    .await;
    let sender = node.sender_through(&proxy.url, 1, config()).await;
    assert_eq!(pay_all(&sender, 30).await.len(), 30);
    assert_eq!(node.nonce(sender.address()).await, 30);
    assert_eq!(balance(&node).await, U256::from(465));
}

#[tokio::test]
async fn when_the_node_is_gone_the_caller_is_told_and_the_next_call_works() {
    let node = Node::start(&[]).await;
    let sent = Mutex::new(0);
    let proxy = Proxy::to(&node.url, move |_, call| {
        let handing_over = call["method"] == "eth_sendRawTransaction";
        let mut sent = sent.lock().unwrap();
        *sent += usize::from(handing_over);
        if handing_over && *sent <= 2 {
            Fate::Lost
        } else {
            Fate::Pass
        }
    })
    .await;
    let patience = SenderConfig {
        attempts: 2,
        ..config()
    };
    let sender = node.sender_through(&proxy.url, 1, patience).await;
    let lost = sender
        .send(TARGET, Bytes::new(), U256::ONE)
        .await
        .unwrap_err();
    assert!(matches!(lost, Error::Unknown { .. }), "{lost}");
    sender
        .send(TARGET, Bytes::new(), U256::from(2))
        .await
        .unwrap();
    assert_eq!(balance(&node).await, U256::from(2));
    assert_eq!(node.nonce(sender.address()).await, 1);
}

#[tokio::test]
async fn the_fee_of_a_stuck_transaction_is_raised_until_it_goes_through() {
    let node = Node::start(&["--no-mining"]).await;
    let config = SenderConfig {
        bump_after: 2,
        fee_limit: u128::MAX,
        ..config()
    };
    let sender = node.sender_through(&node.url, 1, config).await;
    let payment = {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(TARGET, Bytes::new(), U256::ONE).await })
    };
    let first = pending(&node, |_| true).await;
    // The base fee jumps: blocks pass the transaction over.
    for _ in 0..3 {
        node.rpc("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"]))
            .await;
        node.mine(1).await;
    }
    let second = pending(&node, move |hash| hash != first).await;
    assert_ne!(first, second);
    node.mine(1).await;
    let receipt = payment.await.unwrap().unwrap();
    assert_eq!(node.nonce(sender.address()).await, 1);
    assert_eq!(balance(&node).await, U256::ONE);
    assert_ne!(receipt.transaction_hash, first);
}

/// Waits for a transaction in the node's pool.
async fn pending(node: &Node, wanted: impl Fn(B256) -> bool) -> B256 {
    loop {
        let content = node.rpc("txpool_content", json!([])).await;
        let accounts = content["pending"].as_object().unwrap();
        let transactions = accounts
            .values()
            .flat_map(|account| account.as_object().unwrap().values());
        let hashes =
            transactions.map(|transaction| transaction["hash"].as_str().unwrap().parse().unwrap());
        if let Some(hash) = hashes.into_iter().find(|hash| wanted(*hash)) {
            return hash;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_gap() {
    let node = Node::start(&[]).await;
    let sender = node.sender(1).await;
    for _ in 0..10 {
        let impatient = sender.send(TARGET, Bytes::new(), U256::ONE);
        // It may be dropped before, while or after it is handed over.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(3), impatient).await;
    }
    let last = sender.send(TARGET, Bytes::new(), U256::ONE).await.unwrap();
    assert!(last.status());
    let nonce = node.nonce(sender.address()).await;
    assert_eq!(balance(&node).await, U256::from(nonce));
}

#[tokio::test]
async fn a_key_used_elsewhere_is_noticed_and_the_nonces_are_found_again() {
    let node = Node::start(&[]).await;
    let (here, elsewhere) = (node.sender(1).await, node.sender(1).await);
    here.send(TARGET, Bytes::new(), U256::ONE).await.unwrap();
    elsewhere
        .send(TARGET, Bytes::new(), U256::ONE)
        .await
        .unwrap();
    here.send(TARGET, Bytes::new(), U256::ONE).await.unwrap();
    assert_eq!(node.nonce(here.address()).await, 3);
}

#[tokio::test]
async fn a_transaction_that_a_reorganisation_undid_is_included_again() {
    let node = Node::start(&[]).await;
    let patient = SenderConfig {
        confirmations: 3,
        ..config()
    };
    let sender = node.sender_through(&node.url, 1, patient).await;
    let payment = {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(TARGET, Bytes::new(), U256::ONE).await })
    };
    while node.nonce(sender.address()).await == 0 {
        tokio::task::yield_now().await;
    }
    node.rpc("anvil_rollback", json!([1])).await;
    // The node has forgotten the transaction; the sender reminds it.
    while node.nonce(sender.address()).await == 0 {
        tokio::task::yield_now().await;
    }
    node.mine(3).await;
    assert!(payment.await.unwrap().unwrap().status());
    assert_eq!(balance(&node).await, U256::ONE);
}
