//! Who signed what.

use super::*;
use alloy::primitives::{Bytes, keccak256};
use canut_tests::abi::Hub;
use canut_tests::outcome::Outcome;

fn verify(m: &mut Market, account: Address, digest: B256, signature: impl Into<Bytes>) -> Outcome {
    let signature = signature.into();
    let both = Hub::verifyPresignatureOrSignatureCall {
        account,
        digest,
        signature: signature.clone(),
    };
    let either = m.ask(both);
    let alone = m.ask(Hub::verifySignatureCall {
        account,
        digest,
        signature,
    });
    assert_eq!(either.result, alone.result, "nothing is presigned here");
    alone
}

fn valid(outcome: &Outcome) -> bool {
    outcome.returned::<Hub::verifySignatureCall>()
}

#[test]
fn a_key_signs_in_65_bytes_or_in_64() {
    on_both(|m| {
        let digest = keccak256("anything");
        let (alice, bob) = (Actor::Requester, Actor::Stranger);
        let long = alice.sign(digest);
        assert!(valid(&verify(m, alice.address(), digest, long.clone())));
        assert!(!valid(&verify(m, bob.address(), digest, long.clone())));
        assert!(!valid(&verify(
            m,
            alice.address(),
            keccak256("else"),
            long.clone()
        )));
        let short = compact(&long);
        assert!(valid(&verify(m, alice.address(), digest, short.clone())));
        assert!(!valid(&verify(m, bob.address(), digest, short)));
    });
}

/// The same signature in the compact form of EIP-2098.
fn compact(long: &Bytes) -> Bytes {
    let mut short = long[..64].to_vec();
    if long[64] == 28 {
        short[32] |= 0x80;
    }
    short.into()
}

#[test]
fn other_lengths_are_no_signature() {
    on_both(|m| {
        let digest = keccak256("anything");
        for length in [0, 1, 32, 63, 66, 130] {
            verify(m, Actor::Requester.address(), digest, vec![1; length])
                .reverts_with("invalid-signature-format");
        }
    });
}

#[test]
fn malleable_and_malformed_signatures_are_invalid() {
    on_both(|m| {
        let digest = keccak256("anything");
        let alice = Actor::Requester.address();
        let good = Actor::Requester.sign(digest).to_vec();
        for v in [0, 1, 26, 29, 255] {
            let mut bad = good.clone();
            bad[64] = v;
            assert!(!valid(&verify(m, alice, digest, bad)), "v = {v}");
        }
        // The same point on the other half of the curve.
        let order: U256 = alloy::primitives::uint!(
            0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
        );
        let mut high = good.clone();
        let s = order - U256::from_be_slice(&good[32..64]);
        high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        high[64] = 55 - good[64];
        assert!(!valid(&verify(m, alice, digest, high)));
        for zeroed in [0..32, 32..64, 0..64] {
            let mut bad = good.clone();
            bad[zeroed].fill(0);
            assert!(!valid(&verify(m, alice, digest, bad)));
        }
        assert!(!valid(&verify(m, alice, digest, vec![0xff; 65])));
        assert!(!valid(&verify(m, alice, digest, vec![0xff; 64])));
    });
}

#[test]
fn a_contract_is_asked_whatever_the_length() {
    on_both(|m| {
        let digest = keccak256("anything");
        let wallet = m.install("Wallet", "wallet");
        assert!(valid(&verify(m, wallet, digest, digest.to_vec())));
        assert!(!valid(&verify(
            m,
            wallet,
            digest,
            Actor::Requester.sign(digest)
        )));
        assert!(!valid(&verify(m, wallet, digest, Bytes::new())));
        let refuser = m.install("Refuser", "refuser");
        assert!(!valid(&verify(m, refuser, digest, digest.to_vec())));
        let burner = m.install("Burner", "burner");
        assert!(!valid(&verify(m, burner, digest, digest.to_vec())));
    });
}

#[test]
fn a_contract_that_mumbles_is_not_believed() {
    on_both(|m| {
        let digest = keccak256("anything");
        let mumbler = m.install("Mumbler", "mumbler");
        verify(m, mumbler, digest, digest.to_vec()).reverts_empty();
        let liar = m.install("Liar", "liar");
        verify(m, liar, digest, digest.to_vec()).reverts_empty();
    });
}

#[test]
fn nobody_presigned_what_he_did_not() {
    on_both(|m| {
        let digest = keccak256("anything");
        for account in [Address::ZERO, Actor::Requester.address(), m.hub] {
            let call = Hub::verifyPresignatureCall { account, digest };
            assert!(!m.ask(call).returned::<Hub::verifyPresignatureCall>());
        }
    });
}

#[test]
fn a_presignature_makes_any_signature_good() {
    on_both(|m| {
        use canut_tests::abi::RequestOrderOperation;
        let order = m.orders().request;
        let digest = m.digest(&order);
        let operation = RequestOrderOperation {
            order,
            ..RequestOrderOperation::default()
        };
        m.send(Actor::Requester, Hub::manageRequestOrderCall { operation })
            .succeeds();
        let account = Actor::Requester.address();
        let signature = Bytes::from_static(b"junk");
        let call = Hub::verifyPresignatureOrSignatureCall {
            account,
            digest,
            signature,
        };
        assert!(
            m.ask(call)
                .returned::<Hub::verifyPresignatureOrSignatureCall>()
        );
        let signature = Bytes::from_static(b"junk");
        let account = Actor::Stranger.address();
        m.ask(Hub::verifyPresignatureOrSignatureCall {
            account,
            digest,
            signature,
        })
        .reverts_with("invalid-signature-format");
    });
}
