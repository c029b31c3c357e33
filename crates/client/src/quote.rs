//! What a run would cost, and whose orders fill it.

use std::cmp::Reverse;

use alloy_primitives::{Address, U256};
use canut_hub::events::AssetKind;
use canut_protocol::{
    AppOrder, DatasetOrder, Nrlc, OrderHash, Tag, Trust, WorkerpoolOrder, settlement,
};
use serde::Serialize;

use crate::{
    Account, Error, OrderQuery, Params, Plan, Result, Unused,
    market::{Ask, Proposal},
};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The app to run.
    pub app: Address,
    /// The dataset to use.
    pub dataset: Option<Address>,
    /// Only this workerpool.
    pub workerpool: Option<Address>,
    /// How long a task may take; `None` for the shortest category that is on offer.
    pub category: Option<u64>,
    /// Trust at which results are to be certified.
    pub trust: Trust,
    /// What the machines must offer.
    pub tag: Tag,
    /// Tasks.
    pub tasks: u64,
    /// Highest price of a task: app, dataset and workerpool together.
    pub max_price: Option<Nrlc>,
    /// Whether the request is left unmarked, so that each task is on the chain under its own id whatever way it goes, as
    /// clients of PoCo expect. Otherwise tasks settled by certificate leave one record for a whole range.
    pub open: bool,
    /// Arguments and inputs.
    pub params: Params,
}

/// One deal of a quote: orders that fit, and how many tasks they are to fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// The app's order.
    pub app: AppOrder,
    /// The dataset's; the empty order without one.
    pub dataset: DatasetOrder,
    /// The workerpool's.
    pub workerpool: WorkerpoolOrder,
    /// Tasks.
    pub tasks: u64,
}

impl Fill {
    /// Price of one task.
    pub fn price(&self) -> Result<Nrlc> {
        Ok(Nrlc::sum([
            self.app.appprice,
            self.dataset.datasetprice,
            self.workerpool.workerpoolprice,
        ])?)
    }

    /// Price of all its tasks.
    pub fn total(&self) -> Result<Nrlc> {
        Ok(self.price()?.times(U256::from(self.tasks))?)
    }
}

/// The cheapest way to have it done.
#[derive(Clone, Debug, Serialize)]
pub struct Quote {
    /// The deals to make, in this order.
    pub fills: Vec<Fill>,
    /// The category of the tasks.
    pub category: u64,
    /// Tasks filled.
    pub tasks: u64,
    /// What all of it costs.
    pub total: Nrlc,
    /// What the account has free on the hub.
    pub balance: Nrlc,
    /// RLC of the account outside the hub.
    pub wallet: Nrlc,
    /// What is missing on the hub, to be deposited with the purchase.
    pub deposit: Nrlc,
    /// What the workerpools' owners lock as a guarantee.
    pub guarantee: Nrlc,
    /// Orders that do not serve, and why.
    pub refused: Vec<Unused>,
}

/// One plan, read and checked.
struct Draft {
    fills: Vec<Fill>,
    refused: Vec<Unused>,
    category: u64,
}

impl Draft {
    fn tasks(&self) -> u64 {
        self.fills.iter().map(|fill| fill.tasks).sum()
    }
}

impl Account {
    /// Finds the cheapest orders for `wanted`. An app of this account's own needs no order on the market: one is published,
    /// for this account alone.
    ///
    /// # Errors
    ///
    /// [`Error::NoOffer`] when not every task is filled, with the market's reasons; [`Error::TooPoor`] when the account
    /// cannot pay.
    pub async fn quote(&self, wanted: &Wanted) -> Result<Quote> {
        let owner = self.hub().asset_owner(AssetKind::App, wanted.app).await?;
        let owner = owner.ok_or(Error::NoAsset {
            kind: "app",
            address: wanted.app,
        })?;
        if owner == self.address() {
            self.offer_own_app(wanted.app, wanted.tasks).await?;
        }
        let draft = self.cheapest(wanted).await?;
        if draft.tasks() < wanted.tasks {
            return Err(Error::NoOffer {
                tasks: wanted.tasks,
                missing: wanted.tasks - draft.tasks(),
                why: reasons(&draft.refused) + &self.on_offer(wanted).await,
            });
        }
        let Draft {
            fills,
            refused,
            category,
        } = draft;
        let mut total = Nrlc::ZERO;
        let mut guarantee = Nrlc::ZERO;
        for fill in &fills {
            total = total.plus(fill.total()?)?;
            let stake = settlement::scheduler_stake(fill.workerpool.workerpoolprice)?;
            guarantee = guarantee.plus(stake.times(U256::from(fill.tasks))?)?;
        }
        let balance = self.hub().account(self.address()).await?.stake;
        let wallet = self.hub().token_balance(self.address()).await?;
        let deposit = total.minus(balance).unwrap_or_default();
        if deposit > wallet {
            let (account, has) = (self.address(), balance.plus(wallet)?);
            return Err(Error::TooPoor {
                account,
                needed: total,
                has,
            });
        }
        let tasks = wanted.tasks;
        Ok(Quote {
            fills,
            category,
            tasks,
            total,
            balance,
            wallet,
            deposit,
            guarantee,
            refused,
        })
    }

