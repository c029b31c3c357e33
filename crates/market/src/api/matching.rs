//! Finding what fills a request.

use std::{
    collections::{BTreeMap, btree_map},
    sync::Arc,
};

use alloy_primitives::{Address, U256};
use axum::{extract::State, response::IntoResponse};
use canut_protocol::{
    AppOrder, DatasetOrder, Nrlc, OrderHash, RequestOrder, Tag, Trust, WorkerpoolOrder,
    order::OrderKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::{Asked, Body},
    orders::ChainQuery,
    params::{Account, TagValue, Uint},
    reply::Reply,
    schema,
};
use crate::{
    book::{Facet, Place, Rank, Row},
    engine::State as Market,
    matching::{Offer, Plan, Snapshot, Wanted, Workerpools, plan},
    order::{AnyOrder, Listed, MAX_INTEGER},
};

/// Refusals explained if not said otherwise, and at most.
const EXPLAIN: u64 = 20;
const MOST: u64 = 200;

/// What is wanted. Prices are ceilings per run, in nRLC; without one any price will do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchRequest {
    /// The app to run.
    #[schema(value_type = String)]
    app: Account,
    /// The dataset to use.
    #[schema(value_type = Option<String>)]
    dataset: Option<Account>,
    /// Only this workerpool.
    #[schema(value_type = Option<String>)]
    workerpool: Option<Account>,
    /// Who asks. Orders restricted to a requester are considered only for him.
    #[schema(value_type = Option<String>)]
    requester: Option<Account>,
    /// Category of the runs.
    #[schema(value_type = u64)]
    category: Uint,
    /// Trust at which results are to be certified.
    #[schema(value_type = Option<u64>)]
    trust: Option<Uint>,
    /// What the machines must offer, by names (`tee,gpu`) or as 32 bytes of hex.
    #[schema(value_type = Option<String>)]
    tag: Option<TagValue>,
    /// Runs; 1 if absent.
    #[schema(value_type = Option<u64>)]
    volume: Option<Uint>,
    #[schema(value_type = Option<u64>)]
    appmaxprice: Option<Uint>,
    #[schema(value_type = Option<u64>)]
    datasetmaxprice: Option<Uint>,
    #[schema(value_type = Option<u64>)]
    workerpoolmaxprice: Option<Uint>,
    /// How many refused orders to explain at most: 0 to 200; 20 if absent.
    #[schema(value_type = Option<u64>)]
    explain: Option<Uint>,
}

impl MatchRequest {
    fn order(&self) -> Result<RequestOrder, ApiError> {
        let address = |account: Option<Account>| account.map_or(Address::ZERO, |account| account.0);
        let ceiling = |price: Option<Uint>| Nrlc::new(price.map_or(MAX_INTEGER, |price| price.0));
        let volume = self.volume.map_or(1, |volume| volume.0);
        if volume == 0 {
            return Err(ApiError::bad("`volume` is 0: ask for 1 run or more"));
        }
        Ok(RequestOrder {
            app: self.app.0,
            dataset: address(self.dataset),
            workerpool: address(self.workerpool),
            requester: address(self.requester),
            category: U256::from(self.category.0),
            trust: Trust::new(self.trust.map_or(0, |trust| trust.0)),
            tag: self.tag.map_or(Tag::NONE, |tag| tag.0),
            volume: U256::from(volume),
            appmaxprice: ceiling(self.appmaxprice),
            datasetmaxprice: ceiling(self.datasetmaxprice),
            workerpoolmaxprice: ceiling(self.workerpoolmaxprice),
            ..RequestOrder::default()
        })
    }
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    plan: Plan,
    /// The orders of the plan, by hash: ready to be matched.
    orders: BTreeMap<OrderHash, Arc<Listed>>,
}

/// The plan, and its orders.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes `Answer`")]
pub(super) struct MatchAnswer {
    ok: bool,
    /// The deals to make, in order; each is made by a request order of exactly that volume.
    fills: Vec<FillDocument>,
    /// Runs filled.
    filled: u64,
    /// Runs not filled: nothing does, or the plan has as many deals as it may.
    missing: u64,
    /// What it costs, in nRLC.
    cost: u64,
    /// Why other orders are not in the plan.
    refused: Vec<RefusalDocument>,
    /// The orders of the plan by hash.
    orders: BTreeMap<String, schema::PublishedOrder>,
}

/// One deal of a plan.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes `Fill`")]
pub(super) struct FillDocument {
    app: String,
    dataset: Option<String>,
    workerpool: String,
    volume: u64,
    /// Per run, in nRLC.
    price: u64,
}

