//! `canut orderbook`: what is for sale, and wanted.

use super::common::{self, Common};
use alloy_primitives::Address;
use canut_client::{Listed, OrderQuery, Page, Tradable};
use canut_protocol::{AppOrder, DatasetOrder, RequestOrder, Tag, Trust, WorkerpoolOrder};
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Orders that sell an app.
    App(OfAsset),
    /// Orders that sell the use of a dataset.
    Dataset(OfAsset),
    /// Orders that sell computing.
    Workerpool(OfPool),
    /// Orders that ask for runs.
    Request(OfRequest),
}

/// Which orders, and how many.
#[derive(Debug, ClapArgs)]
struct Which {
    /// Nothing beyond these requirements of a machine (none; or tee, gpu, … joined by commas)
    #[arg(long, value_name = "TAG", value_parser = common::tag)]
    max_tag: Option<Tag>,
    /// At least these
    #[arg(long, value_name = "TAG", value_parser = common::tag)]
    min_tag: Option<Tag>,
    /// At least so many runs left
    #[arg(long, value_name = "N")]
    min_volume: Option<u64>,
    /// Orders shown at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    #[command(flatten)]
    common: Common,
}

/// Orders of an app or of a dataset.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut orderbook app 0x5FbDB2315678afecb367f032d93F642f64180aa3\n  canut orderbook dataset 0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
)]
pub(crate) struct OfAsset {
    /// Its address
    #[arg(value_parser = common::address)]
    address: Address,
    #[command(flatten)]
    which: Which,
}

/// Orders that sell computing.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut orderbook workerpool --category XS --min-trust 99%")]
pub(crate) struct OfPool {
    /// Only of this workerpool
    #[arg(value_parser = common::address)]
    address: Option<Address>,
    /// Only of this category: a number, or XS, S, M, L, XL
    #[arg(long, value_parser = common::category)]
    category: Option<u64>,
    /// At least this trust: as 99%, or as 100
    #[arg(long, value_name = "TRUST", value_parser = common::trust)]
    min_trust: Option<Trust>,
    #[command(flatten)]
    which: Which,
}

/// Orders that ask for runs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut orderbook request --category XS")]
pub(crate) struct OfRequest {
    /// Only of this requester
    #[arg(value_parser = common::address)]
    address: Option<Address>,
    /// Only of this category: a number, or XS, S, M, L, XL
    #[arg(long, value_parser = common::category)]
    category: Option<u64>,
    #[command(flatten)]
    which: Which,
}

impl Which {
    fn query(&self) -> OrderQuery {
        // Whatever an order is restricted to, it is shown.
        let mut query = OrderQuery::default();
        for (name, tag) in [("maxTag", self.max_tag), ("minTag", self.min_tag)] {
            if let Some(tag) = tag {
                query = query.with(name, tag.0);
            }
        }
        match self.min_volume {
            Some(volume) => query.with("minVolume", volume),
            None => query,
        }
    }
}

/// Lists whatever `names` restrict.
fn any(query: OrderQuery, names: &[&'static str]) -> OrderQuery {
    names
        .iter()
        .fold(query, |query, name| query.with(name, "any"))
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::App(OfAsset { address, which }) => {
            let query =
                any(which.query(), &["dataset", "workerpool", "requester"]).with("app", address);
            list::<AppOrder>(&which, &query, |order| {
                format!("{:>16}", order.appprice.to_string())
            })
            .await
        }
        Verb::Dataset(OfAsset { address, which }) => {
            let query =
                any(which.query(), &["app", "workerpool", "requester"]).with("dataset", address);
            list::<DatasetOrder>(&which, &query, |order| {
                format!("{:>16}", order.datasetprice.to_string())
            })
            .await
        }
        Verb::Workerpool(OfPool {
            address,
            category,
            min_trust,
            which,
        }) => {
            let mut query = any(which.query(), &["app", "dataset", "requester"]);
            query = [
                ("workerpool", address.map(|it| it.to_string())),
                ("category", category.map(|it| it.to_string())),
                ("minTrust", min_trust.map(|it| it.to_string())),
            ]
            .into_iter()
            .fold(query, |query, (name, value)| match value {
                Some(value) => query.with(name, value),
                None => query,
            });
            list::<WorkerpoolOrder>(&which, &query, |order| {
                let category = common::category_name(order.category.saturating_to());
                format!(
                    "{:>16}  trust {:<6} category {category:<6}",
                    order.workerpoolprice.to_string(),
                    order.trust
                )
            })
            .await
        }
        Verb::Request(OfRequest {
            address,
            category,
            which,
        }) => {
            let mut query = any(which.query(), &["app", "dataset", "workerpool"]);
            if let Some(address) = address {
                query = query.with("requester", address);
            }
            if let Some(category) = category {
                query = query.with("category", category);
            }
            list::<RequestOrder>(&which, &query, |order| {
                let category = common::category_name(order.category.saturating_to());
                format!(
                    "{:>16}  trust {:<6} category {category:<6}",
                    order.workerpoolmaxprice.to_string(),
                    order.trust
                )
            })
            .await
        }
    }
}

async fn list<O: Tradable>(
    which: &Which,
    query: &OrderQuery,
    terms: impl Fn(&O) -> String,
) -> Result<()> {
    let client = which.common.client().await?;
    let page: Page<Listed<O>> = client.market()?.orders(query, which.limit).await?;
    which.common.show(&page, || {
        let lines = page.items.iter().map(|listed| {
            let Listed {
                order_hash,
                remaining,
                order,
                ..
            } = listed;
            let tag = order.tag();
            let only = restrictions(order);
            format!(
                "{}  {remaining:>12} left  tag {tag}  {order_hash}{only}\n",
                terms(order)
            )
        });
        format!(
            "{}{} in all, best price first",
            lines.collect::<String>(),
            page.count
        )
    })
}

/// Whom an order is restricted to, as `  only for requester 0x…`; nothing when it is for all.
fn restrictions(order: &impl Serialize) -> String {
    let fields = match serde_json::to_value(order) {
        Ok(Value::Object(fields)) => fields,
        _ => return String::new(),
    };
    let only: Vec<_> = fields
        .iter()
        .filter_map(|(name, value)| {
            let who = name.strip_suffix("restrict")?;
            let address: Address = value.as_str()?.parse().ok()?;
            (address != Address::ZERO).then(|| format!("{who} {address}"))
        })
        .collect();
    if only.is_empty() {
        return String::new();
    }
    format!("  only for {}", only.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_whom_it_is_for() {
        let order = AppOrder {
            requesterrestrict: Address::repeat_byte(0x11),
            ..AppOrder::default()
        };
        assert_eq!(
            restrictions(&order),
            "  only for requester 0x1111111111111111111111111111111111111111"
        );
        assert_eq!(restrictions(&AppOrder::default()), "");
    }
}
