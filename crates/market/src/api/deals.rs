//! Deals and categories.

use axum::{extract::State, response::IntoResponse};
use canut_protocol::{DealId, OrderHash};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::{Asked, Named},
    orders::ChainQuery,
    page::Range,
    params::{Account, Uint, Word},
    reply::Reply,
    schema,
};
use crate::{
    chain::CategoryRecord,
    order::iso,
    storage::{AddressColumn, DealFilter, OrderColumn},
};

/// Which deals to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DealsQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    #[param(value_type = Option<u64>)]
    category: Option<Uint>,
    #[param(value_type = Option<String>)]
    requester: Option<Account>,
    #[param(value_type = Option<String>)]
    beneficiary: Option<Account>,
    #[param(value_type = Option<String>)]
    app: Option<Account>,
    #[param(value_type = Option<String>)]
    dataset: Option<Account>,
    #[param(value_type = Option<String>)]
    workerpool: Option<Account>,
    #[param(value_type = Option<String>)]
    app_owner: Option<Account>,
    #[param(value_type = Option<String>)]
    dataset_owner: Option<Account>,
    #[param(value_type = Option<String>)]
    workerpool_owner: Option<Account>,
    #[param(value_type = Option<String>)]
    apporder_hash: Option<Word>,
    #[param(value_type = Option<String>)]
    datasetorder_hash: Option<Word>,
    #[param(value_type = Option<String>)]
    workerpoolorder_hash: Option<Word>,
    #[param(value_type = Option<String>)]
    requestorder_hash: Option<Word>,
    /// Deals per page: 10 to 1000, 20 if absent.
    #[param(value_type = Option<u64>)]
    page_size: Option<Uint>,
    /// Which page, from 0.
    #[param(value_type = Option<u64>)]
    page_index: Option<Uint>,
    /// Deals to skip; an older form of `pageIndex`.
    #[param(value_type = Option<u64>)]
    page: Option<Uint>,
}

impl DealsQuery {
    fn filter(&self) -> DealFilter {
        use AddressColumn as A;
        let addresses = [
            (A::Requester, self.requester),
            (A::Beneficiary, self.beneficiary),
            (A::App, self.app),
            (A::Dataset, self.dataset),
            (A::Workerpool, self.workerpool),
            (A::AppOwner, self.app_owner),
            (A::DatasetOwner, self.dataset_owner),
            (A::WorkerpoolOwner, self.workerpool_owner),
        ];
        let orders = [
            (OrderColumn::App, self.apporder_hash),
            (OrderColumn::Dataset, self.datasetorder_hash),
            (OrderColumn::Workerpool, self.workerpoolorder_hash),
            (OrderColumn::Request, self.requestorder_hash),
        ];
        DealFilter {
            category: self.category.map(|category| category.0),
            addresses: addresses
                .into_iter()
                .filter_map(|(column, value)| Some((column, value?.0)))
                .collect(),
            orders: orders
                .into_iter()
                .filter_map(|(column, value)| Some((column, OrderHash(value?.0))))
                .collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DealPage {
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u64>,
    deals: Vec<Box<RawValue>>,
}

/// Deals, newest block first.
#[utoipa::path(get, path = "/deals", tag = "deals", params(DealsQuery),
    responses((status = 200, body = schema::DealPage), (status = 400, body = ErrorDocument)))]
pub(super) async fn list(
    State(app): State<App>,
    Asked(query): Asked<DealsQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let range = Range::read(query.page_size, query.page_index, query.page)?;
    let (deals, count) = app
        .market
        .store
        .deals(&query.filter(), range.skip, range.limit)
        .await?;
    Ok(Reply(DealPage {
        count,
        next_page: range.next(deals.len() as u64),
        deals,
    }))
}

/// One deal.
#[utoipa::path(get, path = "/deals/{dealid}", tag = "deals",
    params(("dealid" = String, Path, description = "Id of the deal"), ChainQuery),
    responses((status = 200, body = schema::DealDocument), (status = 404, body = ErrorDocument)))]
