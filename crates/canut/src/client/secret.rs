//! `canut secret`: what the vault keeps for a person.

use std::{
    fs,
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use canut_client::{Account, Error, Secret, key_file, write_private};
use canut_vault::{KEY_OF_RESULTS, MAX_VALUE, RemoteError, format::PrivateKey};
use clap::{Args as ClapArgs, Subcommand};
use eyre::{Result, WrapErr, bail};
use serde_json::json;

use super::common::{Common, note};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Put a secret in the vault.
    Push(Push),
    /// Tell whether a secret is in the vault. Its value is never told.
    Check(Check),
    /// Make the key that results for you are encrypted with.
    GenerateKey(GenerateKey),
    /// Publish the key that results for you are encrypted with.
    PushKey(PushKey),
    /// Tell whether an account published the key that its results are encrypted with.
    CheckKey(CheckKey),
}

/// Which secret.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct Which {
    /// The key of your encrypted dataset
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    dataset: Option<Address>,
    /// What your app is given in each run
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    app: Option<Address>,
    /// What your runs are given, under this name
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    /// What services do for you with, under this name
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

impl Which {
    fn secret(&self) -> Result<Secret> {
        let Self {
            dataset,
            app,
            requester,
            account,
        } = self;
        Ok(match (dataset, app, requester, account) {
            (Some(dataset), ..) => Secret::Dataset(*dataset),
            (_, Some(app), ..) => Secret::App(*app),
            (_, _, Some(name), _) => Secret::Requester(name.clone()),
            (.., Some(name)) => Secret::Account(name.clone()),
            _ => bail!("which secret? Give --dataset, --app, --requester or --account"),
        })
    }

    fn words(&self) -> String {
        let Self {
            dataset,
            app,
            requester,
            account,
        } = self;
        let of = |kind, whose: String| format!("The {kind} secret {whose}");
        dataset
            .map(|address| of("dataset", address.to_string()))
            .or_else(|| app.map(|address| of("app", address.to_string())))
            .or_else(|| requester.clone().map(|name| of("requester", name)))
            .or_else(|| account.clone().map(|name| of("account", name)))
            .unwrap_or_default()
    }
}

/// Put a secret in the vault.
///
/// It is read from standard input or from a file, never from the command line, which everybody on the machine can see.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut secret push --dataset 0x5FbDB2315678afecb367f032d93F642f64180aa3 --file rain.csv.key
      The key that `canut dataset encrypt` made. It is set once.
  canut secret push --requester api-key <key.txt
      A secret for your runs; params name it in iexec_secrets.")]
pub(crate) struct Push {
    #[command(flatten)]
    which: Which,
    /// File that holds it; else it is read from standard input. A line end at its end does not count
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the one that is there; only --account has this, the others are set once
    #[arg(long, conflicts_with_all = ["dataset", "app", "requester"])]
    replace: bool,
    #[command(flatten)]
    common: Common,
}

/// Tell whether a secret is in the vault.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut secret check --requester api-key")]
pub(crate) struct Check {
    #[command(flatten)]
    which: Which,
    /// Whose it is, for --requester and --account [default: yours]
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    user: Option<Address>,
    #[command(flatten)]
    common: Common,
}

/// Make the key that results for you are encrypted with.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut secret generate-key && canut secret push-key
      Makes ADDRESS_key and ADDRESS_key.pub (RSA, 4096 bits) in $CANUT_HOME/beneficiary, as the iexec CLI makes them, and publishes
      the second. Keep the first: without it no result of yours can be opened.")]
pub(crate) struct GenerateKey {
    #[command(flatten)]
    common: Common,
}

/// Publish the key that results for you are encrypted with.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut secret push-key --file .secrets/beneficiary/0x…_key.pub --replace"
)]
pub(crate) struct PushKey {
    /// PEM public key [default: the one of `canut secret generate-key`]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the one that is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    common: Common,
}

