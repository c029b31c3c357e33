//! The signing domain: one hub on one chain.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::Eip712Domain;
use serde::{Deserialize, Serialize};

use crate::json;

/// Name of the EIP-712 domain. Clients of PoCo have it built in.
pub const NAME: &str = "iExecODB";

/// Version of the EIP-712 domain; still 5.0.0 in PoCo 6.2.0.
pub const VERSION: &str = "5.0.0";

/// What a signature is bound to, so that an order signed for one hub is worth nothing on another (EIP-712).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Chain the hub lives on (EIP-155).
    pub chain_id: u64,
    /// Address of the hub.
    #[serde(with = "json::address")]
    pub hub: Address,
}

impl Domain {
    /// The domain of `hub` on chain `chain_id`.
    pub const fn new(chain_id: u64, hub: Address) -> Self {
        Self { chain_id, hub }
    }

    /// The domain in the form of `alloy`'s signers.
    pub fn eip712(&self) -> Eip712Domain {
        Eip712Domain::new(
            Some(NAME.into()),
            Some(VERSION.into()),
            Some(U256::from(self.chain_id)),
            Some(self.hub),
            None,
        )
    }

    /// `hashStruct(EIP712Domain)` (EIP-712), the value of the hub's `eip712domain_separator()`.
    pub fn separator(&self) -> B256 {
        self.eip712().hash_struct()
    }

    /// What is signed for a struct: `keccak256(0x1901 ‖ separator ‖ struct_hash)` (EIP-712).
    pub fn digest(&self, struct_hash: B256) -> B256 {
        let mut message = [0u8; 66];
        message[0] = 0x19;
        message[1] = 0x01;
        message[2..34].copy_from_slice(self.separator().as_slice());
        message[34..].copy_from_slice(struct_hash.as_slice());
        keccak256(message)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};

    use super::*;

    #[test]
    fn the_domain_has_the_four_fields_clients_know() {
        let domain = Domain::new(1, Address::ZERO).eip712();
        assert_eq!(
            domain.encode_type(),
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        assert_eq!(
            domain.type_hash(),
            b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f")
        );
    }

    #[test]
    fn another_chain_or_another_hub_is_another_domain() {
        let hub = address!("3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f");
        let here = Domain::new(134, hub);
        assert_ne!(here.separator(), Domain::new(135, hub).separator());
        assert_ne!(
            here.separator(),
            Domain::new(134, Address::ZERO).separator()
        );
    }
}
