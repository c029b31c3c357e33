//! What the workerpool sells: one order for each category.

use alloy::providers::Provider;
use alloy_primitives::{Address, U256};
use canut_client::{Account, Client, OrderQuery, salt};
use canut_hub::Hub;
use canut_protocol::{Nrlc, Trust, WorkerpoolOrder, category::Category};
use eyre::{Result, WrapErr};

/// Price of a second in nRLC: 0.3 RLC for the shortest category, of five minutes.
const PER_SECOND: u64 = 1_000_000;
/// Tasks that an order is good for. The scheduler's stake must cover them all.
const VOLUME: u64 = 10_000;
/// The highest trust that is offered, whatever the workers can do.
const MOST_TRUST: u64 = 1_000_000_000;

/// The trust that workers reach when all of them agree: the product of their weights.
pub(super) async fn attainable(hub: &Hub, workers: &[Address]) -> Result<u64> {
    let mut product = 1_u64;
    for worker in workers {
        let weight = hub.score(*worker).await?.weight().get();
        product = product.saturating_mul(weight).min(MOST_TRUST);
    }
    Ok(product)
}

/// Publishes an order of `scheduler` for each category that has none yet at this trust.
pub(super) async fn publish(scheduler: &Account, workerpool: Address, trust: u64) -> Result<()> {
    let client = scheduler.client();
    let head = client.hub().provider().get_block_number().await?;
    client.market_reached(head).await?;
    for (number, category) in client.hub().categories().await?.iter().enumerate() {
        let number = number as u64;
        if !is_offered(client, workerpool, number, trust).await? {
            let order = order(workerpool, number, category, trust);
            scheduler
                .publish(&scheduler.sign(order)?)
                .await
                .wrap_err_with(|| format!("the pool's order for category {number}"))?;
        }
    }
    Ok(())
}

fn order(workerpool: Address, number: u64, category: &Category, trust: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool,
        workerpoolprice: Nrlc::new(category.work_clock_time_ref.saturating_mul(PER_SECOND)),
        volume: U256::from(VOLUME),
        category: U256::from(number),
        trust: Trust::new(trust),
        salt: salt(),
        ..WorkerpoolOrder::default()
    }
}

async fn is_offered(client: &Client, pool: Address, category: u64, trust: u64) -> Result<bool> {
    let like_this = OrderQuery::default()
        .with("workerpool", pool)
        .with("category", category)
        .with("minTrust", trust);
    let open = client
        .market()?
        .orders::<WorkerpoolOrder>(&like_this, 10)
        .await?;
    Ok(!open.items.is_empty())
}
