//! What workers told of the apps' standard streams, kept for a while for requesters.
//!
//! Nobody vouches for it, and losing it costs nothing: it is kept apart from the ledger, and written lazily.

use std::path::Path;

use alloy_primitives::Address;
use canut_protocol::TaskId;
use serde::Serialize;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::ledger::LedgerError;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, worker TEXT NOT NULL, at INTEGER NOT NULL,
    stdout TEXT NOT NULL, stderr TEXT NOT NULL, UNIQUE (task, worker)) STRICT;
CREATE INDEX IF NOT EXISTS log_of_worker ON log (worker, number);
";

/// How long logs are kept, in seconds: three days.
const KEPT: i64 = 3 * 24 * 3_600;
/// Logs kept of one worker, and in all; the oldest go first. One takes 200 KiB at most.
const PER_WORKER: i64 = 500;
const IN_ALL: i64 = 5_000;

/// What one worker told of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    #[serde(rename = "walletAddress")]
    pub(super) worker: Address,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// The logs. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Logbook {
    database: SqlitePool,
}

impl Logbook {
    /// Opens the logbook at `path`, or makes one.
    pub(super) async fn open(path: &Path) -> Result<Self, LedgerError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        let database = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&database).await?;
        Ok(Self { database })
    }

    /// Keeps a log, in place of what the worker told of that task before, and forgets what is old or too much. `now` is in
    /// seconds since the epoch.
    pub(super) async fn keep(&self, task: TaskId, log: &Log, now: u64) -> Result<(), LedgerError> {
        let worker = log.worker.to_string();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let mut transaction = self.database.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO log (task, worker, at, stdout, stderr) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(task.to_string())
        .bind(&worker)
        .bind(now)
        .bind(&log.stdout)
        .bind(&log.stderr)
        .execute(&mut *transaction)
        .await?;
        let surplus = "DELETE FROM log WHERE worker = ? AND number <= \
            (SELECT number FROM log WHERE worker = ? ORDER BY number DESC LIMIT 1 OFFSET ?)";
        sqlx::query(surplus)
            .bind(&worker)
            .bind(&worker)
            .bind(PER_WORKER)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM log WHERE number <= (SELECT max(number) FROM log) - ?")
            .bind(IN_ALL)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM log WHERE number IN (SELECT number FROM log ORDER BY number LIMIT 16) AND at < ?")
            .bind(now.saturating_sub(KEPT))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// What was told of a task, by worker.
    pub(super) async fn of(&self, task: TaskId) -> Result<Vec<Log>, LedgerError> {
        let select =
            sqlx::query("SELECT worker, stdout, stderr FROM log WHERE task = ? ORDER BY worker");
        let rows = select
            .bind(task.to_string())
            .fetch_all(&self.database)
            .await?;
        let read = |row: sqlx::sqlite::SqliteRow| {
            let worker: String = row.try_get(0)?;
            Ok(Log {
                worker: worker
                    .parse()
                    .map_err(|_| LedgerError::Content("an address".to_owned()))?,
                stdout: row.try_get(1)?,
                stderr: row.try_get(2)?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Closes the database.
    pub(super) async fn close(&self) {
        self.database.close().await;
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn log(worker: u8, stdout: &str) -> Log {
        Log {
            worker: Address::repeat_byte(worker),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    fn task(number: u64) -> TaskId {
        TaskId(B256::left_padding_from(&number.to_be_bytes()))
    }

    #[tokio::test]
    async fn each_worker_is_heard_once_and_old_logs_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs.sqlite");
        let book = Logbook::open(&path).await.unwrap();
        for log in [log(1, "first"), log(2, "other"), log(1, "again")] {
            book.keep(task(0), &log, 1_000).await.unwrap();
        }
        assert_eq!(
            book.of(task(0)).await.unwrap(),
            [log(1, "again"), log(2, "other")]
        );
        assert!(book.of(task(1)).await.unwrap().is_empty());
        book.close().await;

        let book = Logbook::open(&path).await.unwrap();
        let later = 1_001 + KEPT.unsigned_abs();
        book.keep(task(1), &log(3, "new"), later).await.unwrap();
        assert!(book.of(task(0)).await.unwrap().is_empty());
        assert_eq!(book.of(task(1)).await.unwrap(), [log(3, "new")]);
    }

    #[tokio::test]
    async fn one_worker_cannot_fill_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let book = Logbook::open(&folder.path().join("logs.sqlite"))
            .await
            .unwrap();
        book.keep(task(0), &log(2, "of another"), 0).await.unwrap();
        let most = PER_WORKER.unsigned_abs();
        for number in 0..most + 5 {
            book.keep(task(number), &log(1, "x"), 0).await.unwrap();
        }
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM log")
            .fetch_one(&book.database)
            .await
            .unwrap();
        assert_eq!(count, PER_WORKER + 1);
        assert_eq!(book.of(task(0)).await.unwrap(), [log(2, "of another")]);
        assert_eq!(book.of(task(most)).await.unwrap().len(), 1);
    }
}
