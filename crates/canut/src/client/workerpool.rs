//! `canut workerpool`: workerpools.

use super::{
    asset,
    common::{self, Common},
    offer::Offer,
};
use alloy_primitives::Address;
use canut_client::Error;
use canut_hub::events::AssetKind;
use canut_protocol::Trust;
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Register a workerpool on the chain. Again changes nothing.
    Create(Create),
    /// Show a workerpool.
    Show(asset::Show),
    /// Show the workerpools of an account.
    List(asset::List),
    /// Sell computing: sign an order and publish it.
    Publish(Publish),
    /// Tell the market where your workerpool answers, so that iExec's tools find what it knows of their tasks.
    Announce(Announce),
    /// Give a workerpool to another account. Its orders die with that.
    Transfer(asset::Transfer),
}

/// Register a workerpool on the chain. Again changes nothing.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut workerpool create \"Machines of the physics department\""
)]
pub(crate) struct Create {
    /// What it is, in words
    description: String,
    #[command(flatten)]
    common: Common,
}

/// Sell computing: sign an order and publish it.
///
/// The account of the workerpool locks 30 % of the price of each task sold, so it needs a deposit.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut workerpool publish 0x5FbDB2315678afecb367f032d93F642f64180aa3 --price 1RLC --category XS --trust 99% --volume 100")]
pub(crate) struct Publish {
    /// The workerpool
    #[arg(value_parser = common::address)]
    workerpool: Address,
    #[command(flatten)]
    offer: Offer,
    /// How long a task may take: the number of a category, or XS, S, M, L, XL
    #[arg(long, default_value = "XS", value_parser = common::category)]
    category: u64,
    /// Highest trust certified at that price: as 99%, or as 100
    #[arg(long, default_value = "1", value_parser = common::trust)]
    trust: Trust,
    #[command(flatten)]
    common: Common,
}

/// Tell the market where your workerpool answers, so that iExec's tools find what it knows of their tasks.
///
/// Again replaces what was told before. Whoever buys the workerpool tells it anew.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut workerpool announce 0x5FbDB2315678afecb367f032d93F642f64180aa3 https://pool.example"
)]
pub(crate) struct Announce {
    /// The workerpool
    #[arg(value_parser = common::address)]
    workerpool: Address,
    /// URL of the port of its `canut pool`: nothing but a host behind http:// or https://
    url: String,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Create(Create {
            description,
            common,
        }) => {
            let deployed = common
                .account()
                .await?
                .register_workerpool(&description)
                .await?;
            asset::deployed(&common, "Workerpool", &deployed)
        }
        Verb::Show(show) => self::show(show).await,
        Verb::List(list) => asset::list(AssetKind::Workerpool, list).await,
        Verb::Publish(Publish {
            workerpool,
            offer,
            category,
            trust,
            common,
        }) => {
            let account = common.account().await?;
            let order = account.sign(offer.workerpool(workerpool, category, trust))?;
            asset::published(&common, &account.publish(&order).await?)
        }
        Verb::Announce(Announce {
            workerpool,
            url,
            common,
        }) => {
            let account = common.account().await?;
            let told = account.announce_pool(workerpool, &url).await?;
            common.show(&json!({ "workerpool": workerpool, "url": told }), || {
                format!("The market says that {workerpool} answers at {told}.")
            })
        }
        Verb::Transfer(transfer) => asset::transfer(AssetKind::Workerpool, transfer).await,
    }
}

async fn show(asset::Show { address, common }: asset::Show) -> Result<()> {
    let found = common.client().await?.hub().workerpool(address).await?;
    let (owner, pool) = found.ok_or(Error::NoAsset {
        kind: "workerpool",
        address,
    })?;
    let (stake, share) = (
        pool.policy.worker_stake_ratio,
        pool.policy.scheduler_reward_ratio,
    );
    let document = json!({
        "workerpool": address, "owner": owner, "description": pool.description, "worker_stake_percent": stake.to_string(),
        "scheduler_share_percent": share,
    });
    common.show(&document, || {
        format!(
            "Workerpool  {address}\nDescription {}\nOwner       {owner}\nStake       {stake} % of the price, of each worker\nShare       \
             {share} % of the price, of the owner",
            pool.description
        )
    })
}
