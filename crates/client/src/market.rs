//! The order book, over its HTTP API.

use std::collections::BTreeMap;

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, Bytes};
use alloy_sol_types::{SolStruct, eip712_domain, sol};
use canut_hub::{Caller, Receipt};
use canut_protocol::{
    AppOrder, DatasetOrder, DealId, Domain, Nrlc, Order, OrderHash, RequestOrder, Tag, Trust,
    WorkerpoolOrder,
    order::{Operation, OrderKind},
    signature,
};
use hyper::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Error, Result, Service,
    http::{Http, Question},
};

sol! {
    /// What is signed to log in.
    struct Challenge { string challenge; }
}

/// A kind of order that is traded. Implemented for the four kinds.
pub trait Tradable: Order + Serialize + DeserializeOwned + Send + Sync {
    /// The asset it sells; for a request, who asks.
    fn resource(&self) -> Address;

    /// Presigns or closes it on chain, in the owner's name.
    fn manage(
        &self,
        caller: &Caller,
        operation: Operation,
    ) -> impl Future<Output = canut_hub::Result<Receipt>> + Send;
}

macro_rules! tradable {
    ($($order:ident, $resource:ident, $manage:ident;)*) => {
        $(impl Tradable for $order {
            fn resource(&self) -> Address {
                self.$resource
            }

            async fn manage(&self, caller: &Caller, operation: Operation) -> canut_hub::Result<Receipt> {
                caller.$manage(self, operation, Bytes::new()).await
            }
        })*
    };
}

tradable! {
    AppOrder, app, manage_app_order;
    DatasetOrder, dataset, manage_dataset_order;
    WorkerpoolOrder, workerpool, manage_workerpool_order;
    RequestOrder, requester, manage_request_order;
}

/// The name of a kind of orders: of its asset, or `request`.
pub const fn kind_name(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::App => "app",
        OrderKind::Dataset => "dataset",
        OrderKind::Workerpool => "workerpool",
        OrderKind::Request => "request",
    }
}

const fn route(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::App => "apporders",
        OrderKind::Dataset => "datasetorders",
        OrderKind::Workerpool => "workerpoolorders",
        OrderKind::Request => "requestorders",
    }
}

/// An order in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<O> {
    /// Its hash.
    pub order_hash: OrderHash,
    /// Runs left.
    pub remaining: u64,
    /// `open`, `filled`, `canceled` or `dead`.
    pub status: String,
    /// Who signed it.
    pub signer: Address,
    /// When it was published (ISO 8601).
    pub publication_timestamp: String,
    /// The order.
    pub order: O,
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// How many there are in all.
    pub count: u64,
    /// What is on this page.
    #[serde(alias = "orders", alias = "deals")]
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// No more than `size` of it: the market gives ten at least.
    fn first(mut self, size: u64) -> Self {
        self.items
            .truncate(usize::try_from(size).unwrap_or(usize::MAX));
        self
    }
}

/// A deal as the market tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DealDocument {
    /// Its id.
    pub dealid: DealId,
    /// Everything else.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, Value>,
}

/// Which orders to list: filters by the names of the market's API, as `category`, `minTrust` or `appOwner`.
#[derive(Clone, Debug, Default)]
pub struct OrderQuery {
    filters: Vec<(&'static str, String)>,
}

impl OrderQuery {
    /// With another filter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.filters.push((name, value.to_string()));
        self
    }
}

/// Which orders to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Order(OrderHash),
    /// The last one published of that asset (or by that requester).
    Last(Address),
    /// All of that asset (or requester).
    All(Address),
}

/// A request for a plan.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) app: Address,
    pub(crate) dataset: Option<Address>,
    pub(crate) workerpool: Option<Address>,
    pub(crate) requester: Address,
    pub(crate) category: u64,
    pub(crate) trust: Trust,
    pub(crate) tag: Tag,
    pub(crate) volume: u64,
    pub(crate) ceilings: Option<[Nrlc; 3]>,
}

/// One deal that the market proposes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) app: OrderHash,
    pub(crate) dataset: Option<OrderHash>,
    pub(crate) workerpool: OrderHash,
    pub(crate) volume: u64,
}

/// An order that does not serve, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unused {
    /// Its kind, as `apporder`.
    pub kind: String,
    /// Its hash.
    pub order_hash: OrderHash,
    /// Why, in a word: price, trust, tag, category, volume, restriction, stake or unneeded.
    pub reason: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// What the market proposes. Its orders are checked only when [`Plan::order`] hands them out.
