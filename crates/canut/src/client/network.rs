//! `canut network`: where the services are.

use super::common::show;
use alloy_primitives::{Address, B256};
use canut_client::{Home, Network};
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Remember a network under a name.
    Add(Add),
    /// Show the networks.
    List(List),
    /// Use a network when none is named.
    Use(Named),
    /// Forget a network.
    Remove(Named),
}

/// Remember a network under a name.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut network add lyon --rpc https://rpc.example.org --hub 0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f \\
      --market https://market.example.org --store https://store.example.org --use")]
pub(crate) struct Add {
    /// Its name: letters, digits, - and _
    name: String,
    /// Node of the chain
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// Hub contract
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    hub: Address,
    /// Id of the chain, compared with the node's each time
    #[arg(long, value_name = "N")]
    chain_id: Option<u64>,
    /// Order book
    #[arg(long, value_name = "URL")]
    market: Option<String>,
    /// Store of files
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Keeper of secrets
    #[arg(long, value_name = "URL")]
    vault: Option<String>,
    /// Pool that tells about its tasks
    #[arg(long, value_name = "URL")]
    pool: Option<String>,
    /// Only for development: a private key that everybody may know
    #[arg(long, value_name = "HEX")]
    key: Option<B256>,
    /// Use it from now on when none is named
    #[arg(long = "use")]
    choose: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Show the networks.
#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// A network by its name.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  canut network use lyon\n  canut network remove lyon")]
pub(crate) struct Named {
    /// Its name
    name: String,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    let home = Home::find()?;
    match verb {
        Verb::Add(Add {
            name,
            rpc,
            hub,
            chain_id,
            market,
            store,
            vault,
            pool,
            key,
            choose,
            json,
        }) => {
            let network = Network {
                rpc,
                hub,
                chain_id,
                market,
                store,
                vault,
                pool,
                key,
            };
            home.save_network(&name, &network)?;
            if choose {
                home.set_default_network(&name)?;
            }
            show(json, &json!({ "name": name }), || {
                format!("Network {name} is kept in {}.", home.path().display())
            })
        }
        Verb::List(List { json }) => list(&home, json),
        Verb::Use(Named { name, json }) => {
            home.network(&name)?;
            home.set_default_network(&name)?;
            show(json, &json!({ "name": name }), || {
                format!("Network {name} is used from now on.")
            })
        }
        Verb::Remove(Named { name, json }) => {
            home.remove_network(&name)?;
            show(json, &json!({ "name": name }), || {
                format!("Network {name} is forgotten.")
            })
        }
    }
}

fn list(home: &Home, json: bool) -> Result<()> {
    let usual = home.default_network()?;
    let mut all = Vec::new();
    for name in home.networks()? {
        let network = home.network(&name)?;
        all.push((usual.as_deref() == Some(name.as_str()), name, network));
    }
    let documents: Vec<_> = all
        .iter()
        .map(|(usual, name, network)| {
            let Network { rpc, hub, market, store, vault, pool, .. } = network;
            json!({ "name": name, "default": usual, "rpc": rpc, "hub": hub, "market": market, "store": store, "vault": vault, "pool": pool })
        })
        .collect();
    show(json, &documents, || match all.is_empty() {
        true => "No network yet: start one with `canut up`, or add one with `canut network add`."
            .to_owned(),
        false => all
            .iter()
            .map(|(usual, name, network)| {
                format!(
                    "{} {name:16} {}  hub {}\n",
                    if *usual { '*' } else { ' ' },
                    network.rpc,
                    network.hub
                )
            })
            .collect(),
    })
}
