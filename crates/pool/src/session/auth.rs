//! Who opens a session.

use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::SolValue;
use canut_protocol::{Domain, signature};

/// The struct that a worker signs (EIP-712). Its name is used for nothing else, so no signature on an order, an authorisation
/// or a transaction is one of it.
const TYPE: &str = "WorkerSession(address workerpool,address worker,bytes32 nonce)";

/// What `worker` signs to open a session with `workerpool`: the EIP-712 digest of `WorkerSession` in the hub's domain. It is
/// bound to hub, chain, pool, worker and the pool's challenge, so it can neither be shown to another pool nor twice.
pub fn digest(domain: &Domain, workerpool: Address, worker: Address, nonce: B256) -> B256 {
    let fields = (keccak256(TYPE), workerpool, worker, nonce);
    domain.digest(keccak256(fields.abi_encode()))
}

/// Whether `worker` signed the challenge.
pub fn is_signed(
    domain: &Domain,
    workerpool: Address,
    worker: Address,
    nonce: B256,
    signature: &[u8],
) -> bool {
    let digest = digest(domain, workerpool, worker, nonce);
    signature::verify(worker, digest, signature).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync, local::PrivateKeySigner};

    use super::*;

    #[test]
    fn a_session_is_opened_by_the_worker_s_key_for_this_pool_now() {
        let key = PrivateKeySigner::random();
        let domain = Domain::new(1337, Address::repeat_byte(1));
        let (pool, nonce) = (Address::repeat_byte(2), B256::repeat_byte(3));
        let worker = key.address();
        let signed = digest(&domain, pool, worker, nonce);
        let signature = key.sign_hash_sync(&signed).unwrap().as_bytes();
        assert!(is_signed(&domain, pool, worker, nonce, &signature));

        let other = Domain::new(1, domain.hub);
        assert!(!is_signed(&other, pool, worker, nonce, &signature));
        assert!(!is_signed(&domain, domain.hub, worker, nonce, &signature));
        assert!(!is_signed(&domain, pool, pool, nonce, &signature));
        assert!(!is_signed(&domain, pool, worker, B256::ZERO, &signature));
        assert!(!is_signed(&domain, pool, worker, nonce, &signature[..63]));
        assert!(!is_signed(&domain, pool, worker, nonce, b"nonsense"));
    }
}