/// Tell whether an account published the key that its results are encrypted with.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut secret check-key 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
)]
pub(crate) struct CheckKey {
    /// The account [default: yours]
    #[arg(value_parser = super::common::address)]
    user: Option<Address>,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Push(push) => self::push(push).await,
        Verb::Check(Check {
            which,
            user,
            common,
        }) => {
            let secret = which.secret()?;
            let user = match &secret {
                Secret::Dataset(address) | Secret::App(address) => *address,
                Secret::Requester(_) | Secret::Account(_) => common.whose(user)?,
            };
            let set = common.client().await?.has_secret(&secret, user).await?;
            common.show(&json!({ "set": set }), || {
                format!(
                    "{} is {}.",
                    which.words(),
                    if set { "set" } else { "not set" }
                )
            })
        }
        Verb::GenerateKey(GenerateKey { common }) => generate(&common),
        Verb::PushKey(PushKey {
            file,
            replace,
            common,
        }) => {
            let account = common.account().await?;
            let private = key_file(&common.keys_of_results()?, account.address());
            let made = private.with_extension("pub");
            if file.is_none() && !made.exists() {
                bail!(
                    "there is no key at {}: `canut secret generate-key` makes one, or give a --file",
                    made.display()
                );
            }
            let pem = read_small(&file.unwrap_or(made))?;
            let pushed = account.push_key_of_results(&pem, replace).await;
            if is_there(&pushed) {
                bail!(
                    "a key is published already: give --replace to publish another. Results that are encrypted with the old one \
                     still need its private key"
                );
            }
            pushed?;
            let address = account.address();
            common.show(
                &json!({ "account": address, "secret": KEY_OF_RESULTS }),
                || format!("Results for {address} can be encrypted now."),
            )
        }
        Verb::CheckKey(CheckKey { user, common }) => {
            let user = common.whose(user)?;
            let key = common.client().await?.key_of_results(user).await?;
            let pem = key.as_ref().map(|key| key.to_pem()).transpose()?;
            common.show(
                &json!({ "account": user, "set": pem.is_some(), "key": pem }),
                || match &pem {
                    Some(pem) => format!("Results for {user} are encrypted with:\n{pem}"),
                    None => format!("{user} published no key for results."),
                },
            )
        }
    }
}

async fn push(push: Push) -> Result<()> {
    let Push {
        which,
        file,
        replace,
        common,
    } = push;
    let value = match &file {
        Some(file) => read_small(file)?,
        None => read_input()?,
    };
    let value = value.trim_end_matches(['\r', '\n']);
    let (account, secret) = (common.account().await?, which.secret()?);
    check_owner(&account, &secret).await?;
    let pushed = account.push_secret(&secret, value, replace).await;
    if is_there(&pushed) {
        bail!(
            "{} is set already: {}",
            which.words(),
            match secret {
                Secret::Dataset(_) | Secret::App(_) => "it is set once",
                Secret::Requester(_) => "it is set once, choose another name",
                Secret::Account(_) => "give --replace to set another",
            }
        );
    }
    pushed?;
    common.show(&json!({ "set": true }), || {
        format!("{} is set.", which.words())
    })
}

/// Whether the vault has a secret of that name already.
const fn is_there(pushed: &Result<(), Error>) -> bool {
    matches!(
        pushed,
        Err(Error::Vault(RemoteError::Refused { status: 409, .. }))
    )
}

/// The vault asks for the owner's signature, and cannot say whose else it got.
async fn check_owner(account: &Account, secret: &Secret) -> Result<()> {
    let hub = account.client().hub();
    let (kind, address, owner) = match secret {
        Secret::Dataset(dataset) => {
            let found = hub.dataset(*dataset).await?;
            ("dataset", *dataset, found.map(|(owner, _)| owner))
        }
        Secret::App(app) => {
            let found = hub.app(*app).await?;
            ("app", *app, found.map(|(owner, _)| owner))
        }
        Secret::Requester(_) | Secret::Account(_) => return Ok(()),
    };
    let owner = owner.ok_or(Error::NoAsset { kind, address })?;
    if owner != account.address() {
        bail!("the {kind} {address} is of {owner}: only its owner sets its secret");
    }
    Ok(())
}

fn generate(common: &Common) -> Result<()> {
    let account = common.whose(None)?;
    let private = key_file(&common.keys_of_results()?, account);
    let public = private.with_extension("pub");
    if private.exists() {
        bail!(
            "{} is there already: results may be encrypted for it. Move it, or choose another --beneficiary-keys",
            private.display()
        );
    }
    if !common.json {
        note("Making a key of 4096 bits takes some seconds …");
    }
    let key = PrivateKey::generate()?;
    write_private(&private, key.to_pem()?.as_bytes())?;
    fs::write(&public, key.public().to_pem()?).wrap_err_with(|| public.display().to_string())?;
    common.show(&json!({ "private": private, "public": public }), || {
        format!(
            "Private key {}\nPublic key  {}\nPublish it with `canut secret push-key`.",
            private.display(),
            public.display()
        )
    })
}

fn read_small(path: &Path) -> Result<String> {
    let shown = || path.display().to_string();
    let mut text = String::new();
    let file = fs::File::open(path).wrap_err_with(shown)?;
    let most = 2 * MAX_VALUE as u64;
    file.take(most)
        .read_to_string(&mut text)
        .wrap_err_with(shown)?;
    Ok(text)
}

fn read_input() -> Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Secret: ").wrap_err("reading the secret");
    }
    let mut text = String::new();
    let most = 2 * MAX_VALUE as u64;
    std::io::stdin()
        .take(most)
        .read_to_string(&mut text)
        .wrap_err("the secret on standard input")?;
    Ok(text)
}
