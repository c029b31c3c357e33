//! Reading everything back at the start.

use std::{sync::Arc, thread::available_parallelism};

use canut_protocol::{Domain, order::OrderKind};
use futures::{StreamExt, TryStreamExt};
use serde_json::value::RawValue;
use sqlx::{Row, any::AnyRow};

use super::{StorageError, Store, write::kind_number};
use crate::{
    chain::{BlockRef, Record},
    order::{Entry, KINDS, read},
};

/// Orders that are read by one thread at a time.
const SHARE: usize = 2_048;

/// All that was stored.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) orders: Vec<Arc<Entry>>,
    /// In the order of the chain.
    pub(crate) facts: Vec<Record>,
    /// The last blocks, newest first.
    pub(crate) blocks: Vec<BlockRef>,
}

impl Store {
    /// Reads everything back.
    pub(crate) async fn load(&self, domain: &Domain) -> Result<Loaded, StorageError> {
        let orders = self.orders(*domain).await?;
        let facts = sqlx::query("SELECT block, time, body FROM facts ORDER BY block, position")
            .fetch(&self.pool)
            .err_into()
            .and_then(|row| async move { fact(&row) })
            .try_collect()
            .await?;
        let blocks = sqlx::query("SELECT number, hash FROM blocks ORDER BY number DESC")
            .fetch(&self.pool)
            .err_into()
            .and_then(|row| async move { block(&row) })
            .try_collect()
            .await?;
        Ok(Loaded {
            orders,
            facts,
            blocks,
        })
    }

    /// Parsing and hashing take longest, so all processors do it.
    async fn orders(&self, domain: Domain) -> Result<Vec<Arc<Entry>>, StorageError> {
        let read = move |rows: Vec<Written>| -> Result<Vec<_>, _> {
            rows.into_iter().map(|row| row.read(&domain)).collect()
        };
        let parsed: Vec<Vec<_>> =
            sqlx::query("SELECT hash, kind, signer, published, body FROM orders")
                .fetch(&self.pool)
                .err_into()
                .and_then(|row| async move { Written::of(&row) })
                .try_chunks(SHARE)
                .map_err(|failed| failed.1)
                .map(|rows| async move {
                    let rows = rows?;
                    let share = tokio::task::spawn_blocking(move || read(rows));
                    share.await.map_err(damaged)?
                })
                .buffered(available_parallelism().map_or(1, usize::from))
                .try_collect()
                .await?;
        Ok(parsed.concat())
    }
}

/// A row of an order.
struct Written {
    hash: String,
    kind: i64,
    signer: String,
    published: i64,
    body: String,
}

impl Written {
    fn of(row: &AnyRow) -> Result<Self, StorageError> {
        Ok(Self {
            hash: row.try_get("hash")?,
            kind: row.try_get("kind")?,
            signer: row.try_get("signer")?,
            published: row.try_get("published")?,
            body: row.try_get("body")?,
        })
    }

    fn read(self, domain: &Domain) -> Result<Arc<Entry>, StorageError> {
        let Self { hash, body, .. } = self;
        let found = KINDS
            .into_iter()
            .find(|known: &OrderKind| kind_number(*known) == self.kind);
        let kind = found.ok_or_else(|| damaged(&hash))?;
        let json = RawValue::from_string(body).map_err(damaged)?;
        let value = serde_json::from_str(json.get()).map_err(damaged)?;
        let order = read(kind, &value).map_err(damaged)?;
        // A row that was tampered with would be offered under a hash nobody signed.
        let entry = Entry {
            hash: order.hash(domain),
            signer: self.signer.parse().map_err(damaged)?,
            published: self.published,
            order,
            json,
        };
        if entry.hash.to_string() == hash {
            Ok(Arc::new(entry))
        } else {
            Err(damaged(hash))
        }
    }
}

fn number(row: &AnyRow, column: &str) -> Result<u64, StorageError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| damaged(column))
}

fn damaged(what: impl ToString) -> StorageError {
    StorageError::Damaged(what.to_string())
}

fn fact(row: &AnyRow) -> Result<Record, StorageError> {
    let body: String = row.try_get("body")?;
    let fact = serde_json::from_str(&body).map_err(damaged)?;
    Ok(Record {
        block: number(row, "block")?,
        timestamp: number(row, "time")?,
        fact,
    })
}

fn block(row: &AnyRow) -> Result<BlockRef, StorageError> {
    let hash: String = row.try_get("hash")?;
    let hash = hash.parse().map_err(damaged)?;
    Ok(BlockRef {
        number: number(row, "number")?,
        hash,
    })
}
