//! RSA keys of those for whom results are encrypted, as PEM.

use std::fmt;

use alloy_primitives::Address;
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::rngs::SysRng;
use rsa::{
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding},
    traits::PublicKeyParts,
};
use zeroize::Zeroizing;

use crate::{SecretId, secret::MAX_VALUE};

/// Bits of a key that is made here: as many as iExec's CLI makes.
const BITS: usize = 4_096;
/// Bits that a key of others may have.
const FEWEST_BITS: u32 = 2_048;
const MOST_BITS: u32 = 8_192;
/// Largest file of a private key, in bytes.
const MAX_PRIVATE: usize = 16 << 10;

/// Why something is no key.
#[derive(Debug, thiserror::Error)]
pub enum RsaKeyError {
    /// Not base64 of text.
    #[error("the key for results is base64 of a PEM public key")]
    Encoding,
    /// Not a PEM public key.
    #[error("that is no RSA public key in PEM: it begins with -----BEGIN PUBLIC KEY-----")]
    Public,
    /// Not a PEM private key.
    #[error("that is no RSA private key in PEM: it begins with -----BEGIN PRIVATE KEY-----")]
    Private,
    /// Too weak or too large.
    #[error("the key has {0} bits: it must have {FEWEST_BITS} to {MOST_BITS}")]
    Bits(u32),
    /// Its exponent is absurd.
    #[error("the key's public exponent is not one that is used: make another key")]
    Exponent,
    /// The system cannot make one.
    #[error("no key can be made: {0}")]
    Making(String),
}

/// A beneficiary's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(pub(super) rsa::PublicKey);

impl PublicKey {
    /// Reads PEM (`SubjectPublicKeyInfo`).
    pub fn from_pem(pem: &str) -> Result<Self, RsaKeyError> {
        if pem.len() > MAX_VALUE {
            return Err(RsaKeyError::Public);
        }
        let key =
            rsa::PublicKey::from_public_key_pem(pem.trim()).map_err(|_| RsaKeyError::Public)?;
        let bits = key.n().bit_width();
        if !(FEWEST_BITS..=MOST_BITS).contains(&bits) {
            return Err(RsaKeyError::Bits(bits));
        }
        // Larger ones are slow, and made for that.
        if key.e().bit_width() > 33 {
            return Err(RsaKeyError::Exponent);
        }
        Ok(Self(key))
    }

    /// Reads the value of the secret in which a beneficiary publishes it: base64 of the PEM.
    pub fn from_value(value: &str) -> Result<Self, RsaKeyError> {
        let pem = BASE64_STANDARD.decode(value.trim());
        let pem = pem.map_err(|_| RsaKeyError::Encoding)?;
        Self::from_pem(&String::from_utf8(pem).map_err(|_| RsaKeyError::Encoding)?)
    }

    /// The value of that secret for a PEM, byte for byte.
    pub fn value_of(pem: &str) -> Result<String, RsaKeyError> {
        Self::from_pem(pem)?;
        Ok(BASE64_STANDARD.encode(pem))
    }

    /// Reads a key that a vault shows, if `beneficiary` signed it.
    pub(crate) fn vouched(
        value: &str,
        signature: &[u8],
        beneficiary: Address,
    ) -> Option<Result<Self, RsaKeyError>> {
        let digest = SecretId::key_of_results(beneficiary).digest(value);
        let signer = canut_gate::recover(digest, signature);
        (signer == Some(beneficiary)).then(|| Self::from_value(value))
    }

    /// As PEM.
    pub fn to_pem(&self) -> Result<String, RsaKeyError> {
        let pem = self.0.to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| RsaKeyError::Making(error.to_string()))
    }

    /// As DER.
    pub(super) fn to_der(&self) -> Result<Vec<u8>, RsaKeyError> {
        let der = self.0.to_public_key_der();
        let der = der.map_err(|error| RsaKeyError::Making(error.to_string()))?;
        Ok(der.into_vec())
    }
}

/// A beneficiary's private key. It is never printed.
#[derive(Clone)]
pub struct PrivateKey(pub(super) rsa::PrivateKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl PrivateKey {
    /// Makes a key. Takes seconds, and blocks.
    pub fn generate() -> Result<Self, RsaKeyError> {
        let made = rsa::PrivateKey::new(&mut SysRng, BITS);
        made.map(Self)
            .map_err(|error| RsaKeyError::Making(error.to_string()))
    }

    /// Reads PEM (PKCS#8).
    pub fn from_pem(pem: &str) -> Result<Self, RsaKeyError> {
        if pem.len() > MAX_PRIVATE {
            return Err(RsaKeyError::Private);
        }
        let key = rsa::PrivateKey::from_pkcs8_pem(pem.trim());
        key.map(Self).map_err(|_| RsaKeyError::Private)
    }

    /// As PEM.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, RsaKeyError> {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF);
        let pem = pem.map_err(|error| RsaKeyError::Making(error.to_string()))?;
        Ok(Zeroizing::new(pem.to_string()))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }
}
