//! Setting secrets in the vault, and keys for encrypted results.

use alloy::signers::SignerSync;
use alloy_primitives::{Address, eip191_hash_message};
use canut_protocol::signature;
use canut_vault::{
    NameError, SecretId, Value,
    format::{PublicKey, RsaKeyError},
};

use crate::{Account, Client, Result, wallet::WalletError};

/// A secret as an owner speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The key of an encrypted dataset.
    Dataset(Address),
    /// What an app's developer gives to the app.
    App(Address),
    /// What a requester gives to its runs, by a name.
    Requester(String),
    /// What an account keeps for itself, by a name.
    Account(String),
}

/// Why something is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its length.
    #[error("a secret has 1 to {} bytes of text", canut_vault::MAX_VALUE)]
    Length,
    /// It should be a key.
    #[error(transparent)]
    Key(#[from] RsaKeyError),
}

impl Secret {
    /// Which one it is in the vault, for an account.
    fn of(&self, account: Address) -> Result<SecretId, SecretError> {
        Ok(match self {
            Self::Dataset(dataset) => SecretId::Dataset(*dataset),
            Self::App(app) => SecretId::App(*app),
            Self::Requester(name) => SecretId::Requester(account, name.parse()?),
            Self::Account(name) => SecretId::Account(account, name.parse()?),
        })
    }
}

impl Client {
    /// Whether a secret is in the vault; those with a name are `account`'s.
    pub async fn has_secret(&self, secret: &Secret, account: Address) -> Result<bool> {
        Ok(self.vault()?.contains(&secret.of(account)?).await?)
    }

    /// The key that results for `account` are encrypted with, if it published one.
    pub async fn key_of_results(&self, account: Address) -> Result<Option<PublicKey>> {
        Ok(self.vault()?.key_of_results(account).await?)
    }
}

impl Account {
    /// Puts a secret in the vault, in place of the one that is there if `replace` says so and the vault allows.
    pub async fn push_secret(&self, secret: &Secret, value: &str, replace: bool) -> Result<()> {
        self.put(&secret.of(self.address())?, value, replace).await
    }

    /// Publishes the key (a PEM public key) that results for this account are encrypted with.
    pub async fn push_key_of_results(&self, pem: &str, replace: bool) -> Result<()> {
        let value = PublicKey::value_of(pem).map_err(SecretError::from)?;
        let id = SecretId::key_of_results(self.address());
        self.put(&id, &value, replace).await
    }

    async fn put(&self, id: &SecretId, text: &str, replace: bool) -> Result<()> {
        let value = Value::new(text).ok_or(SecretError::Length)?;
        let digest = eip191_hash_message(id.message(text));
        let signed = self
            .key()
            .sign_hash_sync(&digest)
            .map_err(|_| WalletError::NoKey)?;
        let signature = signature::to_bytes(&signed);
        let vault = self.client().vault()?;
        // Asked for beforehand, so that to replace what is not there yet is no error.
        let replace = replace && id.is_updatable() && vault.contains(id).await?;
        Ok(vault.put(id, &value, &signature, replace).await?)
    }
}
