//! The deterministic deployment proxy: contracts at addresses that follow from their code alone.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, bytes, keccak256},
    providers::{DynProvider, Provider},
};

use super::DeployError;
use crate::{Sender, sender::SenderConfig};

/// The proxy's address, the same on every chain: <https://github.com/Arachnid/deterministic-deployment-proxy>.
pub const PROXY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// Nobody's account: the one that [`PRESIGNED`] recovers to.
const DEPLOYER: Address = address!("3fab184622dc19b6109349b94811493bf2a45362");

/// Creates the proxy. Its signature was made up, not made, so nobody can send anything else from that account.
const PRESIGNED: Bytes = bytes!(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222"
);

/// What the presigned transaction costs: 100 000 gas at 100 gwei, in wei.
const COST: U256 = alloy::primitives::uint!(10_000_000_000_000_000_U256);

/// Where the proxy puts a contract: CREATE2 (EIP-1014).
pub(super) fn address_of(salt: B256, init_code: &Bytes) -> Address {
    PROXY.create2(salt, keccak256(init_code))
}

/// What the proxy is called with to create a contract.
pub(super) fn call(salt: B256, init_code: &Bytes) -> Bytes {
    [salt.as_slice(), init_code].concat().into()
}

/// Puts the proxy on the chain, unless it is there.
pub(super) async fn ensure(provider: &DynProvider, sender: &Sender) -> Result<(), DeployError> {
    if has_code(provider, PROXY).await? {
        return Ok(());
    }
    let funds = provider.get_balance(DEPLOYER).await?;
    if funds < COST {
        sender.send(DEPLOYER, Bytes::new(), COST - funds).await?;
    }
    let sent = provider.send_raw_transaction(&PRESIGNED).await;
    // Somebody else may be doing the same: what counts is that it is there.
    for _ in 0..100 {
        if has_code(provider, PROXY).await? {
            return Ok(());
        }
        if let Err(error) = &sent {
            return Err(DeployError::NoProxy {
                message: error.to_string(),
            });
        }
        tokio::time::sleep(SenderConfig::default().poll).await;
    }
    Err(DeployError::NoProxy {
        message: "the transaction is not included".into(),
    })
}

pub(super) async fn has_code(
    provider: &DynProvider,
    address: Address,
) -> Result<bool, DeployError> {
    Ok(!provider.get_code_at(address).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::{SignableTransaction, TxEnvelope},
        eips::eip2718::Decodable2718,
    };

    use super::*;

    #[test]
    fn the_presigned_transaction_creates_the_proxy_and_costs_what_is_paid_in() {
        let envelope = TxEnvelope::decode_2718(&mut PRESIGNED.as_ref()).unwrap();
        let TxEnvelope::Legacy(signed) = envelope else {
            panic!("not a legacy transaction")
        };
        let (transaction, signature) = (signed.tx(), signed.signature());
        let signer = signature.recover_address_from_prehash(&transaction.signature_hash());
        assert_eq!(signer.unwrap(), DEPLOYER);
        assert_eq!(DEPLOYER.create(transaction.nonce), PROXY);
        assert!(transaction.to.is_create());
        assert_eq!(
            U256::from(transaction.gas_price * u128::from(transaction.gas_limit)),
            COST
        );
        assert_eq!(transaction.chain_id, None, "valid on every chain");
    }
}
