//! What the pool writes down, in SQLite: deals, tasks, and how far it read the chain.
//!
//! All of it can be had from the chain again, except whom the pool asked and countersigned, and what it fetched. Without the file
//! the pool takes no more votes on the ranges of older deals: what it promised about them it does not know.

mod ranges;

use std::{path::Path, str::FromStr};

use canut_hub::events::Checkpoint;
use canut_protocol::{DealId, TaskId};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    ranges::RangeChanges,
    schedule::{Changes, Contract, Job},
};

/// Tables, created when missing. Deals and tasks are kept as JSON: nothing but their ids is ever asked of them.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS deal (id TEXT PRIMARY KEY, tasks INTEGER NOT NULL, contract TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS task (id TEXT PRIMARY KEY, deal TEXT NOT NULL, over INTEGER NOT NULL, job TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS task_of_deal ON task (deal, over);
CREATE TABLE IF NOT EXISTS range_deal (id TEXT PRIMARY KEY, tasks INTEGER NOT NULL, deal TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS range (deal TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, over INTEGER NOT NULL, \
    voting TEXT NOT NULL, PRIMARY KEY (deal, first, count)) STRICT;
CREATE TABLE IF NOT EXISTS range_task (id TEXT PRIMARY KEY, deal TEXT NOT NULL, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS promise (epoch INTEGER PRIMARY KEY, promise TEXT NOT NULL) STRICT;
";

/// Deals of which not every task is over.
const OPEN_DEALS: &str = "SELECT id, contract FROM deal \
    WHERE (SELECT count(*) FROM task WHERE task.deal = deal.id AND over = 1) < tasks";

/// Why something could not be written down or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database.
    #[error("the pool's database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database holds what this version cannot read.
    #[error(
        "the pool's database is damaged, or of another version ({0}): delete it, it is rebuilt from the chain"
    )]
    Content(String),
    /// The database is another pool's.
    #[error(
        "the database is of {found}, not of {wanted}: give every workerpool a folder of its own"
    )]
    Foreign {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
}

impl From<serde_json::Error> for LedgerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Content(error.to_string())
    }
}

/// The pool's database.
#[derive(Clone, Debug)]
pub struct Ledger {
    database: SqlitePool,
}

