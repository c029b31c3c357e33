//! What survives a crash: the signed orders, the market's copy of the chain's facts, and the deals.
//!
//! SQLite or PostgreSQL, by the URL, through the same statements. Everything that changes together is committed together;
//! when [`Store::commit`] returns, it is on disk.

mod compass;
mod deals;
mod load;
mod schema;
mod write;

use std::{path::Path, sync::Arc};

use canut_protocol::{Domain, OrderHash};
use sqlx::{AnyPool, any::AnyPoolOptions};

pub(crate) use deals::{AddressColumn, DealFilter, OrderColumn, ShownDeal};
pub(crate) use load::Loaded;

use crate::{chain::Batch, order::Entry};

/// Connections to the database. One writes the book; the others read, and note where workerpools answer.
const CONNECTIONS: u32 = 4;

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: AnyPool,
    chain_id: u64,
}

/// A change to commit.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Publish(Arc<Entry>),
    Unpublish(OrderHash),
    Grow(Batch),
    /// Everything above this height goes.
    Rollback(u64),
}

/// Why the database did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It cannot be opened or refuses a statement.
    #[error(
        "the database does not work ({0}): check its URL, that it runs, and that its disk has room"
    )]
    Database(#[from] sqlx::Error),
    /// Its tables cannot be brought up to date.
    #[error("the tables of the database cannot be updated ({0}): was it used by a newer version?")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// It belongs to another market.
    #[error(
        "the database holds the market of {found}, not of {wanted}: use another one, or delete it"
    )]
    OtherMarket {
        /// What it says.
        found: String,
        /// What it should say.
        wanted: String,
    },
    /// A row is not what this program wrote.
    #[error(
        "the database is damaged at {0}: restore it, or delete it and have the orders published again"
    )]
    Damaged(String),
    /// The URL is of no known database.
    #[error("`{0}` is no database: write `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`")]
    Url(String),
}

/// The URL of the SQLite database in that file. `None` when the file has no absolute path.
pub fn sqlite_url(file: &Path) -> Option<String> {
    let file = std::path::absolute(file).ok()?;
    let url = url::Url::from_file_path(file).ok()?;
    Some(format!("sqlite://{}", url.path()))
}

impl Store {
    /// Opens the database at `url` for the market of `domain`, and creates its tables if need be.
    pub(crate) async fn open(url: &str, domain: Domain) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        let is_sqlite = url.starts_with("sqlite:");
        if !is_sqlite && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(StorageError::Url(url.to_owned()));
        }
        let url = if is_sqlite && !url.contains('?') {
            format!("{url}?mode=rwc")
        } else {
            url.to_owned()
        };
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS);
        let pool = options
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if is_sqlite {
                        // A commit is on disk when it returns, and readers do not wait for it.
                        for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        schema::migrate(&pool).await?;
        let store = Self {
            pool,
            chain_id: domain.chain_id,
        };
        store.claim(domain).await?;
        Ok(store)
    }

    /// Writes whose market this is, or checks it.
    async fn claim(&self, domain: Domain) -> Result<(), StorageError> {
        let wanted = format!("hub {} on chain {}", domain.hub, domain.chain_id);
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('market', $1) ON CONFLICT (name) DO NOTHING",
        )
        .bind(wanted.clone())
        .execute(&self.pool)
        .await?;
        let found: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'market'")
            .fetch_one(&self.pool)
            .await?;
        if found == wanted {
            Ok(())
        } else {
            Err(StorageError::OtherMarket { found, wanted })
        }
    }

    /// Closes the connections, when all that is under way is done.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), StorageError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}
