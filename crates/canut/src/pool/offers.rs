//! What the pool sells by itself: keeps the offers of its settings in the order book, as far as its workers can serve them.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::{Address, U256};
use canut_client::{Account, Listed, OrderQuery, Pool, Target, Tradable, salt};
use canut_hub::Caller;
use canut_pool::ranges::Reach;
use canut_protocol::{
    Nrlc, OrderHash, Tag, Trust, WorkerpoolOrder,
    order::{Operation, OrderKind},
};
use eyre::{Result, WrapErr};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::client::{category, parse_trust, price};

/// Looks at the book in a row at which an offer is beyond the workers before it is closed on the chain: workers come back.
const PATIENCE: u8 = 3;
/// Orders of one kind that are looked at.
const PAGE: u64 = 1_000;

/// What is for sale, as a file says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OfferText {
    /// XS, S, M, L, XL, or a number.
    category: String,
    /// Price of a task, as "1RLC".
    price: String,
    /// Highest trust, as "99%" or "100"; without it, what the workers reach.
    trust: Option<String>,
    /// Tasks that are for sale at any time. The stake must cover them.
    volume: u64,
    /// What the machines offer, as "gpu"; nothing, if it is not said.
    tag: Option<String>,
}

/// The same, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    category: u64,
    price: Nrlc,
    trust: u64,
    volume: u64,
    tag: Tag,
}

impl TryFrom<&OfferText> for Offer {
    type Error = eyre::Report;

    fn try_from(text: &OfferText) -> Result<Self> {
        let trust = match &text.trust {
            Some(trust) => parse_trust(trust)?.0.saturating_to(),
            None => u64::MAX,
        };
        let tag = text.tag.as_deref().map(str::parse).transpose()?;
        eyre::ensure!(
            text.volume > 0,
            "an offer of no tasks is none: volume is at least 1"
        );
        Ok(Self {
            category: category(&text.category).map_err(eyre::Report::msg)?,
            price: price(&text.price).map_err(eyre::Report::msg)?,
            trust,
            volume: text.volume,
            tag: tag.unwrap_or_default(),
        })
    }
}

impl Offer {
    /// The trust that is offered, with workers that reach so much; `None` while nothing can be.
    fn trust(&self, reach: u64) -> Option<Trust> {
        let trust = self.trust.min(reach);
        (trust > 0).then(|| Trust::new(trust))
    }

    /// Whether the order is one of this offer, at whatever trust.
    fn made(&self, order: &WorkerpoolOrder) -> bool {
        order.category == U256::from(self.category)
            && order.workerpoolprice == self.price
            && order.tag == self.tag
            && order.requesterrestrict.is_zero()
            && order.apprestrict.is_zero()
            && order.datasetrestrict.is_zero()
    }
}

/// Keeps offers in the book.
pub(super) struct Seller {
    pub(super) account: Account,
    /// Transactions go by the pool's own sender: two would take each other's place.
    pub(super) caller: Caller,
    pub(super) pool: Pool,
    pub(super) workerpool: Address,
    pub(super) offers: Vec<Offer>,
    pub(super) every: Duration,
}

impl Seller {
    /// Runs until it is dropped. What goes wrong is told once, and tried again.
    pub(super) async fn run(self) {
        let mut clock = interval(self.every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut beyond, mut told) = (BTreeMap::new(), String::new());
        loop {
            clock.tick().await;
            let trouble = match self.look(&mut beyond).await {
                Ok(()) => String::new(),
                Err(trouble) => format!("{trouble:#}"),
            };
            if !trouble.is_empty() && trouble != told {
                warn!(trouble, "the offers are not as they should be; tried again");
            }
            told = trouble;
        }
    }