pub(super) async fn show(
    State(app): State<App>,
    Asked(_): Asked<ChainQuery>,
    Named(id): Named,
) -> Result<impl IntoResponse, ApiError> {
    let Word(id) = id.parse().map_err(ApiError::bad)?;
    let deal = app
        .market
        .store
        .deal(DealId(id))
        .await?
        .ok_or_else(|| ApiError::unknown("deal"))?;
    // The stored document is an object; read into fields so that `ok` can be added.
    let fields: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(deal.get()).map_err(|cause| ApiError::trouble(&cause))?;
    Ok(Reply(fields))
}

/// A category of tasks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CategoryDocument {
    catid: u64,
    chain_id: u64,
    name: String,
    description: String,
    /// Unit of the deadlines of a task, in seconds.
    work_clock_time_ref: u64,
    transaction_hash: String,
    block_number: u64,
    block_timestamp: String,
}

impl CategoryDocument {
    fn new(chain_id: u64, catid: u64, record: &CategoryRecord) -> Self {
        let milliseconds = i64::try_from(record.timestamp)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        Self {
            catid,
            chain_id,
            name: record.category.name.clone(),
            description: record.category.description.clone(),
            work_clock_time_ref: record.category.work_clock_time_ref,
            transaction_hash: record.transaction.to_string(),
            block_number: record.block,
            block_timestamp: iso(milliseconds),
        }
    }
}

/// Which categories to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CategoriesQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// Shortest unit of deadlines, in seconds.
    #[param(value_type = Option<u64>)]
    min_work_clock_time_ref: Option<Uint>,
    /// Longest unit of deadlines, in seconds.
    #[param(value_type = Option<u64>)]
    max_work_clock_time_ref: Option<Uint>,
    /// Categories per page: 10 to 1000, 20 if absent.
    #[param(value_type = Option<u64>)]
    page_size: Option<Uint>,
    /// Which page, from 0.
    #[param(value_type = Option<u64>)]
    page_index: Option<Uint>,
    /// Categories to skip; an older form of `pageIndex`.
    #[param(value_type = Option<u64>)]
    page: Option<Uint>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CategoryPage {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u64>,
    categories: Vec<CategoryDocument>,
}

/// Categories, the shortest first.
#[utoipa::path(get, path = "/categories", tag = "deals", params(CategoriesQuery),
    responses((status = 200, body = CategoryPage), (status = 400, body = ErrorDocument)))]
pub(super) async fn categories(
    State(app): State<App>,
    Asked(query): Asked<CategoriesQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let range = Range::read(query.page_size, query.page_index, query.page)?;
    let least = query.min_work_clock_time_ref.map_or(0, |least| least.0);
    let most = query
        .max_work_clock_time_ref
        .map_or(u64::MAX, |most| most.0);
    let chain_id = app.market.domain.chain_id;
    let mut found: Vec<_> = {
        let state = app.market.read();
        let all = state.mirror.categories().iter();
        all.filter(|(_, record)| (least..=most).contains(&record.category.work_clock_time_ref))
            .map(|(id, record)| CategoryDocument::new(chain_id, *id, record))
            .collect()
    };
    found.sort_by_key(|category| (category.work_clock_time_ref, category.catid));
    let count = found.len();
    let skip = usize::try_from(range.skip).unwrap_or(usize::MAX);
    let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
    let categories: Vec<_> = found.into_iter().skip(skip).take(limit).collect();
    Ok(Reply(CategoryPage {
        count,
        next_page: range.next(categories.len() as u64),
        categories,
    }))
}

/// One category.
#[utoipa::path(get, path = "/categories/{catid}", tag = "deals",
    params(("catid" = u64, Path, description = "Id of the category"), ChainQuery),
    responses((status = 200, body = CategoryDocument), (status = 404, body = ErrorDocument)))]
pub(super) async fn category(
    State(app): State<App>,
    Asked(_): Asked<ChainQuery>,
    Named(id): Named,
) -> Result<impl IntoResponse, ApiError> {
    let Uint(id) = id.parse().map_err(ApiError::bad)?;
    let state = app.market.read();
    let record = state
        .mirror
        .categories()
        .get(&id)
        .ok_or_else(|| ApiError::unknown("category"))?;
    Ok(Reply(CategoryDocument::new(
        app.market.domain.chain_id,
        id,
        record,
    ))
    .into_response())
}
