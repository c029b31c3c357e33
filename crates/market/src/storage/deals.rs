//! Deals: written once, listed by anything in them.

use alloy_primitives::{Address, B256};
use canut_protocol::{Deal, DealId, OrderHash};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

use super::{
    StorageError, Store,
    write::{self, Open, ROWS, hash_text, small, text},
};
use crate::chain::{DealRecord, Event, Happening};

/// The deal of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownDeal<'a> {
    dealid: DealId,
    chain_id: u64,
    #[serde(flatten)]
    deal: &'a Deal,
    app_hash: OrderHash,
    dataset_hash: OrderHash,
    workerpool_hash: OrderHash,
    request_hash: OrderHash,
    volume: u64,
    block_number: u64,
    block_timestamp: String,
    transaction_hash: B256,
}

impl<'a> ShownDeal<'a> {
    pub(crate) fn new(chain_id: u64, happening: &Happening, made: &'a DealRecord) -> Self {
        Self {
            dealid: made.id,
            chain_id,
            deal: &made.deal,
            app_hash: made.app,
            dataset_hash: made.dataset,
            workerpool_hash: made.workerpool,
            request_hash: made.request,
            volume: made.deal.bot_size,
            block_number: happening.block,
            block_timestamp: happening.iso(),
            transaction_hash: made.transaction,
        }
    }
}

/// Which deals to list. `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct DealFilter {
    pub(crate) category: Option<u64>,
    pub(crate) addresses: Vec<(AddressColumn, Address)>,
    pub(crate) orders: Vec<(OrderColumn, OrderHash)>,
}

/// A column that holds an address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AddressColumn {
    Requester,
    Beneficiary,
    App,
    Dataset,
    Workerpool,
    AppOwner,
    DatasetOwner,
    WorkerpoolOwner,
}

/// A column that holds the hash of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OrderColumn {
    App,
    Dataset,
    Workerpool,
    Request,
}

impl AddressColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Beneficiary => "beneficiary",
            Self::App => "app",
            Self::Dataset => "dataset",
            Self::Workerpool => "workerpool",
            Self::AppOwner => "app_owner",
            Self::DatasetOwner => "dataset_owner",
            Self::WorkerpoolOwner => "workerpool_owner",
        }
    }
}

impl OrderColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::App => "app_hash",
            Self::Dataset => "dataset_hash",
            Self::Workerpool => "workerpool_hash",
            Self::Request => "request_hash",
        }
    }
}

impl DealFilter {
    /// The conditions, numbered from $1, and the values as text. Categories are compared as text too: `$n` has one type.
    fn conditions(&self) -> (String, Vec<String>) {
        let mut names = Vec::new();
        let mut values = Vec::new();
        for (column, address) in &self.addresses {
            names.push(column.name());
            values.push(text(*address));
        }
        for (column, hash) in &self.orders {
            names.push(column.name());
            values.push(hash_text(*hash));
        }
        let mut conditions: Vec<_> = names
            .iter()
            .zip(1..)
            .map(|(name, place)| format!("{name} = ${place}"))
            .collect();
        // A number cannot carry SQL.
        conditions.extend(
            self.category
                .map(|category| format!("category = {}", small(category))),
        );
        let clause = if conditions.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", conditions.join(" AND "))
        };
        (clause, values)
    }
}

const COLUMNS: &str = "deals (dealid, block, category, requester, beneficiary, app, dataset, workerpool, app_owner, \
     dataset_owner, workerpool_owner, app_hash, dataset_hash, workerpool_hash, request_hash, body)";

/// Stores the deals among these events.
pub(super) async fn insert(
    open: &mut Open<'_>,
    chain_id: u64,
    events: &[Happening],
) -> Result<(), StorageError> {
    let made = |happening: &'_ Happening| matches!(happening.event, Event::Matched(_));
    let made: Vec<_> = events.iter().filter(|happening| made(happening)).collect();
    for happenings in made.chunks(ROWS) {
        let mut query = write::insert(COLUMNS, happenings.len(), 16);
        for happening in happenings {
            if let Event::Matched(made) = &happening.event {
                query = bind(query, chain_id, happening, made)?;
            }
        }
        query.execute(&mut **open).await?;
    }
    Ok(())
}

type Row<'q> = Query<'q, Any, AnyArguments>;

fn bind<'q>(
    mut query: Row<'q>,
    chain_id: u64,
    happening: &Happening,
    made: &DealRecord,
) -> Result<Row<'q>, StorageError> {
    let deal = &made.deal;
    let shown = ShownDeal::new(chain_id, happening, made);
    let body =
        serde_json::to_string(&shown).map_err(|error| StorageError::Damaged(error.to_string()))?;
    query = query
        .bind(hash_text(made.id))
        .bind(small(happening.block))
        .bind(small(deal.category));
    let parties = [
        deal.requester,
        deal.beneficiary,
        deal.app.pointer,
        deal.dataset.pointer,
        deal.workerpool.pointer,
        deal.app.owner,
        deal.dataset.owner,
        deal.workerpool.owner,
    ];
    for party in parties {
        query = query.bind(text(party));
    }
    for order in [made.app, made.dataset, made.workerpool, made.request] {
        query = query.bind(hash_text(order));
    }
    Ok(query.bind(body))
}

impl Store {
    /// The deal of that id, as the API shows it.
    pub(crate) async fn deal(&self, id: DealId) -> Result<Option<Box<RawValue>>, StorageError> {
        let body: Option<String> = sqlx::query_scalar("SELECT body FROM deals WHERE dealid = $1")
            .bind(hash_text(id))
            .fetch_optional(&self.pool)
            .await?;
        body.map(raw).transpose()
    }

    /// The deals that the filter admits, newest block first, then by id, and how many there are in all.
    pub(crate) async fn deals(
        &self,
        filter: &DealFilter,
        skip: u64,
        limit: u64,
    ) -> Result<(Vec<Box<RawValue>>, u64), StorageError> {
        let (clause, values) = filter.conditions();
        let mut count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM deals {clause}"
        )));
        let mut page = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!(
            "SELECT body FROM deals {clause} ORDER BY block DESC, dealid LIMIT {} OFFSET {}",
            small(limit),
            small(skip)
        )));
        for value in values {
            count = count.bind(value.clone());
            page = page.bind(value);
        }
        let count = count.fetch_one(&self.pool).await?;
        let bodies = page.fetch_all(&self.pool).await?;
        let deals = bodies.into_iter().map(raw).collect::<Result<_, _>>()?;
        Ok((deals, u64::try_from(count).unwrap_or_default()))
    }
}

fn raw(body: String) -> Result<Box<RawValue>, StorageError> {
    RawValue::from_string(body).map_err(|error| StorageError::Damaged(error.to_string()))
}
