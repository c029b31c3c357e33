//! Secrets: their names, their bounds, and what their owners sign.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, Keccak256, eip191_hash_message, keccak256};
use zeroize::Zeroizing;

/// Most bytes that a secret has.
pub const MAX_VALUE: usize = 4_096;

/// The web2 secret whose value is the key that results for an account are encrypted with: base64 of a PEM public key.
pub const KEY_OF_RESULTS: &str = "iexec-result-encryption-public-key";

/// Most bytes of a name.
const MAX_NAME: usize = 64;

/// What iExec's SMS signs under.
const DOMAIN: &str = "IEXEC_SMS_DOMAIN";

/// The name under which the one secret of an app is signed.
const OF_APP: &str = "1";

/// The name of a secret that an account has several of: 1 to 64 letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// A text is no name of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a secret has 1 to 64 letters, digits, - and _")]
pub struct NameError;

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(fit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError)
        }
    }
}

impl SecretName {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretId {
    /// The key that a dataset is encrypted with (`web3` in iExec's words). Its owner on the chain sets it, once.
    Dataset(Address),
    /// What an app's developer gives to the app. Its owner on the chain sets it, once.
    App(Address),
    /// What a requester gives to the runs of its deals. Set once.
    Requester(Address, SecretName),
    /// What an account keeps for itself (`web2` in iExec's words), such as the key of its results. May be changed.
    Account(Address, SecretName),
}

impl SecretId {
    /// The key that results for `beneficiary` are encrypted with.
    pub fn key_of_results(beneficiary: Address) -> Self {
        Self::Account(beneficiary, SecretName(KEY_OF_RESULTS.to_owned()))
    }

    /// The dataset, the app or the account it belongs to.
    pub const fn subject(&self) -> Address {
        match self {
            Self::Dataset(address)
            | Self::App(address)
            | Self::Requester(address, _)
            | Self::Account(address, _) => *address,
        }
    }

    /// The name among those of its subject; empty where there is one only.
    pub fn name(&self) -> &str {
        match self {
            Self::Dataset(_) | Self::App(_) => "",
            Self::Requester(_, name) | Self::Account(_, name) => name.as_str(),
        }
    }

    /// `dataset`, `app`, `requester` or `account`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "dataset",
            Self::App(_) => "app",
            Self::Requester(..) => "requester",
            Self::Account(..) => "account",
        }
    }

    /// Whether its value may be replaced.
    pub const fn is_updatable(&self) -> bool {
        matches!(self, Self::Account(..))
    }

    /// The message that authorises to set it to `value` (offchain.md, section 3.2). A wallet signs it as a message of 32 bytes
    /// (EIP-191).
    pub fn message(&self, value: &str) -> B256 {
        let signed_name = match self {
            Self::Dataset(_) => None,
            Self::App(_) => Some(OF_APP),
            Self::Requester(_, name) | Self::Account(_, name) => Some(name.as_str()),
        };
        let mut hasher = Keccak256::new();
        hasher.update(keccak256(DOMAIN));
        hasher.update(self.subject());
        if let Some(name) = signed_name {
            hasher.update(keccak256(name));
        }
        hasher.update(keccak256(value));
        hasher.finalize()
    }

    /// The digest of [`message`](Self::message) that the signature is over.
    pub fn digest(&self, value: &str) -> B256 {
        eip191_hash_message(self.message(value))
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} secret of {}", self.kind(), self.subject())?;
        match self.name() {
            "" => Ok(()),
            name => write!(f, " named {name}"),
        }
    }
}

/// A secret's value. It is never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Zeroizing<String>);

impl Value {
    /// A value of 1 to [`MAX_VALUE`] bytes; nothing else is one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = Zeroizing::new(text.into());
        (1..=MAX_VALUE).contains(&text.len()).then_some(Self(text))
    }

    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};

    use super::*;

    const SUBJECT: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");

    /// Values from the concatenate-and-hash of `iexec` 9.0.0.
    #[test]
    fn what_is_signed_is_what_the_sdk_signs() {
        let name: SecretName = "api-key".parse().unwrap();
        for (id, expected) in [
            (SecretId::Dataset(SUBJECT), DATASET),
            (SecretId::App(SUBJECT), APP),
            (SecretId::Requester(SUBJECT, name.clone()), NAMED),
            (SecretId::Account(SUBJECT, name), NAMED),
        ] {
            assert_eq!(id.message("mot de passe é"), expected, "{id}");
        }
    }
    const DATASET: B256 = b256!("9f802284b13663b3215be72771667aba66a6b9996c6c96db353c77bb2ea4b344");
    const APP: B256 = b256!("c6e15ed704ca6c0c479579a49683b5d25bc9c17cd7a6e5f1e20b0e99ee9d525c");
    const NAMED: B256 = b256!("867f24be98f315a28044edd740afae413974eab2e2944b5b900ab066dd605de9");

    #[test]
    fn names_and_values_are_bounded() {
        for name in ["", "a b", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(name.parse::<SecretName>(), Err(NameError), "{name}");
        }
        assert!("x".repeat(64).parse::<SecretName>().is_ok());
        assert!(Value::new("").is_none() && Value::new("x".repeat(4_097)).is_none());
        let value = Value::new("x".repeat(4_096)).unwrap();
        assert!(
            !format!("{value:?}").contains('x'),
            "values are not printed"
        );
    }
}
