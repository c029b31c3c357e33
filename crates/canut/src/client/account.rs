//! `canut account`: money.

use super::common::{self, Common};
use alloy_primitives::{Address, U256, utils::format_ether};
use canut_client::Balance;
use canut_hub::Receipt;
use canut_protocol::Nrlc;
use clap::{Args as ClapArgs, Subcommand};
use eyre::{Result, ensure};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show what an account has.
    Show(Show),
    /// Put RLC on the hub, to pay with.
    Deposit(Amount),
    /// Take free RLC off the hub.
    Withdraw(Amount),
    /// Give RLC that is outside the hub to somebody.
    Send(Send),
}

/// Show what an account has.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut account show\n  canut account show 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --json"
)]
pub(crate) struct Show {
    /// Whose; your own without it
    #[arg(value_parser = common::address)]
    address: Option<Address>,
    #[command(flatten)]
    common: Common,
}

/// An amount of RLC.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut account deposit 2RLC\n  canut account withdraw 1500nRLC\n\n1 RLC is 1,000,000,000 nRLC; a bare number is nRLC."
)]
pub(crate) struct Amount {
    /// How much, in RLC or nRLC
    #[arg(value_parser = common::price)]
    amount: Nrlc,
    #[command(flatten)]
    common: Common,
}

/// Give RLC that is outside the hub to somebody.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut account send 50RLC --to 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\nIt cannot be taken back. Ether is sent with any Ethereum wallet."
)]
pub(crate) struct Send {
    /// How much, in RLC or nRLC
    #[arg(value_parser = common::price)]
    amount: Nrlc,
    /// Who gets it
    #[arg(long, value_name = "ADDRESS", value_parser = common::address)]
    to: Address,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Show(Show { address, common }) => {
            let address = common.whose(address)?;
            let balance = common.client().await?.balance(address).await?;
            common.show(&balance, || text(&balance))
        }
        Verb::Send(Send { amount, to, common }) => {
            let account = common.account().await?;
            let has = account.client().balance(account.address()).await?.wallet;
            ensure!(
                amount <= has,
                "{} has {has} outside the hub: send less, or take some off the hub with `canut account withdraw`",
                account.address()
            );
            let receipt = account.caller().transfer_token(to, amount).await?;
            moved(
                &common,
                &receipt,
                &account.client().balance(account.address()).await?,
            )
        }
        Verb::Deposit(Amount { amount, common }) => {
            let account = common.account().await?;
            let receipt = account.deposit(amount).await?;
            moved(
                &common,
                &receipt,
                &account.client().balance(account.address()).await?,
            )
        }
        Verb::Withdraw(Amount { amount, common }) => {
            let account = common.account().await?;
            let receipt = account.withdraw(amount).await?;
            moved(
                &common,
                &receipt,
                &account.client().balance(account.address()).await?,
            )
        }
    }
}

fn moved(common: &Common, receipt: &Receipt, balance: &Balance) -> Result<()> {
    let document = json!({ "transaction": receipt.transaction, "balance": balance });
    common.show(&document, || {
        format!("Transaction {}\n{}", receipt.transaction, text(balance))
    })
}

fn text(balance: &Balance) -> String {
    let Balance {
        address,
        stake,
        locked,
        wallet,
        ether,
        score,
    } = balance;
    let ether = format_ether(U256::from(*ether));
    let ether = ether.trim_end_matches('0').trim_end_matches('.');
    format!(
        "Account    {address}\nOn the hub {stake} free, {locked} locked\nOutside    {wallet}, {ether} ether\nScore      {score}"
    )
}
