//! The order book's routes.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use canut_protocol::{OrderHash, order::OrderKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::to_raw_value};
use utoipa::{IntoParams, ToSchema};

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::{Asked, Body, Book, Caller, Named},
    page::Range,
    params::{Account, Flag, OrAny, TagValue, Uint, Word},
    reply::Reply,
    schema,
};
use crate::{
    book::{Filter, Restrict},
    engine::Target,
    order::{Entry, Listed, kind_name, read},
};

/// Kind of an order, as in paths.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes what `Book` reads")]
pub(super) enum Kind {
    Apporders,
    Datasetorders,
    Workerpoolorders,
    Requestorders,
}

/// Which chain; all that most queries say.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChainQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    pub(super) chain_id: String,
}

/// Which open orders to list. A parameter that means nothing for the kind is ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OrdersQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// App orders: the app (an address or `any`), required unless `appOwner` is given. Requests: the app asked for. Other
    /// kinds: orders that this app may use.
    #[param(value_type = Option<String>)]
    app: Option<OrAny>,
    /// Likewise for datasets.
    #[param(value_type = Option<String>)]
    dataset: Option<OrAny>,
    /// Workerpool orders: the workerpool. Other kinds: orders that this workerpool may use.
    #[param(value_type = Option<String>)]
    workerpool: Option<OrAny>,
    /// Requests: the requester. Other kinds: orders that this requester may use.
    #[param(value_type = Option<String>)]
    requester: Option<OrAny>,
    /// Requests: the beneficiary.
    #[param(value_type = Option<String>)]
    beneficiary: Option<OrAny>,
    /// App orders signed by this account.
    #[param(value_type = Option<String>)]
    app_owner: Option<Account>,
    /// Dataset orders signed by this account.
    #[param(value_type = Option<String>)]
    dataset_owner: Option<Account>,
    /// Workerpool orders signed by this account.
    #[param(value_type = Option<String>)]
    workerpool_owner: Option<Account>,
    /// Only orders restricted to `app`.
    #[param(value_type = Option<bool>)]
    is_app_strict: Option<Flag>,
    /// Only orders restricted to `dataset`.
    #[param(value_type = Option<bool>)]
    is_dataset_strict: Option<Flag>,
    /// Only orders restricted to `workerpool`.
    #[param(value_type = Option<bool>)]
    is_workerpool_strict: Option<Flag>,
    /// Only orders restricted to `requester`.
    #[param(value_type = Option<bool>)]
    is_requester_strict: Option<Flag>,
    /// Workerpool orders and requests of this category.
    #[param(value_type = Option<u64>)]
    category: Option<Uint>,
    /// Workerpool orders of at least this trust.
    #[param(value_type = Option<u64>)]
    min_trust: Option<Uint>,
    /// Requests of at most this trust.
    #[param(value_type = Option<u64>)]
    max_trust: Option<Uint>,
    /// All these bits must be in the tag.
    #[param(value_type = Option<String>)]
    min_tag: Option<TagValue>,
    /// No other bits may be in the tag.
    #[param(value_type = Option<String>)]
    max_tag: Option<TagValue>,
    /// At least this many runs left.
    #[param(value_type = Option<u64>)]
    min_volume: Option<Uint>,
    /// Dataset orders that can be used in bulk requests.
    #[param(value_type = Option<bool>)]
    bulk_only: Option<Flag>,
    /// Orders per page: 10 to 1000, 20 if absent.
    #[param(value_type = Option<u64>)]
    page_size: Option<Uint>,
    /// Which page, from 0.
    #[param(value_type = Option<u64>)]
    page_index: Option<Uint>,
    /// Orders to skip; an older form of `pageIndex`.
    #[param(value_type = Option<u64>)]
    page: Option<Uint>,
}

