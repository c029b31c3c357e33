//! Buying what was quoted.

use std::collections::VecDeque;

use alloy_primitives::{B256, U256};
use canut_hub::{Receipt, Refusal};
use canut_protocol::{DealId, Nrlc, OrderHash, RequestOrder, matching::Orders, range::mark};
use serde::Serialize;

use crate::{Account, Error, Fill, Quote, Result, Wanted, salt};

/// A deal that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bought {
    /// Its id.
    pub deal: DealId,
    /// Index of its first task.
    pub first: u64,
    /// Its tasks.
    pub tasks: u64,
    /// What they cost.
    pub cost: Nrlc,
    /// The transaction that made it.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
}

/// Plans that are made anew before giving up, when others buy faster.
const RETRIES: u32 = 5;

impl Account {
    /// Makes the deals of a quote, with one request order for all of them, so that the indices of the tasks go on from deal
    /// to deal. What is missing on the hub is deposited in the transaction of the first. When somebody else was faster, what
    /// is left is planned anew, as long as it does not become dearer. `made` hears of each deal as soon as it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Halfway`] when some deals were made; any other when none was.
    pub async fn buy(
        &self,
        wanted: &Wanted,
        quote: &Quote,
        mut made: impl FnMut(&Bought),
    ) -> Result<Vec<Bought>> {
        let request = self.request(wanted, quote)?;
        let mut bought = Vec::new();
        match self
            .match_all(wanted, quote, &request, &mut bought, &mut made)
            .await
        {
            Ok(()) => Ok(bought),
            Err(error) if bought.is_empty() => Err(error),
            Err(error) => Err(Error::Halfway {
                deals: bought.iter().map(|deal| deal.deal).collect(),
                made: bought.iter().map(|deal| deal.tasks).sum(),
                wanted: wanted.tasks,
                source: Box::new(error),
            }),
        }
    }

    /// The signed request for all tasks of a quote.
    fn request(&self, wanted: &Wanted, quote: &Quote) -> Result<RequestOrder> {
        let [appmaxprice, datasetmaxprice, workerpoolmaxprice] = ceilings(&quote.fills);
        self.sign(RequestOrder {
            app: wanted.app,
            appmaxprice,
            dataset: wanted.dataset.unwrap_or_default(),
            datasetmaxprice,
            workerpool: wanted.workerpool.unwrap_or_default(),
            workerpoolmaxprice,
            requester: self.address(),
            volume: U256::from(wanted.tasks),
            tag: wanted.tag,
            category: U256::from(quote.category),
            trust: wanted.trust,
            beneficiary: self.address(),
            params: wanted.params.to_text()?,
            salt: if wanted.open {
                salt()
            } else {
                mark::mark(salt())
            },
            ..RequestOrder::default()
        })
    }