    /// The plan of the named category, or of the first that fills everything; of none, the fullest.
    async fn cheapest(&self, wanted: &Wanted) -> Result<Draft> {
        let categories = match wanted.category {
            Some(category) => category..category.saturating_add(1),
            None => 0..self.hub().category_count().await?,
        };
        let mut best: Option<Draft> = None;
        for category in categories {
            let draft = self.draft(wanted, category, wanted.tasks, None).await?;
            if draft.tasks() == wanted.tasks {
                return Ok(draft);
            }
            if best
                .as_ref()
                .is_none_or(|best| draft.tasks() > best.tasks())
            {
                best = Some(draft);
            }
        }
        Ok(best.unwrap_or(Draft {
            fills: Vec::new(),
            refused: Vec::new(),
            category: 0,
        }))
    }

    /// What workerpools offer for such a run whatever its terms, for whoever must change them; nothing when none does.
    async fn on_offer(&self, wanted: &Wanted) -> String {
        let mut query = OrderQuery::default()
            .with("app", wanted.app)
            .with("requester", self.address());
        let narrower = [
            ("dataset", wanted.dataset.map(|it| it.to_string())),
            ("workerpool", wanted.workerpool.map(|it| it.to_string())),
            ("category", wanted.category.map(|it| it.to_string())),
        ];
        for (name, value) in narrower {
            if let Some(value) = value {
                query = query.with(name, value);
            }
        }
        // The refusal is the answer; this is only a help.
        let Ok(market) = self.client().market() else {
            return String::new();
        };
        match market.orders::<WorkerpoolOrder>(&query, 1_000).await {
            Ok(page) => offered(page.items.iter().map(|listed| &listed.order)),
            Err(_) => String::new(),
        }
    }

    /// What fills `tasks` more, at prices up to `ceilings`.
    pub(crate) async fn refill(
        &self,
        wanted: &Wanted,
        category: u64,
        tasks: u64,
        ceilings: [Nrlc; 3],
    ) -> Result<Vec<Fill>> {
        Ok(self
            .draft(wanted, category, tasks, Some(ceilings))
            .await?
            .fills)
    }

    async fn draft(
        &self,
        wanted: &Wanted,
        category: u64,
        tasks: u64,
        ceilings: Option<[Nrlc; 3]>,
    ) -> Result<Draft> {
        let ask = Ask {
            app: wanted.app,
            dataset: wanted.dataset,
            workerpool: wanted.workerpool,
            requester: self.address(),
            category,
            trust: wanted.trust,
            tag: wanted.tag,
            volume: tasks,
            ceilings: ceilings.or(wanted.max_price.map(|price| [price; 3])),
        };
        let plan = self.client().market()?.plan(&ask).await?;
        let mut fills = Vec::new();
        let mut left = tasks;
        for proposal in &plan.fills {
            let fill = self.read(&ask, &plan, proposal)?;
            if wanted
                .max_price
                .is_some_and(|limit| fill.price().is_ok_and(|price| price > limit))
            {
                continue;
            }
            let tasks = fill.tasks.min(left);
            left -= tasks;
            if tasks > 0 {
                fills.push(Fill { tasks, ..fill });
            }
        }
        Ok(Draft {
            fills,
            refused: plan.refused,
            category,
        })
    }

