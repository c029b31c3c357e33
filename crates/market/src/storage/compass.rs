//! Where workerpools answer.

use alloy_primitives::Address;
use sqlx::Row;

use super::{StorageError, Store, write::text};

impl Store {
    /// Notes where `owner` says that its workerpool answers, in place of what was said before.
    pub(crate) async fn put_place(
        &self,
        workerpool: Address,
        owner: Address,
        url: &str,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO workerpools (address, owner, url) VALUES ($1, $2, $3) \
             ON CONFLICT (address) DO UPDATE SET owner = excluded.owner, url = excluded.url",
        )
        .bind(text(workerpool))
        .bind(text(owner))
        .bind(url.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Who last said where a workerpool answers, and what.
    pub(crate) async fn place(
        &self,
        workerpool: Address,
    ) -> Result<Option<(Address, String)>, StorageError> {
        let found = sqlx::query("SELECT owner, url FROM workerpools WHERE address = $1")
            .bind(text(workerpool))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let (owner, url): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let owner = owner.parse();
        let owner = owner.map_err(|_| StorageError::Damaged(format!("workerpool {workerpool}")))?;
        Ok(Some((owner, url)))
    }
}
