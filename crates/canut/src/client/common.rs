//! What the commands share: which network, which key, how to print.

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use canut_client::{Account, Client, Home, Network, Password, parse_key};
use canut_protocol::{Nrlc, Tag, Trust, category};
use clap::Args;
use eyre::{Result, WrapErr, bail};
use serde::Serialize;
use std::{
    env, fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

const HEADING: &str = "Network and wallet";

/// Where, as whom, and in which form.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Network to use: a name of `canut network list`, or a file [default: the one of `canut network use`]
    #[arg(long, value_name = "NAME|FILE", env = "CANUT_NETWORK", help_heading = HEADING)]
    network: Option<String>,

    /// Node of the chain, in place of the network's
    #[arg(long, value_name = "URL", env = "CANUT_RPC", help_heading = HEADING)]
    rpc: Option<String>,

    /// Hub contract, in place of the network's
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", help_heading = HEADING, value_parser = address)]
    hub: Option<Address>,

    /// Order book, in place of the network's
    #[arg(long, value_name = "URL", env = "CANUT_MARKET", help_heading = HEADING)]
    market: Option<String>,

    /// Store of files, in place of the network's
    #[arg(long, value_name = "URL", env = "CANUT_STORE", help_heading = HEADING)]
    store: Option<String>,

    /// Keeper of secrets, in place of the network's
    #[arg(long, value_name = "URL", env = "CANUT_VAULT", help_heading = HEADING)]
    vault: Option<String>,

    /// Pool to ask about its tasks, in place of the network's
    #[arg(long, value_name = "URL", env = "CANUT_POOL", help_heading = HEADING)]
    pool: Option<String>,

    /// Folder of the private keys that open encrypted results: files named ADDRESS_key [default: $CANUT_HOME/beneficiary]
    #[arg(long, value_name = "FOLDER", env = "CANUT_BENEFICIARY_KEYS", help_heading = HEADING)]
    beneficiary_keys: Option<PathBuf>,

    /// Wallet to act as. Without it: the key in $CANUT_PRIVATE_KEY, the network's own (of `canut up`), or your only wallet
    #[arg(long, value_name = "NAME", env = "CANUT_WALLET", help_heading = HEADING)]
    wallet: Option<String>,

    /// File that holds the wallet's password; else $CANUT_PASSWORD, else you are asked
    #[arg(long, value_name = "FILE", env = "CANUT_PASSWORD_FILE", help_heading = HEADING)]
    password_file: Option<PathBuf>,

    /// Print one line of JSON, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

impl Common {
    /// The network: the named one or the usual one, with what is given beside it.
    pub(crate) fn network(&self) -> Result<Network> {
        let mut network = match (chosen(self.network.as_deref())?, &self.rpc, self.hub) {
            (Some(network), ..) => network,
            (None, Some(rpc), Some(hub)) => Network {
                rpc: rpc.clone(),
                hub,
                ..Network::default()
            },
            _ => bail!(
                "no network is chosen: start one of your own with `canut up`, add one with `canut network add`, choose one with \
                 `canut network use`, or give --rpc and --hub"
            ),
        };
        if let Some(rpc) = &self.rpc {
            // Another node may be of another chain, whose accounts are not those of development.
            (network.rpc, network.chain_id) = (rpc.clone(), None);
        }
        network.hub = self.hub.unwrap_or(network.hub);
        for (ours, theirs) in [
            (&self.market, &mut network.market),
            (&self.store, &mut network.store),
            (&self.vault, &mut network.vault),
            (&self.pool, &mut network.pool),
        ] {
            if ours.is_some() {
                theirs.clone_from(ours);
            }
        }
        Ok(network)
    }

    /// The hub that was named.
    pub(crate) const fn hub(&self) -> Option<Address> {
        self.hub
    }

    /// A network for what is known to be of `hub`: a node is enough to name it.
    pub(crate) fn network_of(&self, hub: Address) -> Result<Network> {
        match (&self.network, &self.rpc) {
            (None, Some(rpc)) => Ok(Network {
                rpc: rpc.clone(),
                hub: self.hub.unwrap_or(hub),
                store: self.store.clone(),
                pool: self.pool.clone(),
                ..Network::default()
            }),
            _ => self.network(),
        }
    }

    /// The services of the network.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.connect(&self.network()?).await
    }

    async fn connect(&self, network: &Network) -> Result<Client> {
        let client = Client::connect(network).await?;
        Ok(client.with_keys_of_results(self.keys_of_results()?))
    }

    /// The folder of the private keys that open encrypted results.
    pub(crate) fn keys_of_results(&self) -> Result<PathBuf> {
        match &self.beneficiary_keys {
            Some(folder) => Ok(folder.clone()),
            None => Ok(Home::find()?.path().join("beneficiary")),
        }
    }

    /// The services, and the key.
    pub(crate) async fn account(&self) -> Result<Account> {
        let network = self.network()?;
        let client = self.connect(&network).await?;
        Ok(client.with_key(self.key(&network)?).await?)
    }

    /// An address that is given, else that of the key.
    pub(crate) fn whose(&self, given: Option<Address>) -> Result<Address> {
        if let Some(address) = given {
            return Ok(address);
        }
        // Its address is written on a wallet: no password is needed.
        if let Some(name) = self.wallet_name(&self.network()?)? {
            let wallets = Home::find()?.wallets().list()?;
            let known = wallets.into_iter().find(|wallet| wallet.name == name);
            if let Some(address) = known.and_then(|wallet| wallet.address) {
                return Ok(address);
            }
        }
        Ok(self.key(&self.network()?)?.address())
    }

    /// The wallet to open; `None` for a key that is given otherwise.
    fn wallet_name(&self, network: &Network) -> Result<Option<String>> {
        if self.wallet.is_some() {
            return Ok(self.wallet.clone());
        }
        if private_key().is_some() || network.key.is_some() {
            return Ok(None);
        }
        match Home::find()?.wallets().usual()? {
            Some(name) => Ok(Some(name)),
            None => bail!(
                "no wallet is chosen: name one of `canut wallet list` with --wallet, make one with `canut wallet create`, or set \
                 CANUT_PRIVATE_KEY"
            ),
        }
    }

    fn key(&self, network: &Network) -> Result<PrivateKeySigner> {
        if let Some(name) = self.wallet_name(network)? {
            let password = self.password(&format!("Password of wallet {name}: "))?;
            return Ok(Home::find()?.wallets().open(&name, &password)?);
        }
        if let Some(text) = private_key() {
            return parse_key(&text, 0).wrap_err("CANUT_PRIVATE_KEY");
        }
        match network.key {
            Some(key) => Ok(parse_key(&key.to_string(), 0)?),
            None => bail!("no key is given"),
        }
    }

    fn password(&self, question: &str) -> Result<Password> {
        password(self.password_file.as_deref(), question)
    }

    /// Prints a document, or what it says to people.
    pub(crate) fn show(
        &self,
        document: &impl Serialize,
        people: impl FnOnce() -> String,
    ) -> Result<()> {
        show(self.json, document, people)
    }
}