fn restrict(value: Option<OrAny>, strict: Option<Flag>) -> Restrict {
    match (value, strict.unwrap_or_default()) {
        (None, _) => Restrict::Unrestricted,
        (Some(OrAny::Any), _) => Restrict::Any,
        (Some(OrAny::Address(address)), Flag(true)) => Restrict::Only(address),
        (Some(OrAny::Address(address)), Flag(false)) => Restrict::Allows(address),
    }
}

impl OrdersQuery {
    fn filter(&self, kind: OrderKind) -> Result<Filter, ApiError> {
        let exact = |value: Option<OrAny>| value.and_then(OrAny::address);
        let mut filter = Filter {
            app: restrict(self.app, self.is_app_strict),
            dataset: restrict(self.dataset, self.is_dataset_strict),
            workerpool: restrict(self.workerpool, self.is_workerpool_strict),
            requester: restrict(self.requester, self.is_requester_strict),
            category: self.category.map(|category| category.0),
            // Trust 0 and 1 mean the same.
            min_trust: self
                .min_trust
                .map(|trust| trust.0)
                .filter(|trust| *trust > 1),
            max_trust: self.max_trust.map(|trust| trust.0),
            min_tag: self.min_tag.map(|tag| tag.0),
            max_tag: self.max_tag.map(|tag| tag.0),
            min_volume: self.min_volume.map(|volume| volume.0),
            bulk_only: self.bulk_only.unwrap_or_default().0,
            ..Filter::default()
        };
        let (own, owner, name) = match kind {
            OrderKind::App => (self.app, self.app_owner, Some("app")),
            OrderKind::Dataset => (self.dataset, self.dataset_owner, Some("dataset")),
            OrderKind::Workerpool => (self.workerpool, self.workerpool_owner, None),
            OrderKind::Request => (self.requester, None, None),
        };
        if let (None, None, Some(name)) = (own, owner, name) {
            let sentence = format!(
                "`{name}` is missing: give its address, or `any`, or the account of its owner as `{name}Owner`"
            );
            return Err(ApiError::bad(sentence));
        }
        (filter.resource, filter.signer) = (exact(own), owner.map(|owner| owner.0));
        if !matches!(kind, OrderKind::Workerpool | OrderKind::Request) {
            filter.category = None;
        }
        if kind == OrderKind::Request {
            (filter.requested_app, filter.requested_dataset) =
                (exact(self.app), exact(self.dataset));
            filter.beneficiary = exact(self.beneficiary);
        }
        Ok(filter)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<u64>,
    orders: Vec<Arc<Listed>>,
}

/// Open orders, best price first, then first come.
#[utoipa::path(get, path = "/{kind}", tag = "orders", params(("kind" = Kind, Path), OrdersQuery),
    responses((status = 200, body = schema::OrderPage), (status = 400, body = ErrorDocument)))]
pub(super) async fn list(
    State(app): State<App>,
    Book(kind): Book,
    Asked(query): Asked<OrdersQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let range = Range::read(query.page_size, query.page_index, query.page)?;
    let filter = query.filter(kind)?;
    let (skip, limit) = (clamp(range.skip), clamp(range.limit));
    let page = app.market.read().book.list(kind, &filter, skip, limit);
    let next_page = range.next(page.orders.len() as u64);
    Ok(Reply(Page {
        count: page.count,
        next_page,
        orders: page.orders,
    }))
}

fn clamp(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// One order, whatever its status.
#[utoipa::path(get, path = "/{kind}/{orderHash}", tag = "orders",
    params(("kind" = Kind, Path), ("orderHash" = String, Path, description = "Hash of the order"), ChainQuery),
    responses((status = 200, body = schema::PublishedOrder), (status = 404, body = ErrorDocument)))]
pub(super) async fn show(
    State(app): State<App>,
    Book(kind): Book,
    Asked(_): Asked<ChainQuery>,
    Named(hash): Named,
) -> Result<impl IntoResponse, ApiError> {
    let Word(hash) = hash.parse().map_err(ApiError::bad)?;
    let found = app.market.read().book.get(OrderHash(hash)).cloned();
    let listed = found.filter(|listed| listed.entry.kind() == kind);
    listed
        .map(Reply)
        .ok_or_else(|| ApiError::unknown(kind_name(kind)))
}