    async fn look(&self, beyond: &mut BTreeMap<OrderHash, u8>) -> Result<()> {
        let status = self.pool.status().await?;
        let reach: Reach = serde_json::from_value(status["reach"].clone())?;
        let open = self.open().await?;
        beyond.retain(|hash, _| open.iter().any(|listed| listed.order_hash == *hash));
        for listed in &open {
            let hash = listed.order_hash;
            if listed.order.trust <= Trust::new(reach.most) && reach.most > 0 {
                beyond.remove(&hash);
                continue;
            }
            let seen = beyond.entry(hash).or_default();
            *seen += 1;
            if *seen >= PATIENCE {
                listed.order.manage(&self.caller, Operation::Close).await?;
                info!(%hash, trust = %listed.order.trust, reach = reach.most, "an offer that cannot be served is closed");
            }
        }
        for offer in &self.offers {
            if let Some(trust) = offer.trust(reach.safe) {
                self.keep(offer, trust, &open).await?;
            }
        }
        Ok(())
    }

    /// The open orders that these offers made.
    async fn open(&self) -> Result<Vec<Listed<WorkerpoolOrder>>> {
        let mut open = Vec::new();
        let mut categories: Vec<_> = self.offers.iter().map(|offer| offer.category).collect();
        categories.sort_unstable();
        categories.dedup();
        for category in categories {
            let ours = OrderQuery::default()
                .with("workerpool", self.workerpool)
                .with("category", category);
            let market = self.account.client().market()?;
            let listed = market.orders::<WorkerpoolOrder>(&ours, PAGE).await?.items;
            open.extend(listed.into_iter().filter(|listed| {
                let mut offers = self.offers.iter();
                listed.signer == self.account.address()
                    && offers.any(|offer| offer.made(&listed.order))
            }));
        }
        Ok(open)
    }

    /// Publishes as much as is missing, once half of the volume is sold.
    async fn keep(
        &self,
        offer: &Offer,
        trust: Trust,
        open: &[Listed<WorkerpoolOrder>],
    ) -> Result<()> {
        let made = open.iter().filter(|listed| offer.made(&listed.order));
        let (like_this, less): (Vec<_>, Vec<_>) =
            made.partition(|listed| listed.order.trust >= trust);
        let left: u64 = like_this.iter().map(|listed| listed.remaining).sum();
        if left > offer.volume / 2 {
            return Ok(());
        }
        let order = WorkerpoolOrder {
            workerpool: self.workerpool,
            workerpoolprice: offer.price,
            volume: U256::from(offer.volume - left),
            tag: offer.tag,
            category: U256::from(offer.category),
            trust,
            salt: salt(),
            ..WorkerpoolOrder::default()
        };
        let published = self.account.publish(&self.account.sign(order)?).await;
        let published =
            published.wrap_err_with(|| format!("the offer for category {}", offer.category))?;
        info!(hash = %published.order_hash, %trust, volume = offer.volume - left, "offered");
        // What was offered at less trust is worth no more now. Whoever kept a copy may still have it.
        for listed in less {
            let target = Target::Order(listed.order_hash);
            self.account
                .unpublish(OrderKind::Workerpool, target)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Offer> {
        let text: OfferText = toml::from_str(text)?;
        (&text).try_into()
    }

    #[test]
    fn an_offer_is_read_as_people_write_it() {
        let offer = read("category = \"S\"\nprice = \"2RLC\"\nvolume = 10").unwrap();
        assert_eq!((offer.category, offer.price), (1, Nrlc::rlc(2)));
        assert_eq!(offer.trust(8), Some(Trust::new(8)), "what is reached");
        assert_eq!(offer.trust(0), None);
        let capped = read("category = \"0\"\nprice = \"1\"\ntrust = \"75%\"\nvolume = 1").unwrap();
        assert_eq!(capped.trust(8), Some(Trust::new(4)));
        for wrong in [
            "category = \"S\"\nprice = \"2RLC\"",
            "category = \"S\"\nprice = \"2RLC\"\nvolume = 0",
            "category = \"huge\"\nprice = \"2RLC\"\nvolume = 1",
            "category = \"S\"\nprice = \"cheap\"\nvolume = 1",
            "category = \"S\"\nprice = \"1\"\nvolume = 1\ntag = \"fast\"",
            "category = \"S\"\nprice = \"1\"\nvolume = 1\ntrusts = \"2\"",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
