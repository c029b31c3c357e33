//! The people of the play: a key and a name each, the same on every stage.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, Bytes, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

/// How many workers there are.
pub const WORKERS: usize = 10;

/// Somebody with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Deploys everything, owns the hub, holds all RLC at first.
    Admin,
    /// Buys runs.
    Requester,
    /// Pays for somebody else's runs.
    Sponsor,
    /// For whom results are encrypted.
    Beneficiary,
    /// Owns the app.
    AppOwner,
    /// Owns the dataset.
    DatasetOwner,
    /// Owns the workerpool.
    Scheduler,
    /// A key inside an enclave.
    Enclave,
    /// Vouches for enclaves, once the hub's owner has named it.
    Broker,
    /// Has no part in anything.
    Stranger,
    /// Computes.
    Worker(usize),
}

impl Actor {
    /// Everybody.
    pub fn all() -> impl Iterator<Item = Self> {
        use Actor::*;
        [
            Admin,
            Requester,
            Sponsor,
            Beneficiary,
            AppOwner,
            DatasetOwner,
            Scheduler,
            Enclave,
            Broker,
            Stranger,
        ]
        .into_iter()
        .chain((0..WORKERS).map(Worker))
    }

    /// The account.
    #[must_use]
    pub fn address(self) -> Address {
        self.key().address()
    }

    /// Signs a digest as it is: 65 bytes, `v` 27 or 28 (EIP-712 digests).
    #[must_use]
    pub fn sign(self, digest: B256) -> Bytes {
        let signature = self
            .key()
            .sign_hash_sync(&digest)
            .expect("a local key signs any digest");
        signature.as_bytes().into()
    }

    /// Signs a digest as a personal message (EIP-191), as authorizations and enclaves do.
    #[must_use]
    pub fn sign_message(self, message: B256) -> Bytes {
        let signature = self.key().sign_message_sync(message.as_slice());
        signature
            .expect("a local key signs any message")
            .as_bytes()
            .into()
    }

    fn key(self) -> &'static PrivateKeySigner {
        static KEYS: LazyLock<Vec<(Actor, PrivateKeySigner)>> = LazyLock::new(|| {
            let key = |actor: Actor| {
                let seed = keccak256(format!("canut {actor:?}"));
                (
                    actor,
                    PrivateKeySigner::from_bytes(&seed).expect("a hash is a valid key"),
                )
            };
            Actor::all().map(key).collect()
        });
        let found = KEYS.iter().find(|(actor, _)| *actor == self);
        &found.expect("a worker's number is below WORKERS").1
    }
}

impl From<Actor> for Address {
    fn from(actor: Actor) -> Self {
        actor.address()
    }
}
