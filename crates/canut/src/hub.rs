//! `canut hub`: the contracts of a market.

use std::io::Write;

use alloy_primitives::Address;
use canut_hub::{Deployment, Hub, Plan, Sender, SenderConfig, connect, deploy};
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde_json::json;

use crate::{
    logging,
    service::{ChainArgs, KeyArgs},
};

/// Put the contracts of a market on a chain, or look where they are.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Put the hub, its registries and, unless one is given, a token on a chain. Done twice, it changes nothing
    #[command(after_help = "\
Example:
  CANUT_PRIVATE_KEY=0x… canut hub deploy --rpc http://127.0.0.1:8545")]
    Deploy(DeployArgs),
    /// Show where the contracts of a hub are
    Show(ShowArgs),
}

#[derive(Debug, ClapArgs)]
struct DeployArgs {
    /// The node: an http or ws URL
    #[arg(
        long,
        value_name = "URL",
        env = "CANUT_RPC",
        default_value = "ws://127.0.0.1:8545"
    )]
    rpc: String,

    #[command(flatten)]
    key: KeyArgs,

    /// The RLC token to use [default: a new one, whose supply the key gets]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::client::address)]
    token: Option<Address>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, ClapArgs)]
struct ShowArgs {
    #[command(flatten)]
    chain: ChainArgs,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Does it.
pub(crate) async fn run(args: Args) -> Result<()> {
    match args.verb {
        Verb::Deploy(args) => {
            logging::start(if args.json {
                "warn"
            } else {
                "canut_hub=info,warn"
            });
            let provider = connect(&args.rpc).await?;
            let sender =
                Sender::new(provider.clone(), args.key.read()?, SenderConfig::default()).await?;
            let plan = Plan {
                token: args.token,
                ..Plan::new(sender.address())
            };
            print(&deploy(provider, &sender, &plan).await?, args.json)
        }
        Verb::Show(args) => {
            logging::start("warn");
            let hub = Hub::at(connect(&args.chain.rpc).await?, args.chain.hub).await?;
            print(hub.deployment(), args.json)
        }
    }
}

fn print(deployment: &Deployment, as_json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let Deployment {
        chain_id,
        hub,
        token,
        app_registry,
        dataset_registry,
        workerpool_registry,
    } = deployment;
    if as_json {
        let document = json!({
            "chain_id": chain_id,
            "hub": hub,
            "token": token,
            "app_registry": app_registry,
            "dataset_registry": dataset_registry,
            "workerpool_registry": workerpool_registry,
        });
        writeln!(out, "{document}")?;
    } else {
        writeln!(out, "Chain id               {chain_id}")?;
        writeln!(out, "Hub                    {hub}")?;
        writeln!(out, "Token                  {token}")?;
        writeln!(out, "Registry: apps         {app_registry}")?;
        writeln!(out, "Registry: datasets     {dataset_registry}")?;
        writeln!(out, "Registry: workerpools  {workerpool_registry}")?;
    }
    Ok(out.flush()?)
}
