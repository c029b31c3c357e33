//! Committing changes.

use alloy_primitives::{Address, B256};
use canut_protocol::order::OrderKind;
use sqlx::{Any, AssertSqlSafe, Transaction, any::AnyArguments, query::Query};

use super::{Change, StorageError, Store, deals};
use crate::{
    chain::{BlockRef, Happening, Record},
    order::Entry,
};

/// Blocks remembered to find where the chain forked: as many as no chain in use takes back.
const REMEMBERED: i64 = 4_096;

/// Rows of one statement: up to 16 values each, and SQLite takes 32 766 values.
pub(super) const ROWS: usize = 500;

pub(super) type Open<'a> = Transaction<'a, Any>;

impl Store {
    /// Makes all changes, in order, or none. They are durable when this returns.
    pub(crate) async fn commit(&self, changes: &[Change]) -> Result<(), StorageError> {
        let mut open = self.pool.begin().await?;
        let mut published: Vec<&Entry> = Vec::new();
        for change in changes {
            if let Change::Publish(entry) = change {
                published.push(entry);
                continue;
            }
            // What was published before comes before.
            insert_orders(&mut open, &std::mem::take(&mut published)).await?;
            self.make(&mut open, change).await?;
        }
        insert_orders(&mut open, &published).await?;
        open.commit().await?;
        Ok(())
    }

    async fn make(&self, open: &mut Open<'_>, change: &Change) -> Result<(), StorageError> {
        match change {
            Change::Publish(_) => Ok(()),
            Change::Unpublish(hash) => {
                let query =
                    sqlx::query("DELETE FROM orders WHERE hash = $1").bind(hash.to_string());
                query.execute(&mut **open).await?;
                Ok(())
            }
            Change::Grow(batch) => {
                insert_block(open, batch.at).await?;
                insert_facts(open, &batch.events).await?;
                deals::insert(open, self.chain_id, &batch.events).await?;
                Ok(())
            }
            Change::Rollback(to) => {
                for statement in [
                    "DELETE FROM blocks WHERE number > $1",
                    "DELETE FROM facts WHERE block > $1",
                    "DELETE FROM deals WHERE block > $1",
                ] {
                    sqlx::query(statement)
                        .bind(small(*to))
                        .execute(&mut **open)
                        .await?;
                }
                Ok(())
            }
        }
    }
}

/// A number of the chain as the database has it: heights and times stay far below 2⁶³.
pub(super) fn small(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `($1, $2, …), (…), …`
fn rows(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let values: Vec<_> = (1..=columns)
            .map(|column| format!("${}", row * columns + column))
            .collect();
        format!("({})", values.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// `INSERT INTO what VALUES …`, of `count` rows.
pub(super) fn insert<'q>(what: &str, count: usize, columns: usize) -> Query<'q, Any, AnyArguments> {
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO {what} VALUES {}",
        rows(count, columns)
    )))
}

async fn insert_orders(open: &mut Open<'_>, entries: &[&Entry]) -> Result<(), StorageError> {
    for entries in entries.chunks(ROWS) {
        let mut query = insert(
            "orders (hash, kind, signer, published, body)",
            entries.len(),
            5,
        );
        for entry in entries {
            query = query
                .bind(entry.hash.to_string())
                .bind(kind_number(entry.kind()))
                .bind(text(entry.signer))
                .bind(entry.published)
                .bind(entry.json.get().to_owned());
        }
        query.execute(&mut **open).await?;
    }
    Ok(())
}

async fn insert_block(open: &mut Open<'_>, at: BlockRef) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO blocks (number, hash) VALUES ($1, $2)")
        .bind(small(at.number))
        .bind(hash_text(at.hash))
        .execute(&mut **open)
        .await?;
    sqlx::query("DELETE FROM blocks WHERE number <= $1")
        .bind(small(at.number) - REMEMBERED)
        .execute(&mut **open)
        .await?;
    Ok(())
}

async fn insert_facts(open: &mut Open<'_>, events: &[Happening]) -> Result<(), StorageError> {
    let records: Vec<_> = events.iter().filter_map(Record::of).collect();
    let mut position = 0;
    for records in records.chunks(ROWS) {
        let mut query = insert("facts (block, position, time, body)", records.len(), 4);
        for record in records {
            let body = serde_json::to_string(&record.fact)
                .map_err(|error| StorageError::Damaged(error.to_string()))?;
            query = query
                .bind(small(record.block))
                .bind(position)
                .bind(small(record.timestamp))
                .bind(body);
            position += 1_i64;
        }
        query.execute(&mut **open).await?;
    }
    Ok(())
}

pub(super) const fn kind_number(kind: OrderKind) -> i64 {
    match kind {
        OrderKind::App => 0,
        OrderKind::Dataset => 1,
        OrderKind::Workerpool => 2,
        OrderKind::Request => 3,
    }
}

pub(super) fn text(address: Address) -> String {
    address.to_checksum(None)
}

pub(super) fn hash_text(hash: impl Into<B256>) -> String {
    hash.into().to_string()
}
