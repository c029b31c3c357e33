//! Whether the pool remembers whom it countersigned (§3.3).
//!
//! A vote that the pool countersigned must be accounted for in every settlement, so a pool that lost its folder must not settle
//! anything that it may have countersigned votes on. That there was a folder shows on the chain: a pool promises audits there
//! before it takes votes, unless the chain refuses that or takes too long.

use alloy::{eips::BlockNumberOrTag, providers::Provider};
use alloy_primitives::Address;
use canut_hub::{Error, Hub};
use canut_protocol::{
    range::{
        MAX_TIME_REF,
        audit::{EPOCH_SECONDS, epoch},
    },
    task::FINAL_RATIO,
};

use super::{StartError, promises};

/// Until when deals may have been made of which not everything is written down, in seconds since the epoch; 0 when there are
/// none.
pub(super) async fn begins(
    ledger: &crate::ledger::Ledger,
    hub: &Hub,
    workerpool: Address,
) -> Result<u64, StartError> {
    let latest = hub
        .provider()
        .get_block_by_number(BlockNumberOrTag::Latest)
        .await
        .map_err(Error::from)?;
    let missing = || Error::NotAHub {
        address: hub.address(),
        what: "the time of the latest block",
    };
    let head = latest.ok_or_else(missing)?.header.timestamp;
    let is_new = ledger.checkpoint().await?.is_none();
    let lost = is_new && was_here(hub, workerpool, head).await?;
    Ok(ledger.memory(if lost { head } else { 0 }).await?)
}

/// Whether the pool was at work while a deal was made that is not over at `head`.
async fn was_here(hub: &Hub, workerpool: Address, head: u64) -> Result<bool, Error> {
    let longest = MAX_TIME_REF * FINAL_RATIO;
    let oldest = head.saturating_sub(longest) / EPOCH_SECONDS;
    for day in oldest..=head / EPOCH_SECONDS + promises::DAYS {
        let Some(epoch) = epoch(day * EPOCH_SECONDS) else {
            continue;
        };
        if hub.audit(workerpool, epoch).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
