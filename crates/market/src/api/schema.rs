//! Shapes for the OpenAPI document of what is serialised elsewhere.

#![expect(dead_code, reason = "they are only described, never made")]

use utoipa::ToSchema;

/// A published order.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct PublishedOrder {
    /// EIP-712 digest of the order: what its owner signed.
    order_hash: String,
    chain_id: u64,
    /// Runs left.
    remaining: u64,
    status: StatusName,
    /// Who signed it.
    signer: String,
    /// ISO 8601, with milliseconds.
    publication_timestamp: String,
    order: SignedOrder,
    /// Of dataset orders: whether it can be used in bulk requests.
    bulk: Option<bool>,
}

/// Where an order stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum StatusName {
    Open,
    Filled,
    Canceled,
    Dead,
}

/// An order of PoCo: EIP-712 type, `salt` and `sign`. Addresses and words are hex, prices nRLC per run; the zero address
/// restricts nothing.
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum SignedOrder {
    App(AppOrder),
    Dataset(DatasetOrder),
    Workerpool(WorkerpoolOrder),
    Request(RequestOrder),
}

/// One schema per kind: `text` fields and `number` fields.
macro_rules! orders {
    ($($(#[$doc:meta])* $name:ident, text: [$($text:ident),*], number: [$($number:ident),*];)*) => {
        $(
            $(#[$doc])*
            #[derive(ToSchema)]
            pub(super) struct $name {
                $($text: String,)*
                $($number: u64,)*
                tag: String,
                salt: String,
                sign: String,
            }
        )*
    };
}

orders! {
    /// A developer sells runs of an app.
    AppOrder, text: [app, datasetrestrict, workerpoolrestrict, requesterrestrict], number: [appprice, volume];
    /// An owner sells uses of a dataset.
    DatasetOrder, text: [dataset, apprestrict, workerpoolrestrict, requesterrestrict], number: [datasetprice, volume];
    /// A pool sells computing.
    WorkerpoolOrder, text: [workerpool, apprestrict, datasetrestrict, requesterrestrict],
        number: [workerpoolprice, volume, category, trust];
    /// A requester buys runs.
    RequestOrder, text: [app, dataset, workerpool, requester, beneficiary, callback, params],
        number: [appmaxprice, datasetmaxprice, workerpoolmaxprice, volume, category, trust];
}

/// A page of orders.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct OrderPage {
    ok: bool,
    /// Orders on all pages.
    count: u64,
    /// There when another page may follow.
    next_page: Option<u64>,
    orders: Vec<PublishedOrder>,
}

/// An order was published.
#[derive(ToSchema)]
pub(super) struct Published {
    ok: bool,
    published: PublishedOrder,
}

/// Orders were taken back.
#[derive(ToSchema)]
pub(super) struct Unpublished {
    ok: bool,
    /// Their hashes.
    unpublished: Vec<String>,
}

/// A deal: its terms as in the hub, and where it was made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DealDocument {
    dealid: String,
    chain_id: u64,
    app: Traded,
    dataset: Traded,
    workerpool: Traded,
    app_hash: String,
    dataset_hash: String,
    workerpool_hash: String,
    request_hash: String,
    requester: String,
    beneficiary: String,
    callback: String,
    params: String,
    volume: u64,
    category: u64,
    tag: String,
    trust: u64,
    start_time: u64,
    bot_first: u64,
    bot_size: u64,
    worker_stake: u64,
    scheduler_reward_ratio: u8,
    sponsor: String,
    block_number: u64,
    block_timestamp: String,
    transaction_hash: String,
}

/// An asset in a deal.
#[derive(ToSchema)]
pub(super) struct Traded {
    pointer: String,
    owner: String,
    /// Per run, in nRLC.
    price: u64,
}

/// A page of deals.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DealPage {
    ok: bool,
    count: u64,
    next_page: Option<u64>,
    deals: Vec<DealDocument>,
}
