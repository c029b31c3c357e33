//! Results: what a worker commits to, and what authorises him.
//!
//! A worker votes for a result with a *result hash*, equal for all who found the same, and proves that he knew the result
//! with a *seal* that is his alone. Both hide the *result digest* until he reveals it.

use alloy_primitives::{Address, B256, Keccak256, eip191_hash_message, keccak256};

use crate::TaskId;

/// The vote: `keccak256(task ‖ digest)` (PoCo 6.2.0, `contribute`).
pub fn result_hash(task: TaskId, digest: B256) -> B256 {
    packed(&[task.as_slice(), digest.as_slice()])
}

/// The proof of knowledge: `keccak256(worker ‖ task ‖ digest)`, packed (PoCo 6.2.0, `contribute`).
pub fn result_seal(worker: Address, task: TaskId, digest: B256) -> B256 {
    packed(&[worker.as_slice(), task.as_slice(), digest.as_slice()])
}

/// What the scheduler, or the TEE broker, signs so that `worker` may contribute to `task`: the EIP-191 hash of
/// `keccak256(worker ‖ task ‖ enclave)`, packed. `enclave` is the zero address for a run outside an enclave
/// (PoCo 6.2.0, `contribute`).
pub fn authorization_digest(worker: Address, task: TaskId, enclave: Address) -> B256 {
    eip191_hash_message(packed(&[
        worker.as_slice(),
        task.as_slice(),
        enclave.as_slice(),
    ]))
}

/// What an enclave signs to vouch for a vote: the EIP-191 hash of `keccak256(result hash ‖ seal)` (PoCo 6.2.0, `contribute`).
pub fn enclave_digest(result_hash: B256, result_seal: B256) -> B256 {
    eip191_hash_message(packed(&[result_hash.as_slice(), result_seal.as_slice()]))
}

/// Who signs the authorization: the TEE broker of the hub when there is one and the run is in an enclave, else the scheduler
/// (PoCo 6.2.0, `contribute`).
pub fn authorizer(scheduler: Address, tee_broker: Address, enclave: Address) -> Address {
    if enclave == Address::ZERO || tee_broker == Address::ZERO {
        scheduler
    } else {
        tee_broker
    }
}

/// The digest of a result that is delivered on chain: `keccak256(bytes)` (ERC-1154 consumers of PoCo 6.2.0, `finalize`).
pub fn callback_digest(callback_data: &[u8]) -> B256 {
    keccak256(callback_data)
}

/// Whether `callback_data` may be published next to `digest`: without a callback contract it is empty, or it hashes to the
/// digest (PoCo 6.2.0, `finalize`).
pub fn callback_accepted(callback: Address, callback_data: &[u8], digest: B256) -> bool {
    (callback == Address::ZERO && callback_data.is_empty())
        || callback_digest(callback_data) == digest
}

/// The digest of a result folder: keccak-256 over the digests of its children, sorted by the bytes of their names. Of a
/// result that is a single file the digest is its SHA-256 itself.
///
/// The digest of a child file is its SHA-256. So far this is what iExec's worker computes; it looks at direct children only.
/// Here the digest of a sub-folder is its own folder digest, so that no byte of a result stays uncertified.
pub fn folder_digest<'a>(children: impl IntoIterator<Item = (&'a str, B256)>) -> B256 {
    let mut children: Vec<_> = children.into_iter().collect();
    children.sort_unstable();
    let mut hasher = Keccak256::new();
    for (_, digest) in children {
        hasher.update(digest);
    }
    hasher.finalize()
}

fn packed(parts: &[&[u8]]) -> B256 {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolValue;
    use proptest::prelude::*;

    use super::*;

    const WORKER: Address = Address::repeat_byte(0xaa);
    const ENCLAVE: Address = Address::repeat_byte(0xee);

    #[test]
    fn votes_and_seals_are_packed_hashes() {
        let (task, digest) = (TaskId::from(keccak256("task")), keccak256("result"));
        assert_eq!(
            result_hash(task, digest),
            keccak256((task.0, digest).abi_encode_packed())
        );
        assert_eq!(
            result_seal(WORKER, task, digest),
            keccak256((WORKER, task.0, digest).abi_encode_packed())
        );
        let authorization = keccak256((WORKER, task.0, ENCLAVE).abi_encode_packed());
        let prefixed = [
            b"\x19Ethereum Signed Message:\n32".as_slice(),
            authorization.as_slice(),
        ]
        .concat();
        assert_eq!(
            authorization_digest(WORKER, task, ENCLAVE),
            keccak256(prefixed)
        );
    }

    #[test]
    fn a_broker_authorises_enclaves_only() {
        let (scheduler, broker) = (Address::repeat_byte(1), Address::repeat_byte(2));
        assert_eq!(authorizer(scheduler, broker, ENCLAVE), broker);
        assert_eq!(authorizer(scheduler, broker, Address::ZERO), scheduler);
        assert_eq!(authorizer(scheduler, Address::ZERO, ENCLAVE), scheduler);
    }

    #[test]
    fn callback_data_is_what_was_voted_for() {
        let digest = callback_digest(b"42");
        assert!(callback_accepted(WORKER, b"42", digest));
        assert!(!callback_accepted(WORKER, b"43", digest));
        assert!(!callback_accepted(WORKER, b"", digest));
        assert!(callback_accepted(Address::ZERO, b"", digest));
        assert!(!callback_accepted(Address::ZERO, b"43", digest));
    }

    #[test]
    fn a_folder_is_the_hash_of_its_files_in_the_order_of_their_names() {
        let (a, b) = (B256::repeat_byte(1), B256::repeat_byte(2));
        assert_eq!(
            folder_digest([("b.txt", b), ("a.txt", a)]),
            keccak256([a, b].concat())
        );
        assert_eq!(folder_digest([]), keccak256([]));
    }

    proptest! {
        #[test]
        fn the_order_of_listing_does_not_matter(
            files in prop::collection::btree_map("[a-zé]{1,8}", any::<[u8; 32]>(), 0..8), turn in 0..8usize,
        ) {
            let mut listing: Vec<_> = files.iter().map(|(name, digest)| (name.as_str(), B256::new(*digest))).collect();
            let sorted = folder_digest(listing.clone());
            let turn = turn.min(listing.len());
            listing.rotate_left(turn);
            prop_assert_eq!(folder_digest(listing), sorted);
        }
    }
}
