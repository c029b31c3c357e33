//! Votes on ranges, and what the pool promised of its draws. Unlike all else these cannot be had from the chain again.

use std::str::FromStr;

use alloy_primitives::B256;
use canut_protocol::{
    DealId,
    range::{Leaf, audit::Promise},
};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Ledger, LedgerError};
use crate::ranges::{RangeChanges, RangeDeal, Voting};

/// Deals of which not every task is over.
const OPEN_DEALS: &str = "SELECT id, deal FROM range_deal WHERE \
    (SELECT coalesce(sum(count), 0) FROM range WHERE range.deal = range_deal.id AND over = 1) < tasks";

pub(super) async fn save(
    transaction: &mut Transaction<'_, Sqlite>,
    changes: &RangeChanges,
) -> Result<(), LedgerError> {
    for (id, deal) in &changes.deals {
        sqlx::query("INSERT OR IGNORE INTO range_deal (id, tasks, deal) VALUES (?, ?, ?)")
            .bind(id.to_string())
            .bind(number(deal.deal.bot_size))
            .bind(serde_json::to_string(deal)?)
            .execute(&mut **transaction)
            .await?;
    }
    for range in &changes.gone {
        sqlx::query("DELETE FROM range WHERE deal = ? AND first = ? AND count = ?")
            .bind(range.deal().to_string())
            .bind(number(range.first()))
            .bind(i64::from(range.count()))
            .execute(&mut **transaction)
            .await?;
    }
    let write =
        "INSERT OR REPLACE INTO range (deal, first, count, over, voting) VALUES (?, ?, ?, ?, ?)";
    for voting in &changes.votings {
        sqlx::query(write)
            .bind(voting.range.deal().to_string())
            .bind(number(voting.range.first()))
            .bind(i64::from(voting.range.count()))
            .bind(voting.phase.is_over())
            .bind(serde_json::to_string(voting)?)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

impl Ledger {
    /// The deals served by votes on ranges of which not every task is over.
    pub async fn open_range_deals(&self) -> Result<Vec<(DealId, RangeDeal)>, LedgerError> {
        let rows = sqlx::query(OPEN_DEALS).fetch_all(&self.database).await?;
        let read = |row: SqliteRow| -> Result<_, LedgerError> {
            let (id, deal): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let id =
                DealId::from_str(&id).map_err(|error| LedgerError::Content(error.to_string()))?;
            Ok((id, serde_json::from_str(&deal)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// The votes on ranges of a deal.
    pub async fn votings(&self, deal: DealId) -> Result<Vec<Voting>, LedgerError> {
        let select = sqlx::query_scalar("SELECT voting FROM range WHERE deal = ?");
        let votings: Vec<String> = select
            .bind(deal.to_string())
            .fetch_all(&self.database)
            .await?;
        votings
            .iter()
            .map(|voting| Ok(serde_json::from_str(voting)?))
            .collect()
    }

    /// The leaves with this root that were shown of a range around a task.
    pub async fn leaves(
        &self,
        deal: DealId,
        index: u64,
        root: B256,
    ) -> Result<Option<Vec<Leaf>>, LedgerError> {
        let select = sqlx::query_scalar(
            "SELECT voting FROM range WHERE deal = ? AND first <= ? AND first + count > ?",
        );
        let votings: Vec<String> = select
            .bind(deal.to_string())
            .bind(number(index))
            .bind(number(index))
            .fetch_all(&self.database)
            .await?;
        for voting in votings {
            let voting: Voting = serde_json::from_str(&voting)?;
            let mut opened = voting.opened.into_iter();
            if let Some(found) = opened.find(|opened| opened.value.root == root) {
                return Ok(Some(found.leaves));
            }
        }
        Ok(None)
    }

    /// What the pool promised for an epoch: what was written down first, else `fresh`, which is written down.
    pub async fn promise(&self, epoch: u32, fresh: Promise) -> Result<Promise, LedgerError> {
        sqlx::query("INSERT OR IGNORE INTO promise (epoch, promise) VALUES (?, ?)")
            .bind(i64::from(epoch))
            .bind(serde_json::to_string(&fresh)?)
            .execute(&self.database)
            .await?;
        let select = sqlx::query_scalar("SELECT promise FROM promise WHERE epoch = ?");
        let json: String = select
            .bind(i64::from(epoch))
            .fetch_one(&self.database)
            .await?;
        Ok(serde_json::from_str(&json)?)
    }

    /// Everything that was promised for epochs before `epoch`, in their order.
    pub async fn promises_before(&self, epoch: u32) -> Result<Vec<(u32, Promise)>, LedgerError> {
        let select =
            sqlx::query("SELECT epoch, promise FROM promise WHERE epoch < ? ORDER BY epoch");
        let rows = select
            .bind(i64::from(epoch))
            .fetch_all(&self.database)
            .await?;
        let read = |row: SqliteRow| -> Result<_, LedgerError> {
            let (epoch, promise): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let damaged = |_| LedgerError::Content(format!("epoch {epoch}"));
            Ok((
                u32::try_from(epoch).map_err(damaged)?,
                serde_json::from_str(&promise)?,
            ))
        };
        rows.into_iter().map(read).collect()
    }
}

/// Counts beyond what SQLite can hold belong to deals that no pool lives to finish.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
