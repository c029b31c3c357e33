//! `canut run`: from an app and its inputs to a certified result.

use super::{
    app::file_name,
    common::{self, Common, category_name, confirm, note},
    follow::Follow,
};
use alloy_primitives::Address;
use canut_client::{Account, Bought, Input, Params, Quote, Wanted};
use canut_protocol::{Nrlc, Tag, Trust};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Run an app and get its result, certified.
///
/// Finds the cheapest offers at the trust you ask for, shows the price and asks; then buys, waits, fetches the result,
/// verifies it against what the workers certified on the chain, and unpacks it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut run stats.wasm --args \"price\" --input sales.csv --out ./result
      Your own app on your own file; the app is deployed first if it is not yet.
  canut run 0x5FbDB2315678afecb367f032d93F642f64180aa3 --trust 99% --tasks 16 --max-price 0.5RLC --yes
      An app of somebody else, as a bag of 16 tasks; results go to ./canut-<deal>/0 … /15.

Trust says how sure you want to be. 99% accepts one wrong result in a hundred, which is trust 100; 1 believes the first
worker. Higher trust takes more workers, and pools ask more for it.
Prices are in RLC or nRLC: 2RLC, 0.5RLC, 1500nRLC; a bare number is nRLC (1 RLC is 1,000,000,000 nRLC).
Ctrl-C breaks nothing: the command that resumes is printed.")]
pub(crate) struct Args {
    #[command(flatten)]
    order: Order,
    /// Folder for the result [default: canut- and the beginning of the deal's id]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Buy tasks as `canut run` does, and do not wait for them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut task create stats.wasm --args \"price\" --input sales.csv --trust 90% --yes
      Prints the deal. `canut deal watch DEAL --out ./result` waits for the results and fetches them.")]
pub(crate) struct Order {
    /// A WebAssembly file, or the address of an app
    #[arg(value_name = "APP.WASM|ADDRESS")]
    app: String,
    /// Arguments of the app, as one line; split as a shell does
    #[arg(
        long,
        value_name = "LINE",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    args: String,
    /// Input file: local, or a URL that workers can reach. May be repeated
    #[arg(long, value_name = "FILE|URL")]
    input: Vec<Input>,
    /// Dataset to use
    #[arg(long, value_name = "ADDRESS", value_parser = common::address)]
    dataset: Option<Address>,
    /// Only in this workerpool
    #[arg(long, value_name = "ADDRESS", value_parser = common::address)]
    workerpool: Option<Address>,
    /// How sure to be of the result: as 99%, or as 100
    #[arg(long, value_name = "TRUST", default_value = "1", value_parser = common::trust)]
    trust: Trust,
    /// How long a task may take: the number of a category, or XS, S, M, L, XL [default: the shortest that is on offer]
    #[arg(long, value_parser = common::category)]
    category: Option<u64>,
    /// What machines must offer: none, or of tee, tdx, gpu, …, joined by commas
    #[arg(long, default_value = "none", value_parser = common::tag)]
    tag: Tag,
    /// Tasks; each sees its index in IEXEC_BOT_TASK_INDEX
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    tasks: u64,
    /// Encrypt results for yourself, with the key of `canut secret push-key`; workers still see them
    #[arg(long)]
    encrypt_result: bool,
    /// Most that a task may cost: app, dataset and workerpool together, in RLC or nRLC
    #[arg(long, value_name = "PRICE", value_parser = common::price)]
    max_price: Option<Nrlc>,
    /// Keep every task on the chain under its own id, as clients of PoCo expect; costs the pool more gas. How workers vote
    /// is the pool's choice
    #[arg(long)]
    open: bool,
    /// Buy without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

/// Buys, waits and fetches.
pub(crate) async fn run(args: Args) -> Result<()> {
    if let Some(out) = &args.out {
        unused(out)?;
    }
    let (account, bought) = args.order.buy().await?;
    args.deliver(&account, &bought).await
}

/// Only buys.
pub(crate) async fn create(order: Order) -> Result<()> {
    let (_, bought) = order.buy().await?;
    let cost = Nrlc::sum(bought.iter().map(|deal| deal.cost))?;
    let deals: Vec<_> = bought.iter().map(|deal| deal.deal.to_string()).collect();
    order
        .common
        .show(&json!({ "deals": bought, "cost": cost }), || {
            format!(
                "Paid {cost}. Fetch the results with: canut deal watch {} --out FOLDER",
                deals.join(" ")
            )
        })
}

impl Order {
    /// Finds the cheapest offers, asks, and buys.
    async fn buy(&self) -> Result<(Account, Vec<Bought>)> {
        let account = self.common.account().await?;
        let wanted = self.wanted(&account).await?;
        let quote = account.quote(&wanted).await?;
        if !self.common.json {
            note(&offer(&wanted, &quote));
        }
        confirm(
            &format!("Buy {} for {}?", tasks(wanted.tasks), quote.total),
            self.yes,
        )?;
        let bought = account.buy(&wanted, &quote, |deal| {
            if !self.common.json {
                note(&format!(
                    "Deal {} of {} (transaction {})",
                    deal.deal,
                    tasks(deal.tasks),
                    deal.transaction
                ));
            }
        });
        let bought = bought.await?;
        Ok((account, bought))
    }