#[derive(Clone, Debug, Deserialize)]
pub struct Plan {
    pub(crate) fills: Vec<Proposal>,
    /// Orders that are not in the plan.
    pub refused: Vec<Unused>,
    orders: BTreeMap<OrderHash, Value>,
}

impl Plan {
    /// An order of the plan, if it is the one of that hash and of that kind.
    pub(crate) fn order<O: Tradable>(&self, hash: OrderHash, domain: &Domain) -> Option<O> {
        let listed: Listed<O> = Listed::deserialize(self.orders.get(&hash)?).ok()?;
        (listed.order.hash(domain) == hash).then_some(listed.order)
    }
}

/// Where a workerpool answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    api_url: String,
}

/// The order book of one chain. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Market {
    pub(crate) http: Http,
    domain: Domain,
}

impl Market {
    pub(crate) fn new(url: &str, domain: Domain) -> Result<Self> {
        Ok(Self {
            http: Http::new(Service::Market, url)?,
            domain,
        })
    }

    pub(crate) fn chain(&self) -> Vec<(&'static str, String)> {
        vec![("chainId", self.domain.chain_id.to_string())]
    }

    /// An order by its hash, whatever its status; `None` when the market does not know it.
    pub async fn order<O: Tradable>(&self, hash: OrderHash) -> Result<Option<Listed<O>>> {
        let name = hash.to_string();
        let asked = self
            .http
            .ask(Question::get(&[route(O::KIND), &name], &self.chain()))
            .await;
        let listed: Listed<O> = match asked {
            Err(Error::Refused { status: 404, .. }) => return Ok(None),
            asked => asked?,
        };
        if listed.order.hash(&self.domain) != hash {
            return Err(self
                .http
                .nonsense("the order has another hash than asked for"));
        }
        Ok(Some(listed))
    }

    /// Open orders, best price first. At most `size` of them, up to 1000.
    pub async fn orders<O: Tradable>(
        &self,
        query: &OrderQuery,
        size: u64,
    ) -> Result<Page<Listed<O>>> {
        let mut parameters = self.chain();
        parameters.extend(query.filters.iter().cloned());
        parameters.push(("pageSize", size.clamp(10, 1_000).to_string()));
        let path = [route(O::KIND)];
        let asked = Question::get(&path, &parameters);
        let page: Page<Listed<O>> = self.http.ask(asked).await?;
        Ok(page.first(size))
    }

    /// Deals, the newest first: filters by the names of the market's API, as `requester`.
    pub async fn deals(&self, query: &OrderQuery, size: u64) -> Result<Page<DealDocument>> {
        let mut parameters = self.chain();
        parameters.extend(query.filters.iter().cloned());
        parameters.push(("pageSize", size.clamp(10, 1_000).to_string()));
        let asked = Question::get(&["deals"], &parameters);
        let page: Page<DealDocument> = self.http.ask(asked).await?;
        Ok(page.first(size))
    }

