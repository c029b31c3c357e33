//! Arguments for the methods of the node: of the right kind and at their edges, or any JSON.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ADDRESSES: [&str; 6] = [
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "0x0000000000000000000000000000000000000000",
    "0x000000000000000000000000000000000000000a",
    "0x0000F90827F1C53a10cb7A02335B175320002935",
];
const QUANTITIES: [&str; 12] = [
    "0x0",
    "0x1",
    "0x2",
    "0x5",
    "0x5208",
    "0xffffff",
    "0x3b9aca00",
    "0x7fffffffffffffff",
    "0xffffffffffffffff",
    "0x10000000000000000",
    "0xffffffffffffffffffffffffffffffff",
    "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];
const BLOCKS: [&str; 9] = [
    "latest",
    "pending",
    "earliest",
    "safe",
    "finalized",
    "0x0",
    "0x1",
    "0x2",
    "0xffffffffffffffff",
];
const CODES: [&str; 9] = [
    "0x",
    "0x00",
    "0x6000600055",
    "0x5b600056",
    "0x60016000f3",
    "0xfe",
    "0xef0100000000000000000000000000000000000000000a",
    "0x60ff60005260206000fd",
    "0x02f8650180",
];
const HASHES: [&str; 4] = [
    "0x0000000000000000000000000000000000000000000000000000000000000000",
    "0x0000000000000000000000000000000000000000000000000000000000000001",
    "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    // Stands for the hash of a block or a transaction that is there.
    "KNOWN",
];

fn one(of: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(of).prop_map(Value::from).boxed()
}

/// An object with some of these fields.
fn object(fields: &[(&'static str, char)]) -> BoxedStrategy<Value> {
    let field = |&(name, kind): &(&'static str, char)| {
        prop::option::weighted(0.3, right(kind)).prop_map(move |value| (name, value))
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    let kept = |fields: Vec<(&str, Option<Value>)>| {
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::from(given.collect::<Map<_, _>>())
    };
    fields.prop_map(kept).boxed()
}

/// An argument of the kind that a letter stands for.
pub(crate) fn right(kind: char) -> BoxedStrategy<Value> {
    let few = |kind| prop::collection::vec(right(kind), 0..3).prop_map(Value::from);
    let call = [
        ("from", 'a'),
        ("to", 'a'),
        ("to", 'a'),
        ("data", 'x'),
        ("input", 'x'),
        ("value", 'q'),
        ("gas", 'q'),
        ("gasPrice", 'q'),
        ("maxFeePerGas", 'q'),
        ("maxPriorityFeePerGas", 'q'),
        ("nonce", 'q'),
        ("accessList", 'l'),
    ];
    match kind {
        'a' => one(&ADDRESSES),
        'q' => one(&QUANTITIES),
        'b' => one(&BLOCKS),
        'h' => one(&HASHES),
        'x' => one(&CODES),
        'n' => any::<bool>().prop_map(Value::from).boxed(),
        'k' => few('q').boxed(),
        'p' => prop::collection::vec(0f64..130.0, 0..3)
            .prop_map(Value::from)
            .boxed(),
        'c' => object(&call),
        'l' => prop::collection::vec(object(&[("address", 'a'), ("storageKeys", 'H')]), 0..3)
            .prop_map(Value::from)
            .boxed(),
        'H' => few('h').boxed(),
        'f' => object(&[
            ("fromBlock", 'b'),
            ("toBlock", 'b'),
            ("address", 'a'),
            ("topics", 'H'),
            ("blockHash", 'h'),
        ]),
        'o' => {
            let account = object(&[
                ("balance", 'q'),
                ("nonce", 'q'),
                ("code", 'x'),
                ("stateDiff", 's'),
            ]);
            let address = prop::sample::select(ADDRESSES.as_slice());
            (address, account)
                .prop_map(|(address, account)| json!({ address: account }))
                .boxed()
        }
        's' => Just(json!({ HASHES[1]: HASHES[2] })).boxed(),
        'v' => object(&[
            ("number", 'q'),
            ("time", 'q'),
            ("gasLimit", 'q'),
            ("baseFee", 'q'),
            ("coinbase", 'a'),
        ]),
        _ => {
            let tracers = [
                "callTracer",
                "prestateTracer",
                "4byteTracer",
                "noopTracer",
                "muxTracer",
                "none",
            ];
            let tracer = prop::sample::select(tracers.to_vec());
            let settings = object(&[("onlyTopCall", 'n'), ("withLog", 'n'), ("diffMode", 'n')]);
            let plain = object(&[
                ("enableMemory", 'n'),
                ("disableStack", 'n'),
                ("enableReturnData", 'n'),
            ]);
            let traced = (tracer, settings)
                .prop_map(|(tracer, settings)| json!({"tracer": tracer, "tracerConfig": settings}));
            prop_oneof![traced, plain].boxed()
        }
    }
}

/// Anything that is JSON.
pub(crate) fn wrong() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select("abqhxcflotv".chars().collect::<Vec<_>>()).prop_flat_map(right),
        prop::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| alloy::primitives::hex::encode_prefixed(bytes).into()),
        any::<String>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        (-1e20..1e20).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}
