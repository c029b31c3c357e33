//! `canut up`: a market that is there, and that outlives `kill -9`.

use crate::support::{Process, canut};
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use canut_hub::{Caller, Hub, Sender, SenderConfig, connect};
use canut_protocol::Nrlc;
use serde_json::Value;
use std::path::Path;

struct Market {
    process: Process,
    hub: Address,
    /// Of the accounts, in order.
    keys: Vec<PrivateKeySigner>,
}

impl Market {
    fn start(dir: &Path) -> Self {
        let dir = dir.to_str().unwrap();
        let mut command = canut(&["up", "--json", "--dir", dir]);
        for service in ["--rpc", "--market", "--store", "--vault", "--pool"] {
            command.args([service, "127.0.0.1:0"]);
        }
        let process = Process::ready(command, |line| {
            let ready: Value = serde_json::from_str(line).unwrap();
            Some(ready["rpc"].as_str().unwrap().to_owned())
        });
        let ready: Value = serde_json::from_str(&process.said).unwrap();
        let key = |account: &Value| account["private_key"].as_str().unwrap().parse().unwrap();
        let keys = ready["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(key)
            .collect();
        let hub = ready["hub"].as_str().unwrap().parse().unwrap();
        Self { process, hub, keys }
    }

    async fn caller(&self, index: usize) -> Caller {
        let provider = connect(&self.process.url).await.unwrap();
        let hub = Hub::at(provider.clone(), self.hub).await.unwrap();
        let key = self.keys[index].clone();
        let sender = Sender::new(provider, key, SenderConfig::default())
            .await
            .unwrap();
        Caller::new(hub, sender)
    }
}

#[tokio::test]
async fn a_deposit_is_there_after_a_crash_and_nothing_is_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut market = Market::start(dir.path());
    let caller = market.caller(1).await;
    let given = caller.hub().token_balance(caller.address()).await.unwrap();
    assert_eq!(given, Nrlc::rlc(100_000));
    caller.deposit(given).await.unwrap();
    market.process.kill();

    let again = Market::start(dir.path());
    assert_eq!(again.hub, market.hub);
    let caller = again.caller(1).await;
    let account = caller.hub().account(caller.address()).await.unwrap();
    assert_eq!(account.stake, given);
    assert!(
        caller
            .hub()
            .token_balance(caller.address())
            .await
            .unwrap()
            .is_zero()
    );
    assert_eq!(caller.hub().category_count().await.unwrap(), 5);
    assert!(again.process.terminate().success());
}
