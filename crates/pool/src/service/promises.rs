//! What the pool promises of its audits: on the chain before a day begins, and told when its deals are over (§7).

use std::time::Duration;

use alloy_primitives::Address;
use canut_hub::Caller;
use canut_protocol::{
    range::{
        EVIDENCE_SECONDS, MAX_TIME_REF,
        audit::{EPOCH_SECONDS, epoch},
    },
    task::FINAL_RATIO,
};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use super::route::Route;
use crate::ledger::{Ledger, LedgerError};

/// How often the pool sees whether a day is to be promised for.
const ROUND: Duration = Duration::from_secs(600);
/// How long the first promise is waited for.
const FIRST: Duration = Duration::from_secs(60);
/// Days promised for in advance.
pub(super) const DAYS: u64 = 2;

/// Promises audits, day after day.
#[derive(Clone, Debug)]
pub(super) struct Promises {
    pub(super) caller: Caller,
    pub(super) ledger: Ledger,
    pub(super) route: Route,
    pub(super) workerpool: Address,
}

impl Promises {
    /// Promises for the first time, unless the chain takes long.
    pub(super) async fn begin(&self) {
        match timeout(FIRST, self.promise()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "audits could not be promised"),
            Err(_) => warn!("audits are not promised yet"),
        }
    }

    /// Goes on until dropped. A day that could not be promised for is tried again.
    pub(super) async fn run(self) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.promise().await {
                warn!(%error, "audits could not be promised");
            }
        }
    }

    async fn promise(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let hub = self.caller.hub();
        let now = hub.now().await?;
        for day in 1..=DAYS {
            let start = (now / EPOCH_SECONDS + day) * EPOCH_SECONDS;
            let Some(epoch) = epoch(start) else { continue };
            if hub.audit(self.workerpool, epoch).await?.is_some() {
                continue;
            }
            // Written down before it is promised.
            let promise = self.route.promise(&self.ledger, start).await?;
            let hash = promise.hash(self.workerpool, epoch);
            self.caller
                .commit_audit(self.workerpool, epoch, hash)
                .await?;
            info!(epoch, "audits promised");
        }
        Ok(())
    }
}

/// The promises of days whose deals are all over at `now`, with their secrets.
pub(super) async fn told(ledger: &Ledger, now: u64) -> Result<Value, LedgerError> {
    let longest = MAX_TIME_REF * FINAL_RATIO + EVIDENCE_SECONDS;
    let over = epoch(now.saturating_sub(longest)).unwrap_or_default();
    let promises = ledger.promises_before(over).await?;
    let told = promises
        .into_iter()
        .map(|(epoch, promise)| json!({ "epoch": epoch, "promise": promise }));
    Ok(told.collect())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use canut_protocol::range::audit::{Promise, Rates};

    use super::*;

    #[tokio::test]
    async fn a_secret_is_told_only_when_no_deal_of_its_day_can_be_drawn_for_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("pool.sqlite"), "ours")
            .await
            .unwrap();
        let secret = B256::repeat_byte(3);
        let promise = Promise {
            secret,
            rates: Rates::default(),
            stride: 64,
        };
        assert_eq!(ledger.promise(100, promise).await.unwrap(), promise);
        let other = Promise {
            stride: 1,
            ..promise
        };
        assert_eq!(ledger.promise(100, other).await.unwrap(), promise);
        let end = 101 * EPOCH_SECONDS + 360_000 + EVIDENCE_SECONDS;
        let early = told(&ledger, end - 1).await.unwrap();
        assert_eq!(early.as_array().unwrap().len(), 0);
        let late = told(&ledger, end).await.unwrap();
        assert_eq!(late[0]["promise"]["secret"], secret.to_string());
    }
}
