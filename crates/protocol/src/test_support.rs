//! What several tests need.

use alloy_primitives::{Address, B256, Bytes, Signature, U256, address};
use proptest::prelude::*;

use crate::{Domain, Nrlc, RequestOrder, Tag, Trust};

pub(crate) fn domain() -> Domain {
    Domain::new(1337, address!("B2157BF2fAb286b2A4170E3491Ac39770111Da3E"))
}

/// A key made of `seed`: how it signs a digest, and its address.
pub(crate) fn key(seed: u8) -> (impl Fn(B256) -> Signature, Address) {
    let key = k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    let signer = Address::from_public_key(key.verifying_key());
    (
        move |digest: B256| {
            key.sign_prehash_recoverable(digest.as_slice())
                .unwrap()
                .into()
        },
        signer,
    )
}

pub(crate) fn any_address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::new)
}

pub(crate) fn any_word() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}

/// Integers of every size.
pub(crate) fn any_uint() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0..256usize).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
}

prop_compose! {
    pub(crate) fn any_request()(
        [app, dataset, workerpool, requester, beneficiary, callback] in
            [any_address(), any_address(), any_address(), any_address(), any_address(), any_address()],
        [appmaxprice, datasetmaxprice, workerpoolmaxprice, volume, category, trust] in
            [any_uint(), any_uint(), any_uint(), any_uint(), any_uint(), any_uint()],
        (tag, salt, params) in (any_word(), any_word(), ".{0,40}"),
    ) -> RequestOrder {
        RequestOrder {
            app, dataset, workerpool, requester, beneficiary, callback, volume, category, params, salt,
            appmaxprice: Nrlc(appmaxprice),
            datasetmaxprice: Nrlc(datasetmaxprice),
            workerpoolmaxprice: Nrlc(workerpoolmaxprice),
            tag: Tag(tag),
            trust: Trust(trust),
            sign: Bytes::new(),
        }
    }
}
