//! Votes on ranges, and what the pool promised of its draws. Unlike all else these cannot be had from the chain again.

use std::str::FromStr;

use alloy_primitives::B256;
use canut_protocol::{
    DealId, TaskId,
    range::{Leaf, Range, audit::Promise},
};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Ledger, LedgerError};
use crate::ranges::{RangeChanges, RangeDeal, Voting};

/// Deals of which not every task is over.
const OPEN_DEALS: &str = "SELECT id, deal FROM range_deal WHERE \
    (SELECT coalesce(sum(count), 0) FROM range WHERE range.deal = range_deal.id AND over = 1) < tasks";

/// The smallest range with a task.
const VOTING_OF: &str = "SELECT number, range_deal.deal, voting FROM range_task \
    JOIN range_deal ON range_deal.id = range_task.deal \
    JOIN range ON range.deal = range_task.deal AND number >= first AND number - first < count \
    WHERE range_task.id = ? ORDER BY count LIMIT 1";

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
    for voting in &changes.votings {
        let (deal, first) = (
            voting.range.deal().to_string(),
            number(voting.range.first()),
        );
        let (over, json) = (voting.phase.is_over(), serde_json::to_string(voting)?);
        // Only a new range has tasks to name.
        let update =
            "UPDATE range SET over = ?, voting = ? WHERE deal = ? AND first = ? AND count = ?";
        let known = sqlx::query(update)
            .bind(over)
            .bind(&json)
            .bind(&deal)
            .bind(first)
            .bind(i64::from(voting.range.count()))
            .execute(&mut **transaction)
            .await?;
        if known.rows_affected() > 0 {
            continue;
        }
        let insert = "INSERT INTO range (deal, first, count, over, voting) VALUES (?, ?, ?, ?, ?)";
        sqlx::query(insert)
            .bind(&deal)
            .bind(first)
            .bind(i64::from(voting.range.count()))
            .bind(over)
            .bind(&json)
            .execute(&mut **transaction)
            .await?;
        name(transaction, voting.range).await?;
    }
    Ok(())
}

/// Writes down the ids of a range's tasks, from which the range does not follow.
async fn name(transaction: &mut Transaction<'_, Sqlite>, range: Range) -> Result<(), LedgerError> {
    let deal = range.deal();
    // One task takes three of the 32 766 values that a statement may have.
    let mut insert = QueryBuilder::new("INSERT OR IGNORE INTO range_task (id, deal, number) ");
    insert.push_values(range.indices(), |mut row, index| {
        row.push_bind(TaskId::of(deal, index).to_string())
            .push_bind(deal.to_string())
            .push_bind(number(index));
    });
    insert.build().execute(&mut **transaction).await?;
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

    /// The index of a task that is voted on in a range, its deal, and the vote: of a range that was split, that on the part.
    pub async fn range_task(
        &self,
        id: TaskId,
    ) -> Result<Option<(u64, RangeDeal, Voting)>, LedgerError> {
        let found = sqlx::query(VOTING_OF)
            .bind(id.to_string())
            .fetch_optional(&self.database)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let (index, deal, voting): (i64, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let damaged = |_| LedgerError::Content(format!("task {id}"));
        Ok(Some((
            u64::try_from(index).map_err(damaged)?,
            serde_json::from_str(&deal)?,
            serde_json::from_str(&voting)?,
        )))
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

#[cfg(test)]
mod tests {
    use canut_protocol::{Deal, range::audit::Rates};
    use serde_json::json;

    use super::*;
    use crate::schedule::Changes;

    fn voting(deal: DealId, first: u64, count: u64, phase: &str) -> Voting {
        let range = Range::new(deal, first, count).unwrap();
        let voting = json!({
            "range": range, "started": 1, "members": [], "sealed": [], "audit": null, "pace": null, "opened": [], "phase": phase,
            "delivery": null,
        });
        serde_json::from_value(voting).unwrap()
    }

    #[tokio::test]
    async fn a_task_is_found_by_its_id_in_the_smallest_range_that_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("pool.sqlite"), "a").await;
        let ledger = ledger.unwrap();
        let id = DealId(B256::repeat_byte(1));
        let deal = Deal {
            bot_first: 5,
            bot_size: 4_200,
            ..Deal::default()
        };
        let contract = RangeDeal {
            deal,
            time_ref: 300,
            promise: Promise {
                secret: B256::ZERO,
                rates: Rates::default(),
                stride: 64,
            },
            forgotten: false,
        };
        let whole = voting(id, 5, 4_096, "open");
        let mut changes = RangeChanges {
            deals: vec![(id, contract)],
            votings: vec![whole.clone()],
            gone: Vec::new(),
            ..RangeChanges::default()
        };
        let save = async |changes: &RangeChanges| {
            let saved = ledger.save(&Changes::default(), changes, None).await;
            saved.unwrap();
        };
        let find = async |index| {
            let found = ledger.range_task(TaskId::of(id, index)).await.unwrap();
            found.map(|(index, contract, voting)| (index, contract.deal.bot_size, voting))
        };
        save(&changes).await;
        for index in [5, 2_000, 4_100] {
            assert_eq!(find(index).await, Some((index, 4_200, whole.clone())));
        }
        assert_eq!(find(4).await, None);
        assert_eq!(find(4_101).await, None, "no worker was asked yet");

        let (part, rest) = (voting(id, 5, 1, "settled"), voting(id, 6, 4_095, "open"));
        let whole = voting(id, 5, 4_096, "split");
        changes.votings = vec![whole, part.clone(), rest.clone()];
        save(&changes).await;
        assert_eq!(find(5).await, Some((5, 4_200, part)));
        assert_eq!(find(6).await, Some((6, 4_200, rest)));
        assert_eq!(ledger.votings(id).await.unwrap().len(), 3);
    }
}
