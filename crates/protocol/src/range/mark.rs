//! The mark of a request whose tasks are to be settled by certificate alone (§2.6).
//!
//! It is in the salt of the order, so that it is signed by the requester and means nothing to other clients.

use alloy_primitives::{B256, hex};

/// `bytes12(keccak256("canut.certificate.1"))`.
pub const MARK: [u8; 12] = hex!("4063c6ca25c87e7b9f8bfda7");

/// Whether a request with this salt makes a marked deal: no record per task, and a stalled scheduler's stake goes to the payer.
pub fn is_marked(salt: B256) -> bool {
    salt.starts_with(&MARK)
}

/// `salt`, of which 20 bytes are kept, with the mark before them.
pub fn mark(salt: B256) -> B256 {
    let mut marked = salt;
    marked[..12].copy_from_slice(&MARK);
    marked
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_mark_is_the_hash_of_its_name() {
        assert_eq!(MARK, keccak256("canut.certificate.1")[..12]);
    }

    proptest! {
        #[test]
        fn a_marked_salt_keeps_its_randomness(salt: [u8; 32]) {
            let salt = B256::new(salt);
            prop_assert!(!is_marked(salt) && is_marked(mark(salt)));
            prop_assert_eq!(&mark(salt)[12..], &salt[12..]);
        }
    }
}
