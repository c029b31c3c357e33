//! The committed vectors of the certificate way, which pool, worker and verifier are tested with, and the contracts here.

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use alloy::sol_types::SolCall;
use canut_tests::{
    artifact::Artifact,
    market::{Side, task_id},
    world::World,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

alloy::sol! {
    function rid(bytes32 dealid, uint256 first, uint256 count) returns (bytes32);
    function leaf(bytes32 taskid, bytes32 digest, uint8 codec, bytes32 content) returns (bytes32);
    function value(bytes32 root, bytes32 link) returns (bytes32);
    function resultHash(bytes32 rid, bytes32 voted) returns (bytes32);
    function seal(address worker, bytes32 rid, bytes32 voted) returns (bytes32);
    function evidence(uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes members) returns (bytes25);
    function commitment(bytes32 dealid, uint256 first, uint256 count, address enclave, bytes32 seal) returns (bytes32);
    function assignment(bytes32 dealid, uint256 first, uint256 count, address worker, bytes32 sealed_) returns (bytes32);
    function unbonding(address workerpool, uint256 amount, uint256 nonce, uint256 deadline) returns (bytes32);
    function signedBy(address account, bytes32 digest, bytes sign) returns (bool);
    function credible(uint256 p, uint256 q, uint256 trust) returns (bool);
    function weight(uint256 score) returns (uint256);
}

/// The contracts' arithmetic, at the hub's place of the vectors.
struct Probe {
    world: World,
    hub: Address,
    vectors: Json,
}

impl Probe {
    fn new() -> Self {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/protocol/vectors/certificate.json"
        );
        let vectors: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut world = World::default();
        world.chain_id = read(&vectors["domain"]["chainId"]);
        let code = Artifact::mock("Vectors").unwrap().code(&[]).unwrap();
        let (at, _) = world.deploy(Address::repeat_byte(1), code);
        let hub = read(&vectors["domain"]["hub"]);
        let code = world.code(at);
        world.place(hub, code);
        Self {
            world,
            hub,
            vectors,
        }
    }

    fn ask<C: SolCall>(&self, call: C) -> C::Return {
        let data = call.abi_encode().into();
        let outcome = self.world.call(Address::ZERO, self.hub, data);
        outcome.returned::<C>()
    }

    fn at<T: DeserializeOwned>(&self, place: &str) -> T {
        read(self.vectors.pointer(place).unwrap())
    }

    /// A number of a document, which may be text.
    fn number(&self, place: &str) -> U256 {
        number(self.vectors.pointer(place).unwrap())
    }
}

fn read<T: DeserializeOwned>(json: &Json) -> T {
    serde_json::from_value(json.clone()).unwrap()
}

fn number(json: &Json) -> U256 {
    match json.as_str() {
        Some(text) => text.parse().unwrap(),
        None => U256::from(json.as_u64().unwrap()),
    }
}

#[test]
fn ranges_leaves_and_seals_are_called_as_the_vectors_say() {
    let probe = Probe::new();
    let deal: B256 = probe.at("/deal");
    for tree in probe.vectors["trees"].as_array().unwrap() {
        let (first, count) = (number(&tree["first"]), number(&tree["count"]));
        let rid: B256 = read(&tree["rid"]);
        assert_eq!(
            probe.ask(ridCall {
                dealid: deal,
                first,
                count
            }),
            rid
        );
        // The leaf of a position: digest keccak256(index), content the hash of the digest, codec raw if even.
        let index = first.to::<u64>() + tree["position"].as_u64().unwrap();
        let digest = keccak256(U256::from(index).to_be_bytes::<32>());
        let codec = if index.is_multiple_of(2) { 0x55 } else { 0x70 };
        let call = leafCall {
            taskid: task_id(deal, index),
            digest,
            codec,
            content: keccak256(digest),
        };
        assert_eq!(probe.ask(call), read::<B256>(&tree["leaf"]));
    }
    let range = |name: &str| probe.number(&format!("/signed/range/{name}"));
    let rid = probe.ask(ridCall {
        dealid: deal,
        first: range("first"),
        count: range("count"),
    });
    let voted = probe.ask(valueCall {
        root: probe.at("/signed/value/root"),
        link: probe.at("/signed/value/link"),
    });
    let hash = probe.ask(resultHashCall { rid, voted });
    assert_eq!(hash, probe.at::<B256>("/signed/resultHash"));
    let worker: Address = probe.at("/signed/worker");
    let seal = probe.ask(sealCall { worker, rid, voted });
    assert_eq!(seal, probe.at::<B256>("/signed/seal"));
}