    /// What is wanted: with the app deployed, and the inputs in the store.
    async fn wanted(&self, account: &Account) -> Result<Wanted> {
        let app = match self.app.parse::<Address>() {
            Ok(address) => address,
            Err(_) => self.deploy(account, Path::new(&self.app)).await?,
        };
        if self.encrypt_result {
            self.check_key(account).await?;
        }
        let inputs = account.client().place_inputs(&self.input).await?;
        Ok(Wanted {
            app,
            dataset: self.dataset,
            workerpool: self.workerpool,
            category: self.category,
            trust: self.trust,
            tag: self.tag,
            tasks: self.tasks,
            max_price: self.max_price,
            open: self.open,
            params: Params {
                arguments: self.args.clone(),
                inputs,
                encrypted: self.encrypt_result,
            },
        })
    }

    /// Without the key no worker could deliver.
    async fn check_key(&self, account: &Account) -> Result<()> {
        let address = account.address();
        if account.client().key_of_results(address).await?.is_some() {
            return Ok(());
        }
        bail!(
            "{address} published no key to encrypt results with: make one with `canut secret generate-key`, publish it with \
             `canut secret push-key`"
        )
    }

    async fn deploy(&self, account: &Account, wasm: &Path) -> Result<Address> {
        if !wasm.is_file() {
            bail!(
                "`{}` is neither a file nor the address of an app (0x and 40 hex digits)",
                self.app
            );
        }
        let deployed = account.deploy_app(&file_name(wasm), wasm).await?;
        if let Some(block) = deployed.block {
            account.client().market_reached(block).await?;
        }
        if !self.common.json {
            let how = if deployed.transaction.is_some() {
                "deployed"
            } else {
                "known"
            };
            note(&format!("App {} ({how})", deployed.address));
        }
        Ok(deployed.address)
    }
}

impl Args {
    /// Waits for the results and shows them.
    async fn deliver(&self, account: &Account, bought: &[Bought]) -> Result<()> {
        let deals: Vec<_> = bought.iter().map(|deal| deal.deal).collect();
        let first = deals.first().map(ToString::to_string).unwrap_or_default();
        let out = self.out.clone().unwrap_or_else(|| {
            format!(
                "canut-{}",
                first.chars().skip(2).take(8).collect::<String>()
            )
            .into()
        });
        let follow = Follow {
            client: account.client(),
            deals: &deals,
            out: Some(&out),
            quiet: self.order.common.json,
        };
        let outcome = follow.run().await?;
        let cost = Nrlc::sum(bought.iter().map(|deal| deal.cost))?;
        let document = json!({ "deals": bought, "cost": cost, "out": out, "outcome": outcome });
        self.order.common.show(&document, || {
            format!(
                "{}Paid {cost}. Results and certificates are in {}",
                outcome.text(),
                out.display()
            )
        })?;
        outcome.check().wrap_err_with(|| follow.remedy(&outcome))
    }
}

fn tasks(count: u64) -> String {
    if count == 1 {
        "1 task".to_owned()
    } else {
        format!("{count} tasks")
    }
}

/// The results' folder must be new or empty, before anything is paid.
fn unused(out: &Path) -> Result<()> {
    let Ok(mut entries) = out.read_dir() else {
        if out.exists() {
            bail!("{} is a file: choose a folder for --out", out.display());
        }
        return Ok(());
    };
    if entries.next().is_some() {
        bail!(
            "the folder {} is not empty: choose another with --out",
            out.display()
        );
    }
    Ok(())
}

fn offer(wanted: &Wanted, quote: &Quote) -> String {
    let mut text = format!(
        "{} of app {} at trust {}, category {}\n",
        tasks(quote.tasks),
        wanted.app,
        wanted.trust,
        category_name(quote.category)
    );
    for fill in &quote.fills {
        // What does not add up was refused before.
        let price = fill.price().unwrap_or_default();
        text += &format!(
            "  {:>8} × {price} (app {}, dataset {}, workerpool {}) in {}\n",
            fill.tasks,
            fill.app.appprice,
            fill.dataset.datasetprice,
            fill.workerpool.workerpoolprice,
            fill.workerpool.workerpool
        );
    }
    text += &format!(
        "  total {}; you have {} on the hub and {} in the wallet",
        quote.total, quote.balance, quote.wallet
    );
    if !quote.deposit.is_zero() {
        text += &format!("; {} will be deposited", quote.deposit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_before_anything_is_paid() {
        let folder = tempfile::tempdir().unwrap();
        unused(folder.path()).unwrap();
        unused(&folder.path().join("new")).unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(unused(&file).unwrap_err().to_string().contains("is a file"));
        assert!(
            unused(folder.path())
                .unwrap_err()
                .to_string()
                .contains("not empty")
        );
    }
}
