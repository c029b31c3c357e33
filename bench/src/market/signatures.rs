//! The peer of our signature check: the same signers recovered in pure Rust.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256, keccak256};
use canut_gate::recover;
use eyre::{Result, ensure};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use super::world::Wallet;

/// Signatures, and times that each way recovers them all, in turns.
const SIGNATURES: usize = 100;
const TURNS: usize = 50;

/// Signers recovered a second on one core, in the best turn: others may use the machine too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// What the market uses: libsecp256k1.
    pub(super) ours: f64,
    /// k256, in pure Rust.
    pub(super) k256: f64,
}

type Signed = (B256, [u8; 65], Address);

/// Recovers the signers of the same signatures with both.
pub(super) fn measure() -> Result<Rates> {
    let signed: Vec<_> = (0..SIGNATURES)
        .map(|number| {
            let wallet = Wallet::new(number)?;
            let digest = keccak256(number.to_be_bytes());
            Ok((digest, wallet.sign(digest), wallet.address))
        })
        .collect::<Result<_>>()?;
    let (mut ours, mut k256) = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        ours = ours.min(turn(&signed, recover)?);
        k256 = k256.min(turn(&signed, in_pure_rust)?);
    }
    let rate = |time: Duration| SIGNATURES as f64 / time.as_secs_f64();
    Ok(Rates {
        ours: rate(ours),
        k256: rate(k256),
    })
}

fn turn(signed: &[Signed], recover: impl Fn(B256, &[u8]) -> Option<Address>) -> Result<Duration> {
    let start = Instant::now();
    for (digest, sign, signer) in signed {
        let found = recover(black_box(*digest), black_box(sign));
        ensure!(found == Some(*signer), "{signer} signed, not {found:?}");
    }
    Ok(start.elapsed())
}

fn in_pure_rust(digest: B256, sign: &[u8]) -> Option<Address> {
    let (rs, v) = sign.split_at_checked(64)?;
    let signature = Signature::from_slice(rs).ok()?;
    let recovery = RecoveryId::from_byte(v.first()?.checked_sub(27)?)?;
    let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, recovery).ok()?;
    Some(Address::from_public_key(&key))
}
