//! `canut wallet`: keys, kept encrypted.

use super::common::{password, show};
use canut_client::{Home, WalletInfo, parse_key};
use clap::{Args as ClapArgs, Subcommand};
use eyre::{Result, WrapErr, bail};
use std::{io::IsTerminal, io::Read, path::PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a new key.
    Create(Create),
    /// Keep a key that you have: a private key in hex, or a mnemonic. It is read from standard input.
    Import(Import),
    /// Show a wallet's address.
    Show(Show),
    /// Show all wallets.
    List(List),
}

/// Make a new key.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut wallet create --name work
      Asks for a password and prints the new address. The key is in $CANUT_HOME (or ~/.config/canut), keystore/work.json:
      copy that file to a safe place, without it and the password the money is lost.")]
pub(crate) struct Create {
    #[command(flatten)]
    how: How,
}

/// Keep a key that you have.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut wallet import --name work <key.txt
  canut wallet import --name second --index 1 <words.txt
      The second key of a mnemonic (m/44'/60'/0'/0/1).")]
pub(crate) struct Import {
    #[command(flatten)]
    how: How,
    /// Which key of a mnemonic
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: u32,
}

#[derive(Debug, ClapArgs)]
struct How {
    /// Name of the wallet: letters, digits, - and _
    #[arg(long, default_value = "default")]
    name: String,
    /// File that holds the new password; else $CANUT_PASSWORD, else you are asked
    #[arg(long, value_name = "FILE", env = "CANUT_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Show a wallet's address.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut wallet show work")]
pub(crate) struct Show {
    /// Its name
    #[arg(default_value = "default")]
    name: String,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Show all wallets.
#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    let wallets = Home::find()?.wallets();
    match verb {
        Verb::Create(Create { how }) => {
            let made = wallets.create(&how.name, &new_password(&how)?)?;
            show(how.json, &made, || line(&made))
        }
        Verb::Import(Import { how, index }) => {
            let key = parse_key(&secret()?, index)?;
            let made = wallets.import(&how.name, &key, &new_password(&how)?)?;
            show(how.json, &made, || line(&made))
        }
        Verb::Show(Show { name, json }) => {
            let found = wallets
                .list()?
                .into_iter()
                .find(|wallet| wallet.name == name);
            let found = found.ok_or(canut_client::WalletError::Unknown(name))?;
            show(json, &found, || line(&found))
        }
        Verb::List(List { json }) => {
            let all = wallets.list()?;
            show(json, &all, || match all.is_empty() {
                true => "No wallet yet: make one with `canut wallet create`.".to_owned(),
                false => all.iter().map(|wallet| line(wallet) + "\n").collect(),
            })
        }
    }
}

fn line(wallet: &WalletInfo) -> String {
    let address = wallet.address.map_or_else(
        || "(the file does not say)".to_owned(),
        |address| address.to_string(),
    );
    format!("{:16} {address}", wallet.name)
}

/// The key to import. At a terminal it is typed unseen.
fn secret() -> Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Private key or mnemonic: ").wrap_err("reading the key");
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .wrap_err("reading the key")?;
    Ok(text)
}

/// A new password, typed twice where it is typed.
fn new_password(how: &How) -> Result<canut_client::Password> {
    let file = how.password_file.as_deref();
    let first = password(file, "New password: ")?;
    let typed = file.is_none() && std::env::var_os("CANUT_PASSWORD").is_none();
    if typed && first != password(file, "Once more: ")? {
        bail!("the two passwords differ: nothing was kept");
    }
    Ok(first)
}