impl Ledger {
    /// Opens the database at `path`, or makes one. `owner` names hub, chain and workerpool; the database of another is refused.
    pub async fn open(path: &Path, owner: &str) -> Result<Self, LedgerError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        // SQLite has one writer at a time; a second connection lets requests read meanwhile.
        let database = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&database).await?;
        let ledger = Self { database };
        match ledger.meta("owner").await? {
            None => ledger.set_owner(owner).await?,
            Some(found) if found == owner => {}
            Some(found) => {
                return Err(LedgerError::Foreign {
                    found,
                    wanted: owner.to_owned(),
                });
            }
        }
        Ok(ledger)
    }

    async fn set_owner(&self, owner: &str) -> Result<(), LedgerError> {
        let insert = sqlx::query("INSERT INTO meta (name, value) VALUES ('owner', ?)");
        insert.bind(owner).execute(&self.database).await?;
        Ok(())
    }

    async fn meta(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let select = sqlx::query_scalar("SELECT value FROM meta WHERE name = ?");
        Ok(select.bind(name).fetch_optional(&self.database).await?)
    }

    /// The last block whose events are in it.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        let found = self.meta("checkpoint").await?;
        Ok(found.map(|json| serde_json::from_str(&json)).transpose()?)
    }

    /// Until when countersignatures may be missing in it, in seconds since the epoch: a new database knows of none until `now`.
    pub async fn memory(&self, now: u64) -> Result<u64, LedgerError> {
        let insert = sqlx::query("INSERT OR IGNORE INTO meta (name, value) VALUES ('memory', ?)");
        insert.bind(now.to_string()).execute(&self.database).await?;
        let found = self.meta("memory").await?;
        let damaged = || LedgerError::Content("memory".to_owned());
        found.and_then(|at| at.parse().ok()).ok_or_else(damaged)
    }

    /// Writes down what changed, and up to where the chain was read: all of it or nothing.
    pub async fn save(
        &self,
        changes: &Changes,
        ranges: &RangeChanges,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), LedgerError> {
        if changes.is_empty() && ranges.is_empty() && checkpoint.is_none() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        for (id, contract) in &changes.deals {
            sqlx::query("INSERT OR IGNORE INTO deal (id, tasks, contract) VALUES (?, ?, ?)")
                .bind(id.to_string())
                .bind(i64::try_from(contract.deal.bot_size).unwrap_or(i64::MAX))
                .bind(serde_json::to_string(contract)?)
                .execute(&mut *transaction)
                .await?;
        }
        for job in &changes.tasks {
            sqlx::query("INSERT OR REPLACE INTO task (id, deal, over, job) VALUES (?, ?, ?, ?)")
                .bind(job.id().to_string())
                .bind(job.deal.to_string())
                .bind(job.phase.is_over())
                .bind(serde_json::to_string(job)?)
                .execute(&mut *transaction)
                .await?;
        }
        ranges::save(&mut transaction, ranges).await?;
        if let Some(checkpoint) = checkpoint {
            sqlx::query("INSERT OR REPLACE INTO meta (name, value) VALUES ('checkpoint', ?)")
                .bind(serde_json::to_string(&checkpoint)?)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The deals of which not every task is over.
    pub async fn open_deals(&self) -> Result<Vec<(DealId, Contract)>, LedgerError> {
        let rows = sqlx::query(OPEN_DEALS).fetch_all(&self.database).await?;
        let read = |row: sqlx::sqlite::SqliteRow| -> Result<_, LedgerError> {
            let (id, contract): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let id =
                DealId::from_str(&id).map_err(|error| LedgerError::Content(error.to_string()))?;
            Ok((id, serde_json::from_str(&contract)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// The tasks of a deal that were ever initialised.
    pub async fn jobs(&self, deal: DealId) -> Result<Vec<Job>, LedgerError> {
        let select = sqlx::query_scalar("SELECT job FROM task WHERE deal = ?");
        let jobs: Vec<String> = select
            .bind(deal.to_string())
            .fetch_all(&self.database)
            .await?;
        jobs.iter()
            .map(|job| Ok(serde_json::from_str(job)?))
            .collect()
    }

    /// A task, with its deal.
    pub async fn task(&self, id: TaskId) -> Result<Option<(Job, Contract)>, LedgerError> {
        let select = sqlx::query(
            "SELECT job, contract FROM task JOIN deal ON deal.id = task.deal WHERE task.id = ?",
        );
        let Some(row) = select
            .bind(id.to_string())
            .fetch_optional(&self.database)
            .await?
        else {
            return Ok(None);
        };
        let (job, contract): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some((
            serde_json::from_str(&job)?,
            serde_json::from_str(&contract)?,
        )))
    }

    /// Forgets all that was read of the chain, to read it again.
    pub async fn clear(&self) -> Result<(), LedgerError> {
        let delete =
            "DELETE FROM task; DELETE FROM deal; DELETE FROM meta WHERE name = 'checkpoint'";
        sqlx::raw_sql(delete).execute(&self.database).await?;
        Ok(())
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy_primitives::B256;
    use canut_protocol::Deal;

    use super::*;
    use crate::schedule::{ChainEvent, Event, Scheduler, Settings};

    #[tokio::test]
    async fn what_was_written_down_is_found_again_until_the_deal_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pool.sqlite");
        let deal = Deal {
            bot_size: 2,
            start_time: 10,
            ..Deal::default()
        };
        let id = DealId(B256::repeat_byte(1));
        let mut scheduler = Scheduler::new(Settings::default(), [0; 32]);
        let matched = ChainEvent::Matched {
            id,
            deal: Box::new(deal),
            time_ref: 300,
        };
        let opened = [0, 1].map(|index| ChainEvent::Initialized { deal: id, index });
        let events = [matched].into_iter().chain(opened).map(Event::Chain);
        scheduler.handle(10, Duration::ZERO, events);
        let checkpoint = Checkpoint {
            block: 7,
            hash: B256::repeat_byte(7),
        };

        let ledger = Ledger::open(&path, "a").await.unwrap();
        ledger
            .save(
                &scheduler.take_changes(),
                &RangeChanges::default(),
                Some(checkpoint),
            )
            .await
            .unwrap();
        ledger.close().await;

        assert!(matches!(
            Ledger::open(&path, "b").await,
            Err(LedgerError::Foreign { .. })
        ));
        let ledger = Ledger::open(&path, "a").await.unwrap();
        assert_eq!(ledger.checkpoint().await.unwrap(), Some(checkpoint));
        assert_eq!(ledger.open_deals().await.unwrap()[0].0, id);
        let jobs = ledger.jobs(id).await.unwrap();
        assert_eq!(jobs.len(), 2);
        let (job, contract) = ledger.task(jobs[0].id()).await.unwrap().unwrap();
        assert_eq!((job, contract.time_ref), (jobs[0].clone(), 300));

        let end = |job: &Job| Event::Chain(ChainEvent::Finalized { task: job.id() });
        scheduler.handle(11, Duration::ZERO, [end(&jobs[0])]);
        ledger
            .save(&scheduler.take_changes(), &RangeChanges::default(), None)
            .await
            .unwrap();
        assert_eq!(ledger.open_deals().await.unwrap().len(), 1);
        scheduler.handle(11, Duration::ZERO, [end(&jobs[1])]);
        ledger
            .save(&scheduler.take_changes(), &RangeChanges::default(), None)
            .await
            .unwrap();
        assert!(ledger.open_deals().await.unwrap().is_empty());
        assert!(
            scheduler.job(jobs[1].id()).is_none(),
            "a finished deal is not kept in memory"
        );
        assert!(
            ledger.task(jobs[1].id()).await.unwrap().is_some(),
            "but it is told of"
        );

        ledger.clear().await.unwrap();
        assert_eq!(ledger.checkpoint().await.unwrap(), None);
    }
}
