//! The commands of requesters, developers, owners and operators: what they do is in `canut-client`.

mod account;
mod app;
mod asset;
pub(crate) mod audits;
mod certificate;
pub(crate) mod clock;
mod common;
mod dataset;
mod deal;
mod encryption;
mod follow;
mod network;
mod offer;
mod order;
mod orderbook;
mod outcome;
pub(crate) mod prices;
mod receipt;
mod run;
mod sdk_config;
mod secret;
mod task;
mod troubles;
mod wallet;
mod workerpool;

pub(crate) use common::{address, category, chosen, price, show, trust as parse_trust};
pub(crate) use task::Named as TaskNamed;
pub(crate) use troubles::{of as troubles_of, plain};

use clap::Subcommand;
use eyre::Result;

/// What a person can do on a market.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run an app and get its result, certified: finds the cheapest offers, asks, buys, waits, verifies.
    Run(run::Args),
    /// Keys: make, import, show.
    #[command(subcommand)]
    Wallet(wallet::Verb),
    /// Money: show, deposit, withdraw, send.
    #[command(subcommand)]
    Account(account::Verb),
    /// Apps: deploy, show, list, sell, give away.
    #[command(subcommand)]
    App(app::Verb),
    /// Datasets: deploy, show, list, sell, give away.
    #[command(subcommand)]
    Dataset(dataset::Verb),
    /// Workerpools: create, show, list, sell computing, say where they answer.
    #[command(subcommand)]
    Workerpool(workerpool::Verb),
    /// Orders: sign, publish, take back, close, show, match.
    #[command(subcommand)]
    Order(order::Verb),
    /// What is for sale, and wanted.
    #[command(subcommand)]
    Orderbook(orderbook::Verb),
    /// Deals: show, list, watch, claim.
    #[command(subcommand)]
    Deal(deal::Verb),
    /// Tasks: create, show, list, watch, logs, claim, download.
    #[command(subcommand)]
    Task(task::Verb),
    Receipt(receipt::Make),
    Verify(receipt::Verify),
    /// Secrets: set, check; the key that results are encrypted with.
    #[command(subcommand)]
    Secret(secret::Verb),
    /// Networks: where the services are.
    #[command(subcommand)]
    Network(network::Verb),
    /// Point iExec's own tools at a market.
    SdkConfig(sdk_config::Args),
}

/// Does it.
pub(crate) async fn run(verb: Verb) -> Result<()> {
    crate::logging::start("error");
    match verb {
        Verb::Run(args) => run::run(args).await,
        Verb::Wallet(verb) => wallet::run(verb),
        Verb::Account(verb) => account::run(verb).await,
        Verb::App(verb) => app::run(verb).await,
        Verb::Dataset(verb) => dataset::run(verb).await,
        Verb::Workerpool(verb) => workerpool::run(verb).await,
        Verb::Order(verb) => order::run(verb).await,
        Verb::Orderbook(verb) => orderbook::run(verb).await,
        Verb::Deal(verb) => deal::run(verb).await,
        Verb::Task(verb) => task::run(verb).await,
        Verb::Receipt(make) => receipt::make(make).await,
        Verb::Verify(args) => receipt::verify(args).await,
        Verb::Secret(verb) => secret::run(verb).await,
        Verb::Network(verb) => network::run(verb),
        Verb::SdkConfig(args) => sdk_config::run(args).await,
    }
}
