//! The tables. Hashes and addresses are text as the API writes them, so that a person can read a row; integers are signed
//! 64-bit ones, which both databases have.

use sqlx::{
    AnyPool, SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE orders (
    hash TEXT PRIMARY KEY,
    kind BIGINT NOT NULL,
    signer TEXT NOT NULL,
    published BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE blocks (number BIGINT PRIMARY KEY, hash TEXT NOT NULL);

CREATE TABLE facts (
    block BIGINT NOT NULL,
    position BIGINT NOT NULL,
    time BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (block, position)
);

CREATE TABLE deals (
    dealid TEXT PRIMARY KEY,
    block BIGINT NOT NULL,
    category BIGINT NOT NULL,
    requester TEXT NOT NULL,
    beneficiary TEXT NOT NULL,
    app TEXT NOT NULL,
    dataset TEXT NOT NULL,
    workerpool TEXT NOT NULL,
    app_owner TEXT NOT NULL,
    dataset_owner TEXT NOT NULL,
    workerpool_owner TEXT NOT NULL,
    app_hash TEXT NOT NULL,
    dataset_hash TEXT NOT NULL,
    workerpool_hash TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX deals_by_block ON deals (block);
CREATE INDEX deals_by_requester ON deals (requester, block);
CREATE INDEX deals_by_app ON deals (app, block);
CREATE INDEX deals_by_dataset ON deals (dataset, block);
CREATE INDEX deals_by_workerpool ON deals (workerpool, block);
CREATE INDEX deals_by_app_order ON deals (app_hash);
CREATE INDEX deals_by_dataset_order ON deals (dataset_hash);
CREATE INDEX deals_by_workerpool_order ON deals (workerpool_hash);
CREATE INDEX deals_by_request_order ON deals (request_hash);
";

const COMPASS: &str = "
CREATE TABLE workerpools (address TEXT PRIMARY KEY, owner TEXT NOT NULL, url TEXT NOT NULL);
";

/// Brings the tables up to date.
pub(super) async fn migrate(pool: &AnyPool) -> Result<(), MigrateError> {
    let all = [
        ("the first tables", FIRST),
        ("where workerpools answer", COMPASS),
    ];
    let migrations = (1..).zip(all).map(|(version, (what, sql))| {
        let sql = sql.into_sql_str();
        Migration::new(version, what.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
        .run(pool)
        .await
}