/// An order to publish.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    /// The order, with its signature.
    #[schema(value_type = schema::SignedOrder)]
    order: Value,
}

#[derive(Serialize)]
struct Published {
    published: Arc<Listed>,
}

/// Publishes an order in the name of the account that signed the challenge.
#[utoipa::path(post, path = "/{kind}", tag = "orders", params(("kind" = Kind, Path), ChainQuery), request_body = Publish,
    security(("challenge" = [])),
    responses((status = 200, body = schema::Published), (status = 400, body = ErrorDocument),
        (status = 403, body = ErrorDocument, description = "Not authorised, or against a rule of the market")))]
pub(super) async fn publish(
    State(app): State<App>,
    Book(kind): Book,
    Asked(_): Asked<ChainQuery>,
    Caller(signer): Caller,
    Body(Publish { order }): Body<Publish>,
) -> Result<impl IntoResponse, ApiError> {
    let order = read(kind, &order).map_err(ApiError::bad)?;
    let json = to_raw_value(&order).map_err(|cause| ApiError::trouble(&cause))?;
    let published = Timestamp::now().as_millisecond();
    let entry = Entry {
        hash: order.hash(&app.market.domain),
        signer,
        published,
        order,
        json,
    };
    let published = app.market.publish(entry).await?;
    Ok(Reply(Published { published }))
}

/// What to take back: `unpublish_orderHash` with `orderHash`, or `unpublish_last` or `unpublish_all` with the asset (or the
/// requester) under the name of its kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Unpublish {
    target: String,
    #[schema(value_type = Option<String>)]
    order_hash: Option<Word>,
    #[schema(value_type = Option<String>)]
    app: Option<Account>,
    #[schema(value_type = Option<String>)]
    dataset: Option<Account>,
    #[schema(value_type = Option<String>)]
    workerpool: Option<Account>,
    #[schema(value_type = Option<String>)]
    requester: Option<Account>,
}

impl Unpublish {
    fn target(&self, kind: OrderKind) -> Result<Target, ApiError> {
        let (asset, name) = match kind {
            OrderKind::App => (self.app, "app"),
            OrderKind::Dataset => (self.dataset, "dataset"),
            OrderKind::Workerpool => (self.workerpool, "workerpool"),
            OrderKind::Request => (self.requester, "requester"),
        };
        let missing =
            |name: &str| ApiError::bad(format!("`{name}` is missing for target {}", self.target));
        let asset = || asset.map(|asset| asset.0).ok_or_else(|| missing(name));
        match self.target.as_str() {
            "unpublish_orderHash" => {
                let hash = self.order_hash.ok_or_else(|| missing("orderHash"))?;
                Ok(Target::Order(OrderHash(hash.0)))
            }
            "unpublish_last" => asset().map(Target::Last),
            "unpublish_all" => asset().map(Target::All),
            _ => Err(ApiError::bad(
                "`target` is none of unpublish_orderHash, unpublish_last and unpublish_all",
            )),
        }
    }
}

#[derive(Serialize)]
struct Unpublished {
    unpublished: Vec<OrderHash>,
}

/// Takes open orders of the account that signed the challenge back.
#[utoipa::path(put, path = "/{kind}", tag = "orders", params(("kind" = Kind, Path), ChainQuery), request_body = Unpublish,
    security(("challenge" = [])),
    responses((status = 200, body = schema::Unpublished), (status = 400, body = ErrorDocument), (status = 403, body = ErrorDocument)))]
pub(super) async fn unpublish(
    State(app): State<App>,
    Book(kind): Book,
    Asked(_): Asked<ChainQuery>,
    Caller(signer): Caller,
    Body(request): Body<Unpublish>,
) -> Result<impl IntoResponse, ApiError> {
    let unpublished = app
        .market
        .unpublish(kind, signer, request.target(kind)?)
        .await?;
    Ok(Reply(Unpublished { unpublished }))
}
