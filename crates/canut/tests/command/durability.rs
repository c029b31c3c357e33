//! The promise: what was acknowledged survives `kill -9`, and nothing else is half there.

use crate::support::Process;
use alloy::{
    network::EthereumWallet,
    primitives::{Address, B256, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::{MnemonicBuilder, coins_bip39::English},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const KILLS: usize = 50;
const CLIENTS: u32 = 4;

/// What clients were told is done.
type Acknowledged = Arc<Mutex<Vec<TransactionReceipt>>>;

fn provider(url: &str, index: u32) -> (DynProvider, Address) {
    let phrase = "test test test test test test test test test test test junk";
    let key = MnemonicBuilder::<English>::default()
        .phrase(phrase)
        .index(index)
        .unwrap()
        .build()
        .unwrap();
    let address = key.address();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(key))
        .connect_http(url.parse().unwrap());
    provider
        .client()
        .set_poll_interval(Duration::from_millis(1));
    (provider.erased(), address)
}

/// Sends transfers one after another until the node is gone; keeps every receipt it was shown.
async fn send_until_it_dies(
    url: String,
    index: u32,
    acknowledged: Acknowledged,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) {
    let (provider, _) = provider(&url, index);
    while !stop.load(Ordering::Relaxed) {
        let to = recipient(index);
        let tx = TransactionRequest::default()
            .to(to)
            .value(U256::from(1))
            .gas_limit(21_000)
            .max_fee_per_gas(3_000_000_000)
            .max_priority_fee_per_gas(1);
        let Ok(sent) = provider.send_transaction(tx).await else {
            return;
        };
        let hash = *sent.tx_hash();
        loop {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match provider.get_transaction_receipt(hash).await {
                Ok(Some(receipt)) => {
                    acknowledged.lock().unwrap().push(receipt);
                    count.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }
}

/// Every receipt is there, once, the same; the chain is whole from a height on; the money adds up.
async fn verify(
    url: &str,
    acknowledged: &[TransactionReceipt],
    from: u64,
    known: &mut HashMap<u64, (B256, u64)>,
) {
    let (provider, _) = provider(url, 0);
    for receipt in acknowledged {
        let found = provider
            .get_transaction_receipt(receipt.transaction_hash)
            .await
            .unwrap();
        assert_eq!(
            found.as_ref(),
            Some(receipt),
            "an acknowledged transaction changed or vanished"
        );
    }
    let head = provider.get_block_number().await.unwrap();
    for number in from..=head {
        let block = provider
            .get_block_by_number(number.into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(block.header.hash_slow(), block.header.hash);
        let parent = number.checked_sub(1).and_then(|parent| known.get(&parent));
        assert!(parent.is_none_or(|(hash, _)| *hash == block.header.parent_hash));
        let sum = parent.map_or(0, |(_, sum)| *sum) + block.transactions.len() as u64;
        let before = known.insert(number, (block.header.hash, sum));
        // Whoever saw a block was told of it.
        assert!(
            before.is_none_or(|(hash, _)| hash == block.header.hash),
            "block {number} changed"
        );
    }
    // Every transaction moves one wei to one of the recipients, so state and blocks can be
    // compared.
    let mut moved = U256::ZERO;
    for index in 0..CLIENTS {
        moved += provider.get_balance(recipient(index)).await.unwrap();
    }
    assert_eq!(
        moved,
        U256::from(known[&head].1),
        "state and blocks disagree"
    );
}

fn recipient(index: u32) -> Address {
    Address::repeat_byte(0x10 + index as u8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged: Acknowledged = Arc::default();
    // Height → hash, and transactions up to it.
    let mut known = HashMap::new();
    // Reproducible, and different every time: when to kill is a number of receipts, not a time.
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..KILLS {
        let mut node = Process::start(dir.path());
        let (count, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                tokio::spawn(send_until_it_dies(
                    node.url.clone(),
                    index,
                    Arc::clone(&acknowledged),
                    Arc::clone(&count),
                    Arc::clone(&stop),
                ))
            })
            .collect();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let goal = (random % 8) as usize;
        while count.load(Ordering::Relaxed) < goal {
            tokio::task::yield_now().await;
        }
        node.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.unwrap();
        }
        let node = Process::start(dir.path());
        let told = acknowledged.lock().unwrap().clone();
        // The newest, where damage would be; everything is looked at in the end.
        let newest = &told[told.len().saturating_sub(20)..];
        let from = known.len().saturating_sub(5) as u64;
        verify(&node.url, newest, from, &mut known).await;
        drop(node);
    }
    let node = Process::start(dir.path());
    let told = acknowledged.lock().unwrap().clone();
    assert!(
        told.len() > KILLS,
        "the clients did get through: {}",
        told.len()
    );
    verify(&node.url, &told, 0, &mut known).await;
}