    /// The last block that the market took in.
    pub async fn head(&self) -> Result<u64> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Counts {
            last_block: u64,
        }
        let counts: Counts = self
            .http
            .ask(Question::get(&["metrics"], &self.chain()))
            .await?;
        Ok(counts.last_block)
    }

    /// Publishes a signed order in the name of `signer`, its owner.
    pub async fn publish<O: Tradable>(
        &self,
        order: &O,
        signer: &PrivateKeySigner,
    ) -> Result<Listed<O>> {
        #[derive(Deserialize)]
        struct Answer<O> {
            published: Listed<O>,
        }
        let body = json!({ "order": order });
        let answer: Answer<O> = self.signed(Method::POST, O::KIND, body, signer).await?;
        Ok(answer.published)
    }

    /// Takes open orders of `signer` back. Nothing happens on the chain: whoever kept a copy can still match them; see
    /// [`Account::cancel`](crate::Account::cancel).
    pub async fn unpublish(
        &self,
        kind: OrderKind,
        target: Target,
        signer: &PrivateKeySigner,
    ) -> Result<Vec<OrderHash>> {
        #[derive(Deserialize)]
        struct Answer {
            unpublished: Vec<OrderHash>,
        }
        let name = if kind == OrderKind::Request {
            "requester"
        } else {
            kind_name(kind)
        };
        let body = match target {
            Target::Order(hash) => json!({ "target": "unpublish_orderHash", "orderHash": hash }),
            Target::Last(asset) => json!({ "target": "unpublish_last", name: asset }),
            Target::All(asset) => json!({ "target": "unpublish_all", name: asset }),
        };
        let answer: Answer = self.signed(Method::PUT, kind, body, signer).await?;
        Ok(answer.unpublished)
    }

    /// Tells the market where a workerpool of `owner` answers questions about its tasks: a URL of a host. Gives the URL as it is
    /// told to others.
    pub async fn announce(
        &self,
        workerpool: Address,
        url: &str,
        owner: &PrivateKeySigner,
    ) -> Result<String> {
        let authorization = Some(self.log_in(owner).await?);
        let (chain, name) = (self.domain.chain_id.to_string(), workerpool.to_string());
        let question = Question {
            method: Method::PUT,
            path: &[&chain, "workerpools", &name],
            query: &[],
            body: Some(json!({ "apiUrl": url })),
            authorization,
        };
        Ok(self.http.ask::<Place>(question).await?.api_url)
    }

    /// Where a workerpool answers questions about its tasks, as its owner told this market; `None` when it told nothing.
    pub async fn pool_url(&self, workerpool: Address) -> Result<Option<String>> {
        let (chain, name) = (self.domain.chain_id.to_string(), workerpool.to_string());
        let path = [chain.as_str(), "workerpools", &name];
        match self.http.ask::<Place>(Question::get(&path, &[])).await {
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            asked => Ok(Some(asked?.api_url)),
        }
    }

    async fn signed<T: DeserializeOwned>(
        &self,
        method: Method,
        kind: OrderKind,
        body: Value,
        signer: &PrivateKeySigner,
    ) -> Result<T> {
        let authorization = Some(self.log_in(signer).await?);
        let (path, query) = ([route(kind)], self.chain());
        let question = Question {
            method,
            path: &path,
            query: &query,
            body: Some(body),
            authorization,
        };
        self.http.ask(question).await
    }

    /// Signs a challenge. Only its text is taken from the market, so it cannot have anything else signed.
    async fn log_in(&self, signer: &PrivateKeySigner) -> Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            data: Typed,
        }
        #[derive(Deserialize)]
        struct Typed {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            challenge: String,
        }
        let mut query = self.chain();
        query.push(("address", signer.address().to_string()));
        let answer: Answer = self.http.ask(Question::get(&["challenge"], &query)).await?;
        let domain =
            eip712_domain! { name: "iExec Gateway", version: "1", chain_id: self.domain.chain_id, };
        let digest = Challenge {
            challenge: answer.data.message.challenge,
        }
        .eip712_signing_hash(&domain);
        let sign = signer
            .sign_hash_sync(&digest)
            .map_err(|error| self.http.nonsense(error.to_string()))?;
        Ok(format!(
            "{digest}_{}_{}",
            signature::to_bytes(&sign),
            signer.address()
        ))
    }

    /// The cheapest orders for `ask`.
    pub(crate) async fn plan(&self, ask: &Ask) -> Result<Plan> {
        let mut body = json!({
            "app": ask.app, "requester": ask.requester, "category": ask.category, "volume": ask.volume,
            "trust": ask.trust, "tag": ask.tag.0,
        });
        let fields = body.as_object_mut().into_iter();
        for fields in fields {
            fields.extend(
                ask.dataset
                    .map(|dataset| ("dataset".to_owned(), json!(dataset))),
            );
            fields.extend(
                ask.workerpool
                    .map(|pool| ("workerpool".to_owned(), json!(pool))),
            );
            let ceilings = ask.ceilings.into_iter().flat_map(|prices| {
                ["appmaxprice", "datasetmaxprice", "workerpoolmaxprice"]
                    .into_iter()
                    .zip(prices)
            });
            fields.extend(ceilings.map(|(name, price)| (name.to_owned(), json!(price))));
        }
        let question = Question {
            method: Method::POST,
            path: &["match"],
            query: &self.chain(),
            body: Some(body),
            authorization: None,
        };
        self.http.ask(question).await
    }

    pub(crate) fn nonsense(&self, cause: &str) -> Error {
        self.http.nonsense(cause)
    }
}