    /// A proposal with its orders, which must be what was asked for: the market is not believed.
    fn read(&self, ask: &Ask, plan: &Plan, proposal: &Proposal) -> Result<Fill> {
        let (market, domain) = (self.client().market()?, self.hub().domain());
        let lost = |hash: OrderHash| {
            market.nonsense(&format!(
                "its plan lacks order {hash}, or has another under that hash"
            ))
        };
        let app: AppOrder = plan
            .order(proposal.app, &domain)
            .ok_or_else(|| lost(proposal.app))?;
        let workerpool: WorkerpoolOrder = plan
            .order(proposal.workerpool, &domain)
            .ok_or_else(|| lost(proposal.workerpool))?;
        let dataset: DatasetOrder = match proposal.dataset {
            Some(hash) => plan.order(hash, &domain).ok_or_else(|| lost(hash))?,
            None => DatasetOrder::none(),
        };
        let asked = app.app == ask.app
            && dataset.dataset == ask.dataset.unwrap_or_default()
            && ask
                .workerpool
                .is_none_or(|pool| workerpool.workerpool == pool)
            && workerpool.category == U256::from(ask.category)
            && workerpool.trust >= ask.trust;
        if asked {
            Ok(Fill {
                app,
                dataset,
                workerpool,
                tasks: proposal.volume,
            })
        } else {
            Err(market.nonsense("its plan holds orders that were not asked for"))
        }
    }
}

/// The reasons of a refusal, the most frequent ones first.
fn reasons(refused: &[Unused]) -> String {
    let telling: Vec<_> = refused
        .iter()
        .filter(|order| order.reason != "unneeded")
        .collect();
    if telling.is_empty() {
        return ": nothing fitting is published for this app, category and dataset; see `canut orderbook`, try another --category, or \
                wait for a pool"
            .to_owned();
    }
    let mut told: Vec<(String, usize)> = Vec::new();
    for order in telling {
        let line = format!("{} ({}): {}", order.why, order.kind, order.remedy);
        match told.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => told.push((line, 1)),
        }
    }
    told.sort_by_key(|(_, count)| Reverse(*count));
    let lines = told
        .iter()
        .take(3)
        .map(|(line, count)| format!("\n  {count} × {}", crate::http::excerpt(line)));
    format!("; orders were refused because{}", lines.collect::<String>())
}

/// The highest trust and the lowest price among orders.
fn offered<'a>(orders: impl Iterator<Item = &'a WorkerpoolOrder> + Clone) -> String {
    let highest = orders
        .clone()
        .max_by_key(|order| (order.trust, Reverse(order.workerpoolprice)));
    let cheapest = orders.min_by_key(|order| order.workerpoolprice);
    let (Some(highest), Some(cheapest)) = (highest, cheapest) else {
        return String::new();
    };
    format!(
        "\n  on offer: trust up to {} (at {} a task), prices from {} a task (at trust {})",
        highest.trust, highest.workerpoolprice, cheapest.workerpoolprice, cheapest.trust
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_too_much_is_told_what_there_is() {
        let order = |trust, price| WorkerpoolOrder {
            trust: Trust::new(trust),
            workerpoolprice: Nrlc::rlc(price),
            ..WorkerpoolOrder::default()
        };
        let told = offered([order(4, 2), order(16, 9), order(1, 3)].iter());
        assert_eq!(
            told,
            "\n  on offer: trust up to 16 (at 9 RLC a task), prices from 2 RLC a task (at trust 4)"
        );
        assert_eq!(offered([].iter()), "");
    }

    #[test]
    fn reasons_are_counted() {
        let order = |why: &str, reason: &str| Unused {
            kind: "workerpoolorder".into(),
            order_hash: OrderHash::default(),
            reason: reason.into(),
            why: why.into(),
            remedy: "pay more".into(),
        };
        let told = reasons(&[
            order("too dear", "price"),
            order("trust", "trust"),
            order("too dear", "price"),
            order("x", "unneeded"),
        ]);
        assert!(
            told.contains("2 × too dear (workerpoolorder): pay more"),
            "{told}"
        );
        assert!(
            told.find("too dear") < told.find("trust") && !told.contains("x ("),
            "{told}"
        );
        assert!(reasons(&[]).contains("canut orderbook"));
    }
}
