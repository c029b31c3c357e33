//! Keys, kept encrypted.

use std::{fmt, fs, path::PathBuf};

use alloy::signers::local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use alloy_primitives::{Address, B256, hex};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Error, Result,
    home::{check_name, names, write_private},
};

/// What is wrong with a key or a wallet.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// No wallet of that name.
    #[error(
        "there is no wallet `{0}`: see `canut wallet list`, or make one with `canut wallet create`"
    )]
    Unknown(String),
    /// The name is taken.
    #[error("there is a wallet `{0}` already: choose another name with --name")]
    Taken(String),
    /// Wrong password.
    #[error("the password does not open wallet `{0}`")]
    Password(String),
    /// The file is no keystore.
    #[error(
        "wallet `{0}` cannot be read ({1}): restore its file from a copy, or import the key again"
    )]
    Damaged(String, String),
    /// The text is no key.
    #[error(
        "this is neither a private key (64 hex digits) nor a mnemonic of 12 to 24 English words"
    )]
    NoKey,
}

/// A password. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// That password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A wallet, without its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WalletInfo {
    /// Its name.
    pub name: String,
    /// Its account; `None` when the file does not say.
    pub address: Option<Address>,
}

/// A folder of keys in the Web3 Secret Storage format, version 3, one file a key.
///
/// Its functions block: a password is stretched (scrypt) for about a tenth of a second.
#[derive(Clone, Debug)]
pub struct Wallets {
    folder: PathBuf,
}

impl Wallets {
    /// The wallets in a folder, which need not be there yet.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.folder.join(format!("{name}.json")))
    }

    /// All of them, by name.
    pub fn list(&self) -> Result<Vec<WalletInfo>> {
        let all = names(&self.folder)?.into_iter();
        Ok(all.map(|name| self.about(name)).collect())
    }

    fn about(&self, name: String) -> WalletInfo {
        let address = self.path(&name).ok().and_then(|path| {
            let text = fs::read_to_string(path).ok()?;
            let file: Value = serde_json::from_str(&text).ok()?;
            file.get("address")?.as_str()?.parse().ok()
        });
        WalletInfo { name, address }
    }

    /// The wallet to use when none is named: `default`, else the only one.
    pub fn usual(&self) -> Result<Option<String>> {
        let mut all = names(&self.folder)?;
        if all.iter().any(|name| name == "default") {
            return Ok(Some("default".to_owned()));
        }
        Ok(if all.len() == 1 { all.pop() } else { None })
    }

    /// Makes a new key.
    pub fn create(&self, name: &str, password: &Password) -> Result<WalletInfo> {
        self.import(name, &PrivateKeySigner::random(), password)
    }

    /// Keeps a key.
    pub fn import(
        &self,
        name: &str,
        key: &PrivateKeySigner,
        password: &Password,
    ) -> Result<WalletInfo> {
        let path = self.path(name)?;
        if path.exists() {
            return Err(WalletError::Taken(name.to_owned()).into());
        }
        // The library writes where it is told; from there the file moves to its place, with its address added.
        let desk = tempfile::tempdir().map_err(Error::file(std::env::temp_dir()))?;
        let damaged = |cause: String| Error::from(WalletError::Damaged(name.to_owned(), cause));
        let mut rng = rand::rngs::OsRng;
        PrivateKeySigner::encrypt_keystore(
            desk.path(),
            &mut rng,
            key.to_bytes(),
            &password.0,
            Some(name),
        )
        .map_err(|error| damaged(error.to_string()))?;
        let written = desk.path().join(name);
        let text = fs::read_to_string(&written).map_err(Error::file(&written))?;
        let mut file: Value =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if let Some(fields) = file.as_object_mut() {
            fields.insert("address".into(), format!("{:#x}", key.address()).into());
        }
        write_private(&path, file.to_string().as_bytes())?;
        Ok(WalletInfo {
            name: name.to_owned(),
            address: Some(key.address()),
        })
    }

    /// Opens a wallet.
    pub fn open(&self, name: &str, password: &Password) -> Result<PrivateKeySigner> {
        let path = self.path(name)?;
        if !path.exists() {
            return Err(WalletError::Unknown(name.to_owned()).into());
        }
        PrivateKeySigner::decrypt_keystore(&path, &password.0).map_err(|error| {
            let cause = error.to_string();
            let wrong = cause.to_lowercase().contains("mac");
            Error::from(if wrong {
                WalletError::Password(name.to_owned())
            } else {
                WalletError::Damaged(name.to_owned(), cause)
            })
        })
    }
}

/// Reads a private key in hex, or a mnemonic, of whose keys (BIP-44, `m/44'/60'/0'/0/index`) the one at `index` is taken.
pub fn parse_key(text: &str, index: u32) -> Result<PrivateKeySigner, WalletError> {
    let text = text.trim();
    if text.split_whitespace().count() > 1 {
        let phrase = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let builder = MnemonicBuilder::<English>::default().phrase(phrase);
        let key = builder.index(index).and_then(|builder| builder.build());
        return key.map_err(|_| WalletError::NoKey);
    }
    let bytes: [u8; 32] = hex::decode_to_array(text).map_err(|_| WalletError::NoKey)?;
    PrivateKeySigner::from_bytes(&B256::new(bytes)).map_err(|_| WalletError::NoKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MNEMONIC: &str = "test test test test test test test test test test test junk";

    #[test]
    fn a_key_is_kept_under_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let wallets = Wallets::in_folder(folder.path().join("keystore"));
        assert_eq!(wallets.usual().unwrap(), None);
        let made = wallets.create("mine", &Password::new("secret")).unwrap();
        assert_eq!(wallets.list().unwrap(), std::slice::from_ref(&made));
        assert_eq!(wallets.usual().unwrap().as_deref(), Some("mine"));
        let key = wallets.open("mine", &Password::new("secret")).unwrap();
        assert_eq!(Some(key.address()), made.address);

        let refused = |outcome: Result<PrivateKeySigner>| outcome.unwrap_err().to_string();
        assert!(refused(wallets.open("mine", &Password::new("other"))).contains("password"));
        assert!(
            refused(wallets.open("yours", &Password::new("secret"))).contains("no wallet `yours`")
        );
        let again = wallets
            .import("mine", &key, &Password::new("x"))
            .unwrap_err();
        assert!(again.to_string().contains("already"));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let wallets = Wallets::in_folder(folder.path());
        wallets.create("mine", &Password::new("")).unwrap();
        let mode = fs::metadata(folder.path().join("mine.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn keys_are_hex_or_words() {
        let first = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let address = parse_key(first, 0).unwrap().address();
        assert_eq!(
            address.to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        assert_eq!(parse_key(&first[2..], 0).unwrap().address(), address);
        assert_eq!(parse_key(MNEMONIC, 0).unwrap().address(), address);
        assert_eq!(
            parse_key(&format!(" {MNEMONIC}\n"), 1)
                .unwrap()
                .address()
                .to_string(),
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
        );
        for junk in [
            "",
            "0x",
            "12",
            "one two three",
            &"0".repeat(64),
            &"f".repeat(64),
        ] {
            assert!(parse_key(junk, 0).is_err(), "{junk}");
        }
    }
}
