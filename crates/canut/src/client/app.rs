//! `canut app`: applications.

use super::{asset, common::Common, offer::Offer};
use alloy_primitives::Address;
use canut_client::Error;
use canut_hub::events::AssetKind;
use canut_protocol::Location;
use clap::{Args as ClapArgs, Subcommand};
use eyre::{OptionExt, Result};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Put an app in the store and register it on the chain. Again changes nothing.
    Deploy(Deploy),
    /// Show an app.
    Show(asset::Show),
    /// Show the apps of an account.
    List(asset::List),
    /// Sell an app: sign an order and publish it.
    Publish(Publish),
    /// Give an app to another account. Its orders die with that.
    Transfer(asset::Transfer),
}

/// Put an app in the store and register it on the chain. Again changes nothing.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut app deploy stats.wasm --name csv-stats\n      Any program built for wasm32-wasip1 or wasm32-wasip2.\n  docker save my-image -o image.tar && canut app deploy image.tar\n      Any image for Linux; workers with a container engine run it.\n  canut app deploy --image docker.io/library/python:3.13@sha256:0123…\n      An image that anybody can pull. Workers pull what has that digest, whatever the tag means by then."
)]
pub(crate) struct Deploy {
    /// The WebAssembly file, or the archive of a container image
    #[arg(required_unless_present = "image")]
    file: Option<PathBuf>,
    /// A container image in a public registry instead, with its digest
    #[arg(long, value_name = "REFERENCE", conflicts_with = "file")]
    image: Option<String>,
    /// Its name; that of the file or of the image without it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Sell an app: sign an order and publish it.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut app publish 0x5FbDB2315678afecb367f032d93F642f64180aa3 --price 0.1RLC --volume 500"
)]
pub(crate) struct Publish {
    /// The app
    #[arg(value_parser = super::common::address)]
    app: Address,
    #[command(flatten)]
    offer: Offer,
    /// Only with this dataset
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true, value_parser = super::common::address)]
    dataset: Address,
    /// Only in this workerpool
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true, value_parser = super::common::address)]
    workerpool: Address,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Deploy(deploy) => self::deploy(deploy).await,
        Verb::Show(show) => self::show(show).await,
        Verb::List(list) => asset::list(AssetKind::App, list).await,
        Verb::Publish(Publish {
            app,
            offer,
            dataset,
            workerpool,
            common,
        }) => {
            let account = common.account().await?;
            let order = account.sign(offer.app(app, dataset, workerpool))?;
            asset::published(&common, &account.publish(&order).await?)
        }
        Verb::Transfer(transfer) => asset::transfer(AssetKind::App, transfer).await,
    }
}

async fn deploy(deploy: Deploy) -> Result<()> {
    let Deploy {
        file,
        image,
        name,
        common,
    } = deploy;
    let account = common.account().await?;
    let deployed = match (file, image) {
        (Some(file), _) => {
            let name = name.unwrap_or_else(|| file_name(&file));
            account.deploy_app(&name, &file).await?
        }
        (None, image) => {
            let image = image.ok_or_eyre("which app? Give a file, or --image REFERENCE")?;
            let name = name.unwrap_or_else(|| image_name(&image).to_owned());
            account.register_image(&name, &image).await?
        }
    };
    asset::deployed(&common, "App", &deployed)
}

/// The last part of the name of a repository.
fn image_name(reference: &str) -> &str {
    let path = reference.split('@').next().unwrap_or(reference);
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(':').next().unwrap_or(last)
}

/// The name of a file without its extension.
pub(crate) fn file_name(path: &std::path::Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

async fn show(asset::Show { address, common }: asset::Show) -> Result<()> {
    let found = common.client().await?.hub().app(address).await?;
    let (owner, app) = found.ok_or(Error::NoAsset {
        kind: "app",
        address,
    })?;
    let place = Location::from_multiaddr(&app.multiaddr)
        .map_or_else(|_| app.multiaddr.to_string(), |place| place.to_string());
    let document = json!({
        "app": address, "owner": owner, "name": app.name, "type": app.kind, "location": place, "checksum": app.checksum,
    });
    common.show(&document, || {
        format!(
            "App        {address}\nName       {}\nType       {}\nOwner      {owner}\nContent    {place}\nSHA-256    {}",
            app.name, app.kind, app.checksum
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_like_its_repository() {
        for reference in [
            "python",
            "registry.example:5000/team/python:3.13@sha256:00",
            "a/python@sha256:00",
        ] {
            assert_eq!(image_name(reference), "python", "{reference}");
        }
    }
}