    async fn match_all(
        &self,
        wanted: &Wanted,
        quote: &Quote,
        request: &RequestOrder,
        bought: &mut Vec<Bought>,
        made: &mut impl FnMut(&Bought),
    ) -> Result<()> {
        let mut queue: VecDeque<Fill> = quote.fills.iter().cloned().collect();
        let (mut left, mut budget, mut retries) = (wanted.tasks, quote.total, RETRIES);
        while left > 0 {
            let Some(fill) = queue.pop_front() else {
                retries = retries
                    .checked_sub(1)
                    .ok_or_else(|| nobody(wanted.tasks, left))?;
                queue = self.replan(wanted, quote, left, budget).await?.into();
                continue;
            };
            let price = fill.price()?;
            match self.match_one(fill, request, budget).await {
                Ok(deal) => {
                    left = left.saturating_sub(deal.tasks);
                    budget = budget
                        .minus(price.times(U256::from(deal.tasks))?)
                        .unwrap_or_default();
                    made(&deal);
                    bought.push(deal);
                }
                // Sold out, or the seller lost its stake, since the quote.
                Err(Error::Hub(error)) if retries > 0 && is_race(error.refusal(), self) => {
                    queue.clear()
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn replan(
        &self,
        wanted: &Wanted,
        quote: &Quote,
        left: u64,
        budget: Nrlc,
    ) -> Result<Vec<Fill>> {
        let fills = self
            .refill(wanted, quote.category, left, ceilings(&quote.fills))
            .await?;
        let filled: u64 = fills.iter().map(|fill| fill.tasks).sum();
        if filled < left {
            return Err(nobody(wanted.tasks, left - filled));
        }
        let now = Nrlc::sum(fills.iter().map(Fill::total).collect::<Result<Vec<_>>>()?)?;
        if now > budget {
            return Err(Error::Dearer {
                quoted: budget,
                now,
            });
        }
        Ok(fills)
    }

    /// Makes one deal. Before the first, all that is still to be paid is put on the hub.
    async fn match_one(&self, fill: Fill, request: &RequestOrder, budget: Nrlc) -> Result<Bought> {
        let Fill {
            app,
            dataset,
            workerpool,
            ..
        } = fill;
        let orders = Orders {
            app,
            dataset,
            workerpool,
            request: request.clone(),
        };
        let stake = self.hub().account(self.address()).await?.stake;
        let missing = budget.minus(stake).unwrap_or_default();
        let receipt = if missing.is_zero() {
            self.caller().match_orders(&orders).await?
        } else {
            self.caller().deposit_and_match(missing, &orders).await?
        };
        self.bought(receipt).await
    }

    /// What a match made, as the chain has it.
    async fn bought(&self, receipt: Receipt<DealId>) -> Result<Bought> {
        let deal = self.client().deal(receipt.value).await?;
        Ok(Bought {
            deal: receipt.value,
            first: deal.bot_first,
            tasks: deal.bot_size,
            cost: deal.total_price()?,
            transaction: receipt.transaction,
            block: receipt.block,
        })
    }

    /// Matches four orders found by their hashes, with a request order that anyone published or that is given.
    pub async fn fill(&self, orders: &Orders) -> Result<Bought> {
        let sponsored = orders.request.requester != self.address();
        let receipt = if sponsored {
            self.caller().sponsor_match_orders(orders).await?
        } else {
            self.caller().match_orders(orders).await?
        };
        self.bought(receipt).await
    }

    /// The orders of these hashes, from the market.
    pub async fn collect(
        &self,
        app: OrderHash,
        dataset: Option<OrderHash>,
        workerpool: OrderHash,
        request: OrderHash,
    ) -> Result<Orders> {
        let market = self.client().market()?;
        let missing = |kind: &str| Error::Refused {
            service: crate::Service::Market,
            status: 404,
            message: format!(
                "it has no {kind} order of that hash: it was taken back, or never published"
            ),
        };
        Ok(Orders {
            app: market
                .order(app)
                .await?
                .ok_or_else(|| missing("app"))?
                .order,
            dataset: match dataset {
                Some(hash) => {
                    market
                        .order(hash)
                        .await?
                        .ok_or_else(|| missing("dataset"))?
                        .order
                }
                None => canut_protocol::DatasetOrder::none(),
            },
            workerpool: market
                .order(workerpool)
                .await?
                .ok_or_else(|| missing("workerpool"))?
                .order,
            request: market
                .order(request)
                .await?
                .ok_or_else(|| missing("request"))?
                .order,
        })
    }
}

fn nobody(tasks: u64, missing: u64) -> Error {
    Error::NoOffer {
        tasks,
        missing,
        why: ": others bought what there was; ask again".to_owned(),
    }
}

/// Whether a refusal comes from what others did since the quote.
fn is_race(refusal: Option<&Refusal>, account: &Account) -> bool {
    match refusal {
        Some(Refusal::Match(_)) => true,
        Some(Refusal::TooPoor { account: poor, .. }) => *poor != account.address(),
        _ => false,
    }
}

fn ceilings(fills: &[Fill]) -> [Nrlc; 3] {
    let most = |price: fn(&Fill) -> Nrlc| fills.iter().map(price).max().unwrap_or_default();
    [
        most(|fill| fill.app.appprice),
        most(|fill| fill.dataset.datasetprice),
        most(|fill| fill.workerpool.workerpoolprice),
    ]
}
