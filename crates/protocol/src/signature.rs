//! Signatures of plain keys.
//!
//! The hub accepts a digest as signed by an account when it was presigned by it, when the account has code and says so
//! (ERC-1271), or when the key of the account signed it. Presigning and ERC-1271 need the chain and are the caller's; an
//! account that delegates (EIP-7702) has code too. The rule for plain keys is here.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, Signature, U256, uint};
use serde::{Deserialize, Serialize};

/// Half the order of secp256k1: a signature with a larger `s` is the malleable twin of another (EIP-2).
const MAX_S: U256 = uint!(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0_U256);

/// A signature has neither of the two lengths a plain key can give. The hub reverts `invalid-signature-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a signature of a plain key has 65 bytes, or 64 in the compact form of EIP-2098, not {length}: sign the order again"
)]
pub struct LengthError {
    /// Bytes given.
    pub length: usize,
}

/// The account whose key signed `digest`; `None` when nobody's did: `v` is neither 27 nor 28, `s` is in the upper half
/// (EIP-2), or no key matches. Takes `r ‖ s ‖ v` or the compact `r ‖ yParityAndS` (EIP-2098).
pub fn recover(digest: B256, signature: &[u8]) -> Result<Option<Address>, LengthError> {
    let parsed = match signature.len() {
        64 => Some(Signature::from_erc2098(signature)),
        65 => match signature[64] {
            v @ 27..=28 => Some(Signature::from_bytes_and_parity(&signature[..64], v == 28)),
            _ => None,
        },
        length => return Err(LengthError { length }),
    };
    // `alloy` would turn a high `s` into its low twin and accept it.
    let low = parsed.filter(|signature| signature.s() <= MAX_S);
    Ok(low.and_then(|signature| signature.recover_address_from_prehash(&digest).ok()))
}

/// Whether the hub takes `signature` as `account`'s over `digest`, for an account without code. The zero address never
/// signed anything (in PoCo 6.2.0 every malformed signature is one of it).
pub fn verify(account: Address, digest: B256, signature: &[u8]) -> Result<bool, LengthError> {
    Ok(recover(digest, signature)? == Some(account))
}

/// Whether the presignature recorded for a digest stands for `account` (PoCo 6.2.0, `verifyPresignature`).
pub fn is_presigned(account: Address, presigner: Address) -> bool {
    account != Address::ZERO && presigner == account
}

/// The 65 bytes `r ‖ s ‖ v`, `v` 27 or 28, that every PoCo client and contract reads.
pub fn to_bytes(signature: &Signature) -> Bytes {
    Bytes::copy_from_slice(&signature.normalized_s().as_bytes())
}

/// A signature of the certificate way: the 64 bytes `r ‖ yParityAndS` of EIP-2098, with a low `s`. So a key's signature of a
/// digest has one form only. Accounts with code do not sign this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "FixedBytes<64>", into = "FixedBytes<64>")]
pub struct CompactSignature(FixedBytes<64>);

/// Bytes that are no compact signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// Not 64 bytes.
    #[error("a compact signature (EIP-2098) has 64 bytes, not {0}")]
    Length(usize),
    /// The malleable twin of one.
    #[error(
        "the signature's s is in the upper half, where a second form of each signature would be"
    )]
    HighS,
}

impl CompactSignature {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The account whose key signed `digest`; `None` when nobody's did.
    pub fn recover(&self, digest: B256) -> Option<Address> {
        let signature = Signature::from_erc2098(self.0.as_slice());
        let account = signature.recover_address_from_prehash(&digest).ok()?;
        (account != Address::ZERO).then_some(account)
    }
}

impl TryFrom<&[u8]> for CompactSignature {
    type Error = CompactError;

    fn try_from(bytes: &[u8]) -> Result<Self, CompactError> {
        let sized = FixedBytes::try_from(bytes).map_err(|_| CompactError::Length(bytes.len()))?;
        Self::try_from(sized)
    }
}

impl TryFrom<FixedBytes<64>> for CompactSignature {
    type Error = CompactError;

    fn try_from(bytes: FixedBytes<64>) -> Result<Self, CompactError> {
        match Signature::from_erc2098(bytes.as_slice()).s() <= MAX_S {
            true => Ok(Self(bytes)),
            false => Err(CompactError::HighS),
        }
    }
}

impl From<&Signature> for CompactSignature {
    fn from(signature: &Signature) -> Self {
        Self(FixedBytes(signature.normalized_s().as_erc2098()))
    }
}

impl From<CompactSignature> for FixedBytes<64> {
    fn from(signature: CompactSignature) -> Self {
        signature.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::key;

    #[test]
    fn both_lengths_recover_the_signer() {
        let (key, signer) = key(1);
        let digest = B256::repeat_byte(7);
        let signature = key(digest);
        assert_eq!(recover(digest, &signature.as_bytes()), Ok(Some(signer)));
        assert_eq!(recover(digest, &signature.as_erc2098()), Ok(Some(signer)));
        assert_eq!(verify(signer, B256::ZERO, &signature.as_bytes()), Ok(false));
    }

    #[test]
    fn the_malleable_twin_is_nobodys() {
        let (key, signer) = key(1);
        let digest = B256::repeat_byte(7);
        let signature = key(digest);
        let order = MAX_S * U256::from(2) + U256::ONE;
        let twin = Signature::new(signature.r(), order - signature.s(), !signature.v());
        assert_eq!(
            twin.recover_address_from_prehash(&digest).unwrap(),
            signer,
            "a twin is valid mathematically"
        );
        assert_eq!(recover(digest, &twin.as_bytes()), Ok(None));
    }

    #[test]
    fn v_is_27_or_28() {
        let digest = B256::repeat_byte(7);
        let mut bytes = key(1).0(digest).as_bytes();
        bytes[64] -= 27;
        assert_eq!(recover(digest, &bytes), Ok(None));
    }

    #[test]
    fn the_zero_address_never_signed_anything() {
        let junk = verify(Address::ZERO, B256::repeat_byte(1), &[0; 65]);
        assert_eq!(junk, Ok(false));
        assert!(!is_presigned(Address::ZERO, Address::ZERO));
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..70), digest: [u8; 32]) {
            let outcome = recover(B256::new(digest), &bytes);
            prop_assert_eq!(outcome.is_err(), bytes.len() != 64 && bytes.len() != 65);
        }
    }
}