#[test]
fn what_is_signed_is_what_the_vectors_say() {
    let probe = Probe::new();
    let range = |name: &str| probe.number(&format!("/signed/range/{name}"));
    let (dealid, first, count) = (probe.at("/deal"), range("first"), range("count"));
    let worker: Address = probe.at("/signed/worker");
    let commitment = probe.ask(commitmentCall {
        dealid,
        first,
        count,
        enclave: Address::ZERO,
        seal: probe.at("/signed/seal"),
    });
    let assignment = probe.ask(assignmentCall {
        dealid,
        first,
        count,
        worker,
        sealed_: probe.at("/signed/sealed"),
    });
    let unbond = |name: &str| probe.number(&format!("/signed/unbond/message/{name}"));
    let unbonding = probe.ask(unbondingCall {
        workerpool: probe.at("/signed/unbond/message/workerpool"),
        amount: unbond("amount"),
        nonce: unbond("nonce"),
        deadline: unbond("deadline"),
    });
    let scheduler: Address = probe.at("/signed/assignment/scheduler");
    for (what, digest, signer) in [
        ("commitment", commitment, worker),
        ("assignment", assignment, scheduler),
        ("unbond", unbonding, worker),
    ] {
        let place = |name: &str| format!("/signed/{what}/{name}");
        assert_eq!(digest, probe.at::<B256>(&place("digest")), "{what}");
        let sign: Bytes = probe.at(&place("signature"));
        let signed = |account, sign| {
            probe.ask(signedByCall {
                account,
                digest,
                sign,
            })
        };
        assert!(signed(signer, sign.clone()), "{what}");
        assert!(!signed(Address::repeat_byte(9), sign.clone()), "{what}");
        assert!(
            !signed(signer, [&sign[..], &[27]].concat().into()),
            "{what}"
        );
    }
}

#[test]
fn votes_count_as_the_vectors_say() {
    let probe = Probe::new();
    for row in probe.vectors["credible"].as_array().unwrap() {
        let [p, q, trust] = [0, 1, 2].map(|at| number(&row[at]));
        let credible = probe.ask(credibleCall { p, q, trust });
        assert_eq!(credible, row[3].as_bool().unwrap(), "{row}");
    }
    for (score, row) in probe.vectors["weights"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        let score = U256::from(score);
        assert_eq!(probe.ask(weightCall { score }), number(&row[0]));
    }
    for (way, name) in [(1, "evidence"), (2, "resolvedEvidence")] {
        let settled = |field: &str| probe.at::<B256>(&format!("/settlement/settled/{field}"));
        let evidence = probe.ask(evidenceCall {
            way,
            root: settled("value/root"),
            link: settled("value/link"),
            delivery: settled("delivery"),
            members: probe.at("/settlement/counted"),
        });
        let expected: FixedBytes<25> = probe.at(&format!("/settlement/{name}"));
        assert_eq!(evidence, expected);
    }
}

/// Where a receipt looks for a deal is where the hub keeps it.
#[test]
fn deals_are_made_by_the_code_that_receipts_know() {
    let artifact = Side::Canut.artifact("Blob").unwrap();
    let code = artifact.code(&[]).unwrap();
    assert_eq!(
        keccak256(code),
        canut_protocol::receipt::terms::BLOB_CODE_HASH
    );
}
