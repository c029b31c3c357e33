//! Recovering signers with libsecp256k1, several times as fast as in pure Rust.
//!
//! The rule is `canut_protocol::signature::recover`'s, and a test holds the two together.

use alloy_primitives::{Address, B256, keccak256};
use canut_protocol::signature;
use secp256k1::{
    Message, SECP256K1,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// The account whose key signed `digest`, in one of the two forms the hub takes; none when nobody's did.
pub fn recover(digest: B256, sign: &[u8]) -> Option<Address> {
    // The rare compact form goes the slow way.
    let Ok([rs @ .., v @ (27 | 28)]) = <&[u8; 65]>::try_from(sign) else {
        return signature::recover(digest, sign).ok().flatten();
    };
    let recovery = RecoveryId::from_u8_masked(v - 27);
    let parsed = RecoverableSignature::from_compact(rs, recovery).ok()?;
    // A high `s` makes the malleable twin of another signature (EIP-2).
    let mut low = parsed.to_standard();
    low.normalize_s();
    if low != parsed.to_standard() {
        return None;
    }
    let key = SECP256K1
        .recover_ecdsa(Message::from_digest(digest.0), &parsed)
        .ok()?;
    let [_, point @ ..] = key.serialize_uncompressed();
    let [_, _, _, _, _, _, _, _, _, _, _, _, address @ ..] = keccak256(point).0;
    Some(Address::new(address))
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;
    use proptest::prelude::*;

    use super::*;

    fn signed(key: [u8; 32], digest: B256) -> Option<(Address, Vec<u8>)> {
        let key = SigningKey::from_slice(&key).ok()?;
        let signature: alloy_primitives::Signature =
            key.sign_prehash_recoverable(digest.as_slice()).ok()?.into();
        Some((
            Address::from_public_key(key.verifying_key()),
            signature.as_bytes().to_vec(),
        ))
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_protocol(key: [u8; 32], digest: [u8; 32], at in 0..70usize, flip: u8, length in 0..70usize) {
            let digest = B256::new(digest);
            let Some((signer, mut sign)) = signed(key, digest) else { return Ok(()) };
            prop_assert_eq!(recover(digest, &sign), Some(signer));
            if let Some(byte) = sign.get_mut(at) {
                *byte ^= flip;
            }
            if at > 64 {
                sign.resize(length, flip);
            }
            prop_assert_eq!(recover(digest, &sign), signature::recover(digest, &sign).ok().flatten());
        }
    }

    #[test]
    fn the_malleable_twin_is_nobodys() {
        let digest = B256::repeat_byte(7);
        let (_, sign) = signed([1; 32], digest).unwrap();
        let order = alloy_primitives::uint!(
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256
        );
        let s = order - alloy_primitives::U256::from_be_slice(&sign[32..64]);
        let mut twin = sign.clone();
        twin[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        twin[64] = 27 + 28 - sign[64];
        assert_eq!(recover(digest, &twin), None);
    }
}
