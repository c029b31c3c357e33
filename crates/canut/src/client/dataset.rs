//! `canut dataset`: datasets.

use super::{app::file_name, asset, common::Common, encryption, offer::Offer};
use alloy_primitives::Address;
use canut_client::Error;
use canut_hub::events::AssetKind;
use canut_protocol::Location;
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Put a dataset in the store and register it on the chain. Again changes nothing.
    Deploy(Deploy),
    /// Encrypt a file, so that it can be stored where everybody reads.
    Encrypt(encryption::Encrypt),
    /// Decrypt a file that was encrypted so.
    Decrypt(encryption::Decrypt),
    /// Show a dataset.
    Show(asset::Show),
    /// Show the datasets of an account.
    List(asset::List),
    /// Sell the use of a dataset: sign an order and publish it.
    Publish(Publish),
    /// Give a dataset to another account. Its orders die with that.
    Transfer(asset::Transfer),
}

/// Put a dataset in the store and register it on the chain. Again changes nothing.
///
/// It is stored as it is: whoever knows its address can read it. `canut dataset encrypt` prevents that.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut dataset deploy rain.csv --name \"Rain in Lyon, 1920-2020\""
)]
pub(crate) struct Deploy {
    /// The file
    file: PathBuf,
    /// Its name; that of the file without it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Sell the use of a dataset: sign an order and publish it.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut dataset publish 0x5FbDB2315678afecb367f032d93F642f64180aa3 --price 1RLC --app 0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
)]
pub(crate) struct Publish {
    /// The dataset
    #[arg(value_parser = super::common::address)]
    dataset: Address,
    #[command(flatten)]
    offer: Offer,
    /// Only to this app
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true, value_parser = super::common::address)]
    app: Address,
    /// Only in this workerpool
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true, value_parser = super::common::address)]
    workerpool: Address,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Deploy(Deploy { file, name, common }) => {
            let name = name.unwrap_or_else(|| file_name(&file));
            let deployed = common.account().await?.deploy_dataset(&name, &file).await?;
            asset::deployed(&common, "Dataset", &deployed)
        }
        Verb::Encrypt(encrypt) => encryption::encrypt(encrypt),
        Verb::Decrypt(decrypt) => encryption::decrypt(decrypt),
        Verb::Show(show) => self::show(show).await,
        Verb::List(list) => asset::list(AssetKind::Dataset, list).await,
        Verb::Publish(Publish {
            dataset,
            offer,
            app,
            workerpool,
            common,
        }) => {
            let account = common.account().await?;
            let order = account.sign(offer.dataset(dataset, app, workerpool))?;
            asset::published(&common, &account.publish(&order).await?)
        }
        Verb::Transfer(transfer) => asset::transfer(AssetKind::Dataset, transfer).await,
    }
}

async fn show(asset::Show { address, common }: asset::Show) -> Result<()> {
    let found = common.client().await?.hub().dataset(address).await?;
    let (owner, dataset) = found.ok_or(Error::NoAsset {
        kind: "dataset",
        address,
    })?;
    let place = Location::from_multiaddr(&dataset.multiaddr);
    let place = place.map_or_else(|_| dataset.multiaddr.to_string(), |place| place.to_string());
    let document = json!({ "dataset": address, "owner": owner, "name": dataset.name, "location": place, "checksum": dataset.checksum });
    common.show(&document, || {
        format!(
            "Dataset    {address}\nName       {}\nOwner      {owner}\nContent    {place}\nSHA-256    {}",
            dataset.name, dataset.checksum
        )
    })
}
