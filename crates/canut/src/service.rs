//! What services that run unattended have in common: which chain, which key, until when.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail};

/// Largest file of a key, in bytes.
const MAX_KEY_FILE: u64 = 1 << 10;

/// Where the hub is.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ChainArgs {
    /// The node: an http or ws URL. Over ws events are told at once
    #[arg(
        long,
        value_name = "URL",
        env = "CANUT_RPC",
        default_value = "ws://127.0.0.1:8545"
    )]
    pub(crate) rpc: String,

    /// The hub on that chain
    #[arg(long, value_name = "ADDRESS", env = "CANUT_HUB", value_parser = crate::client::address)]
    pub(crate) hub: Address,
}

/// The key of a service. There is no flag for the key itself: everybody on the machine can read flags.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct KeyArgs {
    /// File that holds the private key as 64 hexadecimal digits. Without it, the variable CANUT_PRIVATE_KEY
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

impl KeyArgs {
    /// The key in a file.
    pub(crate) fn of(file: &Path) -> Self {
        Self {
            key_file: Some(file.to_owned()),
        }
    }

    /// Reads the key.
    pub(crate) fn read(&self) -> Result<PrivateKeySigner> {
        let text = match &self.key_file {
            Some(path) => {
                let shown = path.display();
                let size = fs::metadata(path).wrap_err_with(|| format!("the key file {shown}"))?;
                if size.len() > MAX_KEY_FILE {
                    bail!(
                        "the key file {shown} is too large to be a key: it holds 64 hexadecimal digits"
                    );
                }
                fs::read_to_string(path).wrap_err_with(|| format!("the key file {shown}"))?
            }
            None => match std::env::var("CANUT_PRIVATE_KEY") {
                Ok(text) => text,
                Err(_) => bail!("which key? Give --key-file FILE, or set CANUT_PRIVATE_KEY"),
            },
        };
        // What is wrong with a key is not repeated: it may be nearly one.
        let Ok(key) = text.trim().parse() else {
            bail!("that is no private key: it is 64 hexadecimal digits, with or without 0x");
        };
        Ok(key)
    }
}

/// What to say when a port is taken.
pub(crate) fn listen_hint(what: &str, address: SocketAddr, flag: &str) -> String {
    format!(
        "{what} cannot listen on {address}: choose another address with {flag}, port 0 takes a free one"
    )
}