/// An order that is not in the plan.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes `Refusal`")]
pub(super) struct RefusalDocument {
    kind: String,
    order_hash: String,
    /// One of price, trust, tag, category, volume, restriction, stake and unneeded.
    reason: String,
    why: String,
    remedy: String,
}

/// The cheapest orders that fill a request, and why others do not.
#[utoipa::path(post, path = "/match", tag = "prices", params(ChainQuery), request_body = MatchRequest,
    responses((status = 200, body = MatchAnswer), (status = 400, body = ErrorDocument)))]
pub(super) async fn find(
    State(app): State<App>,
    Asked(_): Asked<ChainQuery>,
    Body(request): Body<MatchRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let explain = request.explain.map_or(EXPLAIN, |explain| explain.0);
    if explain > MOST {
        return Err(ApiError::bad(format!(
            "`explain` is {explain}: ask for at most {MOST}"
        )));
    }
    let explain = usize::try_from(explain).unwrap_or(usize::MAX);
    let order = request.order()?;
    let state = app.market.read();
    let plan = solve(
        &state,
        &Wanted {
            request: &order,
            explain,
        },
    );
    let used = plan
        .fills
        .iter()
        .flat_map(|fill| [Some(fill.app), fill.dataset, Some(fill.workerpool)]);
    let orders = used
        .flatten()
        .filter_map(|hash| Some((hash, Arc::clone(state.book.get(hash)?))))
        .collect();
    drop(state);
    Ok(Reply(Answer { plan, orders }))
}

fn solve(state: &Market, wanted: &Wanted<'_>) -> Plan {
    let request = wanted.request;
    let open = state.book.open();
    // A named workerpool may sell other categories too: then the plan says so.
    let place = if request.workerpool == Address::ZERO {
        Facet::Category(request.category.saturating_to())
    } else {
        Facet::Resource(request.workerpool)
    };
    let apps = open.orders(OrderKind::App, Facet::Resource(request.app));
    let datasets = open.orders(OrderKind::Dataset, Facet::Resource(request.dataset));
    let terms = open.terms(OrderKind::Workerpool);
    let snapshot = Snapshot {
        apps: apps.filter_map(|listed| offer(listed, as_app)),
        datasets: datasets.filter_map(|listed| offer(listed, as_dataset)),
        workerpools: Shelf {
            places: open.queue(OrderKind::Workerpool, place).iter(),
            terms,
            serve: vec![None; terms.len()],
        },
        stake: |account| state.mirror.stake(account),
        categories: state.mirror.category_count(),
    };
    plan(wanted, snapshot)
}

/// Workerpool orders of the book.
struct Shelf<'a> {
    places: btree_map::Iter<'a, Rank, Place>,
    terms: &'a [Row],
    /// What is known of the terms of each number.
    serve: Vec<Option<bool>>,
}

impl<'a> Workerpools<'a> for Shelf<'a> {
    fn next(&mut self) -> Option<Offer<'a, WorkerpoolOrder>> {
        let (_, place) = self.places.next()?;
        offer(&place.listed, as_workerpool)
    }

    fn next_of(
        &mut self,
        ceiling: Nrlc,
        serves: &mut dyn FnMut(&WorkerpoolOrder) -> bool,
    ) -> Option<Offer<'a, WorkerpoolOrder>> {
        let ceiling: u64 = ceiling.0.saturating_to();
        loop {
            let (rank, place) = self.places.next()?;
            if rank.price > ceiling {
                return None;
            }
            let serve = self.serve.get_mut(place.terms)?;
            let terms = self.terms.get(place.terms)?.terms;
            if *serve.get_or_insert_with(|| serves(&terms.workerpool_order())) {
                return offer(&place.listed, as_workerpool);
            }
        }
    }
}

fn offer<'a, O>(
    listed: &'a Arc<Listed>,
    of: impl Fn(&'a AnyOrder) -> Option<&'a O>,
) -> Option<Offer<'a, O>> {
    let entry = &listed.entry;
    let order = of(&entry.order)?;
    Some(Offer {
        hash: entry.hash,
        order,
        remaining: listed.remaining,
        signer: entry.signer,
    })
}

const fn as_app(order: &AnyOrder) -> Option<&AppOrder> {
    if let AnyOrder::App(order) = order {
        Some(order)
    } else {
        None
    }
}

const fn as_dataset(order: &AnyOrder) -> Option<&DatasetOrder> {
    if let AnyOrder::Dataset(order) = order {
        Some(order)
    } else {
        None
    }
}

const fn as_workerpool(order: &AnyOrder) -> Option<&WorkerpoolOrder> {
    if let AnyOrder::Workerpool(order) = order {
        Some(order)
    } else {
        None
    }
}