/// The network of that name or in that file, else the usual one, if there is one.
pub(crate) fn chosen(named: Option<&str>) -> Result<Option<Network>> {
    if let Some(file) = named.map(Path::new).filter(|file| file.is_file()) {
        return Ok(Some(Network::load(file)?));
    }
    let home = Home::find()?;
    let usual = match named {
        Some(name) => Some(name.to_owned()),
        None => home.default_network()?,
    };
    Ok(usual.map(|name| home.network(&name)).transpose()?)
}

fn private_key() -> Option<String> {
    env::var("CANUT_PRIVATE_KEY")
        .ok()
        .filter(|key| !key.is_empty())
}

/// A password from a file, from the environment, or from the terminal.
pub(crate) fn password(file: Option<&Path>, question: &str) -> Result<Password> {
    if let Some(file) = file {
        let text = fs::read_to_string(file)
            .wrap_err_with(|| format!("the password file {}", file.display()))?;
        return Ok(Password::new(text.trim_end_matches(['\r', '\n'])));
    }
    if let Ok(password) = env::var("CANUT_PASSWORD") {
        return Ok(Password::new(password));
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "a password is needed, and there is no terminal to ask at: give --password-file, or set CANUT_PASSWORD"
        );
    }
    Ok(Password::new(
        rpassword::prompt_password(question).wrap_err("reading the password")?,
    ))
}

