use alloy_primitives::{Address, b256, keccak256};
use alloy_sol_types::SolValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::test_support::{any_request, domain};

fn type_hash<T: SolStruct>(value: &T) -> B256 {
    value.eip712_type_hash()
}

#[test]
fn the_types_are_the_ones_that_poco_clients_sign() {
    let app = typed::AppOrder::from(&AppOrder::default());
    let dataset = typed::DatasetOrder::from(&DatasetOrder::default());
    let workerpool = typed::WorkerpoolOrder::from(&WorkerpoolOrder::default());
    let request = typed::RequestOrder::from(&RequestOrder::default());
    for (given, expected) in [
        (
            type_hash(&app),
            b256!("60815a0eeec47dddf1615fe53b31d016c31444e01b9d796db365443a6445d008"),
        ),
        (
            type_hash(&dataset),
            b256!("6cfc932a5a3d22c4359295b9f433edff52b60703fa47690a04a83e40933dd47c"),
        ),
        (
            type_hash(&workerpool),
            b256!("aa3429fb281b34691803133d3d978a75bb77c617ed6bc9aa162b9b30920022bb"),
        ),
        (
            type_hash(&request),
            b256!("f24e853034a3a450aba845a82914fbb564ad85accca6cf62be112a154520fae0"),
        ),
    ] {
        assert_eq!(given, expected);
    }
    let operation = U256::ZERO;
    for (given, expected) in [
        (
            type_hash(&typed::AppOrderOperation {
                order: app,
                operation,
            }),
            b256!("0638bb0702457e2b4b01be8a202579b8bf97e587fb4f2cc4d4aad01f21a06ee0"),
        ),
        (
            type_hash(&typed::DatasetOrderOperation {
                order: dataset,
                operation,
            }),
            b256!("075eb6f7578ff4292c241bd2484cd5c1d5e6ecc2ddd3317e1d8176b5a45865ec"),
        ),
        (
            type_hash(&typed::WorkerpoolOrderOperation {
                order: workerpool,
                operation,
            }),
            b256!("322d980b7d7a6a1f7c39ff0c5445da6ae1d8e0393ff0dd468c8be3e2c8644388"),
        ),
        (
            type_hash(&typed::RequestOrderOperation {
                order: request,
                operation,
            }),
            b256!("0ded7b52c2d77595a40d242eca751df172b18e686326dbbed3f4748828af77c7"),
        ),
    ] {
        assert_eq!(given, expected);
    }
}

/// `encodeData` of a request order written out by hand (EIP-712).
fn request_struct_hash_by_hand(order: &RequestOrder) -> B256 {
    let type_hash = b256!("f24e853034a3a450aba845a82914fbb564ad85accca6cf62be112a154520fae0");
    let prices = (
        order.app,
        order.appmaxprice.0,
        order.dataset,
        order.datasetmaxprice.0,
        order.workerpool,
    );
    let parties = (
        order.workerpoolmaxprice.0,
        order.requester,
        order.volume,
        order.tag.0,
        order.category,
    );
    let rest = (
        order.trust.0,
        order.beneficiary,
        order.callback,
        keccak256(order.params.as_bytes()),
        order.salt,
    );
    keccak256(
        [
            type_hash.abi_encode(),
            prices.abi_encode(),
            parties.abi_encode(),
            rest.abi_encode(),
        ]
        .concat(),
    )
}

proptest! {
    #[test]
    fn a_request_hashes_as_eip_712_says(order in any_request()) {
        prop_assert_eq!(order.struct_hash(), request_struct_hash_by_hand(&order));
        let digest = typed::RequestOrder::from(&order).eip712_signing_hash(&domain().eip712());
        prop_assert_eq!(order.hash(&domain()).0, digest);
    }

    #[test]
    fn an_order_is_read_back_from_its_json(order in any_request()) {
        let text = serde_json::to_string(&order).unwrap();
        prop_assert_eq!(serde_json::from_str::<RequestOrder>(&text).unwrap(), order);
    }

    #[test]
    fn a_signature_is_no_part_of_what_is_signed(order in any_request(), sign in any::<[u8; 65]>()) {
        let hash = order.hash(&domain());
        prop_assert_eq!(order.signed(sign).hash(&domain()), hash);
    }
}

#[test]
fn signing_and_closing_are_different_messages() {
    let order = AppOrder::default();
    let sign = order.operation_hash(Operation::Sign, &domain());
    assert_ne!(sign, order.operation_hash(Operation::Close, &domain()));
    assert_ne!(sign, order.hash(&domain()).0);
}

#[test]
fn an_order_of_the_sdk_is_read_and_written_as_it_is() {
    let app = "0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f";
    let zero = Address::ZERO.to_string();
    let text = json!({
        "app": app,
        "appprice": 1_000_000,
        "volume": 9_007_199_254_740_991_u64,
        "tag": "0x0000000000000000000000000000000000000000000000000000000000000003",
        "datasetrestrict": zero,
        "workerpoolrestrict": zero,
        "requesterrestrict": zero,
        "salt": "0x9ea1e4a3ea4fd1ec0b1ff5e8b0b4b0a1ab1b2b6c8f2c7d1e5d4c3b2a19181716",
        "sign": "0x1234",
    });
    let order: AppOrder = serde_json::from_value(text.clone()).unwrap();
    assert!(order.tag.is_tee());
    assert_eq!(json!(order), text);
}

#[test]
fn an_order_without_a_field_is_refused() {
    let mut text = json!(AppOrder::default());
    text.as_object_mut().unwrap().remove("requesterrestrict");
    let error = serde_json::from_value::<AppOrder>(text).unwrap_err();
    assert!(error.to_string().contains("requesterrestrict"), "{error}");
}
