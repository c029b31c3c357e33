//! Logging in: whoever asks is sent a challenge to sign, and each signed challenge opens one request.
//!
//! Every call hands out a fresh challenge and several stay alive per account, so that two publications at once do not spoil
//! each other's. They are few, they expire, and they are forgotten with the process: a client simply asks again.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::signature;

/// How long a challenge can be signed.
const LIFE: Duration = Duration::from_secs(600);

/// Challenges alive per account; the oldest goes first.
const PER_ACCOUNT: usize = 64;

/// Challenges alive in all; the oldest goes first.
const IN_ALL: usize = 262_144;

/// Version of the EIP-712 domain, which clients sign under.
const VERSION: &str = "1";

mod typed {
    alloy_sol_types::sol! {
        struct Challenge { string challenge; }
    }
}

/// A challenge handed out.
#[derive(Clone, Copy, Debug)]
struct Pending {
    account: Address,
    expires: Instant,
}

#[derive(Debug, Default)]
struct Alive {
    pending: HashMap<B256, Pending>,
    oldest: VecDeque<B256>,
    accounts: HashMap<Address, VecDeque<B256>>,
}

/// The challenges of a service that are alive.
#[derive(Debug)]
pub struct Challenges {
    domain: Eip712Domain,
    chain_id: u64,
    alive: Mutex<Alive>,
}

impl Challenges {
    /// Of the service that signs itself `name` (`iExec Gateway`, `iExec Core`), for wallets of a chain.
    pub fn new(name: &'static str, chain_id: u64) -> Self {
        Self {
            domain: eip712_domain! { name: name, version: VERSION, chain_id: chain_id, },
            chain_id,
            alive: Mutex::default(),
        }
    }

    /// A fresh challenge for `account`: the typed data to sign.
    pub fn issue(&self, account: Address, now: Instant) -> Value {
        let challenge = format!("Sign this message to log in: {}", B256::random());
        let digest = digest(&self.domain, &challenge);
        self.alive.lock().add(
            digest,
            Pending {
                account,
                expires: now + LIFE,
            },
        );
        json!({
            "types": {
                "EIP712Domain": [
                    { "name": "name", "type": "string" },
                    { "name": "version", "type": "string" },
                    { "name": "chainId", "type": "uint256" },
                ],
                "Challenge": [{ "name": "challenge", "type": "string" }],
            },
            "domain": { "name": self.domain.name, "version": VERSION, "chainId": self.chain_id },
            "primaryType": "Challenge",
            "message": { "challenge": challenge },
        })
    }

    /// The account that an `authorization` header, `{digest}_{signature}_{account}`, speaks for. A challenge opens once.
    pub fn redeem(&self, header: &str, now: Instant) -> Option<Address> {
        let mut parts = header.split('_');
        let (digest, sign, account) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || sign.len() > 256 {
            return None;
        }
        let (digest, account) = (
            digest.parse::<B256>().ok()?,
            account.parse::<Address>().ok()?,
        );
        let sign = alloy_primitives::hex::decode(sign).ok()?;
        if signature::recover(digest, &sign) != Some(account) {
            return None;
        }
        self.alive
            .lock()
            .take(digest, account, now)
            .then_some(account)
    }
}

/// What is signed for a challenge.
fn digest(domain: &Eip712Domain, challenge: &str) -> B256 {
    typed::Challenge {
        challenge: challenge.to_owned(),
    }
    .eip712_signing_hash(domain)
}

impl Alive {
    fn add(&mut self, digest: B256, pending: Pending) {
        self.pending.insert(digest, pending);
        self.oldest.push_back(digest);
        let own = self.accounts.entry(pending.account).or_default();
        own.push_back(digest);
        let surplus = if own.len() > PER_ACCOUNT {
            own.pop_front()
        } else {
            None
        };
        if let Some(surplus) = surplus {
            self.pending.remove(&surplus);
        }
        while self.oldest.len() > IN_ALL {
            if let Some(digest) = self.oldest.pop_front() {
                self.forget(digest);
            }
        }
    }

    fn take(&mut self, digest: B256, account: Address, now: Instant) -> bool {
        let alive = self
            .pending
            .get(&digest)
            .is_some_and(|pending| pending.account == account && pending.expires > now);
        if alive {
            self.forget(digest);
        }
        alive
    }

    fn forget(&mut self, digest: B256) {
        let Some(Pending { account, .. }) = self.pending.remove(&digest) else {
            return;
        };
        if let Some(own) = self.accounts.get_mut(&account) {
            own.retain(|known| *known != digest);
            if own.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;

    use super::*;

    fn answer(key: &SigningKey, typed: &Value) -> (String, Address) {
        let account = Address::from_public_key(key.verifying_key());
        let domain = Challenges::new("iExec Core", 7).domain;
        let digest = digest(&domain, typed["message"]["challenge"].as_str().unwrap());
        let sign: alloy_primitives::Signature = key
            .sign_prehash_recoverable(digest.as_slice())
            .unwrap()
            .into();
        (
            format!(
                "{digest}_{}_{account}",
                alloy_primitives::hex::encode_prefixed(sign.as_bytes())
            ),
            account,
        )
    }

    #[test]
    fn two_challenges_of_one_wallet_live_side_by_side_and_open_once() {
        let challenges = Challenges::new("iExec Core", 7);
        let key = SigningKey::from_slice(&[1; 32]).unwrap();
        let account = Address::from_public_key(key.verifying_key());
        let now = Instant::now();
        let [first, second] = [0; 2].map(|_| answer(&key, &challenges.issue(account, now)).0);
        assert_eq!(challenges.redeem(&second, now), Some(account));
        assert_eq!(challenges.redeem(&first, now), Some(account));
        assert_eq!(challenges.redeem(&first, now), None, "a replay");
    }

    #[test]
    fn what_is_late_or_not_ours_opens_nothing() {
        let challenges = Challenges::new("iExec Core", 7);
        let key = SigningKey::from_slice(&[1; 32]).unwrap();
        let account = Address::from_public_key(key.verifying_key());
        let now = Instant::now();
        let (late, _) = answer(&key, &challenges.issue(account, now));
        assert_eq!(challenges.redeem(&late, now + LIFE), None);
        let (stolen, _) = answer(&key, &challenges.issue(Address::ZERO, now));
        assert_eq!(
            challenges.redeem(&stolen, now),
            None,
            "issued to another account"
        );
        let (made_up, _) = answer(&key, &json!({ "message": { "challenge": "let me in" } }));
        for junk in [
            made_up.as_str(),
            "",
            "_",
            "__",
            "0x_0x_0x",
            &format!("{late}_"),
            "é_é_é",
        ] {
            assert_eq!(challenges.redeem(junk, now), None, "{junk}");
        }
    }

    #[test]
    fn one_account_cannot_fill_the_memory() {
        let challenges = Challenges::new("iExec Core", 7);
        for _ in 0..PER_ACCOUNT * 3 {
            challenges.issue(Address::ZERO, Instant::now());
        }
        assert_eq!(challenges.alive.lock().pending.len(), PER_ACCOUNT);
    }
}