/// Prints a document as one line of JSON, or what it says to people.
pub(crate) fn show(
    json: bool,
    document: &impl Serialize,
    people: impl FnOnce() -> String,
) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(document)?)?;
    } else {
        writeln!(out, "{}", people().trim_end())?;
    }
    Ok(out.flush()?)
}

/// Says something on standard error, beside the result.
pub(crate) fn note(text: &str) {
    // With nowhere to say it there is nobody to miss it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks before something that costs. Without a terminal nothing is assumed.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask at, so nothing was bought: add --yes to agree beforehand"
        );
    }
    let mut err = std::io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    bail!("you said no: nothing was bought")
}

/// A trust level on the command line.
pub(crate) fn trust(text: &str) -> Result<Trust, canut_client::ParseTrustError> {
    canut_client::parse_trust(text)
}

/// An address on the command line. One with capitals says by these whether it was mistyped (EIP-55).
pub(crate) fn address(text: &str) -> Result<Address, String> {
    let address: Address = text
        .parse()
        .map_err(|_| "an address is 0x and 40 hexadecimal digits".to_owned())?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let one_case = |other: fn(&u8) -> bool| !digits.as_bytes().iter().any(other);
    let plain = one_case(u8::is_ascii_lowercase) || one_case(u8::is_ascii_uppercase);
    if plain || address.to_checksum(None).ends_with(digits) {
        return Ok(address);
    }
    Err(
        "a digit of it is wrong, for its capitals do not fit: copy it again from where you have it"
            .to_owned(),
    )
}

/// A price on the command line.
pub(crate) fn price(text: &str) -> Result<Nrlc, String> {
    text.parse()
        .map_err(|error: canut_protocol::money::ParseAmountError| error.to_string())
}

/// A tag on the command line.
pub(crate) fn tag(text: &str) -> Result<Tag, String> {
    text.parse()
        .map_err(|error: canut_protocol::tag::ParseTagError| error.to_string())
}

/// A category on the command line: a number, or one of the usual names.
pub(crate) fn category(text: &str) -> Result<u64, String> {
    let named = category::by_name(text);
    named
        .or_else(|| text.parse().ok())
        .ok_or_else(|| format!("`{text}` is no category: give its number, or XS, S, M, L or XL"))
}

/// The name of a category, for people.
pub(crate) fn category_name(id: u64) -> String {
    let known = usize::try_from(id)
        .ok()
        .and_then(|id| category::DEFAULTS.get(id));
    known.map_or_else(|| id.to_string(), |(name, _)| format!("{id} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line_are_read_as_people_write_them() {
        assert_eq!(price("2RLC"), Ok(Nrlc::rlc(2)));
        assert_eq!(price("1500nRLC"), Ok(Nrlc::new(1_500)));
        assert!(price("two").unwrap_err().contains("`2 RLC`"));
        let pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
        for text in [pool, &pool.to_lowercase(), &pool[2..]] {
            assert_eq!(address(text), Ok(pool.parse().unwrap()), "{text}");
        }
        let mistyped = pool.replace("5Fb", "6Fb");
        assert!(address(&mistyped).unwrap_err().contains("copy it again"));
        assert!(address("0x12").unwrap_err().contains("40 hexadecimal"));
        assert_eq!(trust("99%"), Ok(Trust::new(100)));
        assert_eq!(category("m"), Ok(2));
        assert_eq!(category("7"), Ok(7));
        assert!(category("huge").is_err());
        assert_eq!(category_name(0), "0 (XS)");
        assert_eq!(category_name(9), "9");
    }

    #[test]
    fn a_password_file_may_end_with_a_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), " s p \r\n").unwrap();
        assert_eq!(
            password(Some(file.path()), "").unwrap(),
            Password::new(" s p ")
        );
    }
}
