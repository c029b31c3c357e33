//! What apps, datasets and workerpools have in common.

use super::common::Common;
use alloy_primitives::Address;
use canut_client::{Deployed, Listed, Tradable};
use canut_hub::events::AssetKind;
use clap::Args as ClapArgs;
use eyre::Result;
use serde_json::json;

/// One asset.
#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// Its address
    #[arg(value_parser = super::common::address)]
    pub(crate) address: Address,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The assets of an account.
#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// Whose; your own without it
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    owner: Option<Address>,
    #[command(flatten)]
    common: Common,
}

/// Give an asset to another account. Its orders die with that.
#[derive(Debug, ClapArgs)]
pub(crate) struct Transfer {
    /// The asset
    #[arg(value_parser = super::common::address)]
    address: Address,
    /// Who gets it
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    to: Address,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn list(kind: AssetKind, List { owner, common }: List) -> Result<()> {
    let owner = common.whose(owner)?;
    let assets = common.client().await?.assets(kind, owner).await?;
    let document = json!({ "owner": owner, "count": assets.len(), "assets": assets });
    common.show(&document, || {
        let lines = assets.iter().map(|asset| format!("{asset}\n"));
        format!("{}{} of {owner}", lines.collect::<String>(), assets.len())
    })
}

pub(crate) async fn transfer(
    kind: AssetKind,
    Transfer {
        address,
        to,
        common,
    }: Transfer,
) -> Result<()> {
    let receipt = common.account().await?.transfer(kind, address, to).await?;
    let document = json!({ "asset": address, "owner": to, "transaction": receipt.transaction });
    common.show(&document, || {
        format!(
            "{address} belongs to {to} now (transaction {}).",
            receipt.transaction
        )
    })
}

pub(crate) fn deployed(common: &Common, what: &str, deployed: &Deployed) -> Result<()> {
    common.show(deployed, || {
        let place = deployed
            .location
            .as_deref()
            .map(|place| format!(", content {place}"))
            .unwrap_or_default();
        match deployed.transaction {
            Some(hash) => format!("{what} {}{place} (transaction {hash})", deployed.address),
            None => format!("{what} {}{place} (it was there already)", deployed.address),
        }
    })
}

pub(crate) fn published<O: Tradable>(common: &Common, listed: &Listed<O>) -> Result<()> {
    common.show(listed, || {
        format!(
            "Published: order {}, {} of it left. `canut order cancel` closes it for good.",
            listed.order_hash, listed.remaining
        )
    })
}
