mod world;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use world::{HONEST, judge};

fn failed(receipt: &Receipt) -> Vec<Check> {
    judge(receipt).failed().collect()
}

fn parse(json: &Json) -> Option<Receipt> {
    serde_json::from_value(json.clone()).ok()
}

#[test]
fn an_honest_receipt_holds_and_needs_no_network() {
    for receipt in HONEST.iter() {
        let report = judge(receipt);
        assert!(report.holds(), "{report:?}");
        let open = [Check::Record, Check::Archive, Check::Audit];
        for finding in &report.0 {
            let unchecked = matches!(finding.outcome, Outcome::Unchecked(_));
            assert_eq!(unchecked, open.contains(&finding.check), "{finding:?}");
        }
        let text = serde_json::to_string(receipt).unwrap();
        assert_eq!(&serde_json::from_str::<Receipt>(&text).unwrap(), receipt);
    }
}

#[test]
fn it_says_until_when_it_can_be_contested() {
    let receipt = HONEST[0].clone();
    let settled = receipt.settled_at().unwrap();
    assert_eq!(receipt.contestable_until(), Some(settled + 172_800));
}

#[test]
fn a_block_that_nobody_vouches_for_proves_nothing() {
    let receipt = HONEST[0].clone();
    let report = verify(&receipt, &world::trusting(&Default::default()));
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed, [Check::Settlement, Check::Deal]);
    let Some(Outcome::Failed(why)) = report.of(Check::Settlement) else {
        panic!()
    };
    assert!(why.contains("none that you trust"), "{why}");
    assert!(Check::Settlement.remedy().contains("--block-hash"));
}

/// Each altered field, and the check that names it.
#[test]
fn each_kind_of_field_has_a_check_of_its_own() {
    type Change = fn(&mut Receipt);
    let changes: [(Change, Check); 16] = [
        (|it| it.index += 1, Check::Task),
        (|it| it.taskid.0.0[0] ^= 1, Check::Task),
        (|it| it.result.leaf.digest.0[0] ^= 1, Check::Result),
        (|it| it.result.proof[0].0[0] ^= 1, Check::Result),
        (|it| it.result.cid.push('a'), Check::Result),
        (|it| it.result.link.0[0] ^= 1, Check::Link),
        (
            |it| it.result.leaves.as_mut().unwrap()[1].digest.0[0] ^= 1,
            Check::Link,
        ),
        (|it| it.votes.swap(0, 1), Check::Votes),
        (|it| it.votes.truncate(1), Check::Trust),
        (|it| it.reached.p += U256::ONE, Check::Trust),
        (|it| it.settlement.block += 1, Check::Settlement),
        (|it| it.settlement.transaction_index ^= 1, Check::Settlement),
        (|it| it.hub.0[0] ^= 1, Check::Settlement),
        (|it| it.settlement.way = range::Way::Resolve, Check::Call),
        (|it| it.deal.deal.params.push('x'), Check::Deal),
        (|it| it.terms.proof.clear(), Check::Deal),
    ];
    let honest = HONEST[0].clone();
    for (at, (change, check)) in changes.into_iter().enumerate() {
        let mut receipt = honest.clone();
        change(&mut receipt);
        let failed = failed(&receipt);
        assert!(failed.contains(&check), "change {at}: {failed:?}");
    }
}

#[test]
fn votes_and_enclaves_are_told_apart() {
    let honest = HONEST[3].clone();
    let mut receipt = honest.clone();
    if let Member::EnclaveWinner {
        broker_signature, ..
    } = &mut receipt.votes[0].member
    {
        *broker_signature = None;
    }
    assert!(failed(&receipt).contains(&Check::Enclaves));
    assert!(!failed(&receipt).contains(&Check::Votes));
    let mut receipt = honest.clone();
    receipt.broker = None;
    assert_eq!(failed(&receipt), [Check::Enclaves]);
    let mut receipt = honest;
    if let Member::EnclaveWinner { enclave, .. } = &mut receipt.votes[0].member {
        enclave.0[3] ^= 1;
    }
    assert!(failed(&receipt).contains(&Check::Votes));
}

#[test]
fn a_right_vote_is_not_taken_for_a_wrong_one() {
    let mut receipt = HONEST[0].clone();
    let Member::Winner { worker, signature } = receipt.votes[0].member else {
        panic!()
    };
    let seal = receipt.value().seal(worker, receipt.range().unwrap().id());
    receipt.votes[0].member = Member::Loser {
        worker,
        signature,
        enclave: Address::ZERO,
        seal,
    };
    let report = judge(&receipt);
    let Some(Outcome::Failed(why)) = report.of(Check::Votes) else {
        panic!("{report:?}")
    };
    assert!(why.contains("is right"), "{why}");
}

/// All places in a document that hold no other place.
fn places(json: &Json, path: String, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| places(value, format!("{path}/{name}"), found)),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, value)| places(value, format!("{path}/{at}"), found)),
        _ => found.push(path),
    }
}

#[test]
fn whatever_is_left_out_or_altered_is_noticed() {
    for honest in HONEST.iter() {
        let json = serde_json::to_value(honest).unwrap();
        let mut paths = Vec::new();
        places(&json, String::new(), &mut paths);
        assert!(paths.len() > 50, "{}", paths.len());
        for path in paths {
            for other in [
                Json::Null,
                Json::from(0),
                Json::from("0x"),
                Json::from("0x00"),
                Json::from(7),
            ] {
                let mut wrong = json.clone();
                *wrong.pointer_mut(&path).unwrap() = other.clone();
                if let Some(receipt) = parse(&wrong).filter(|receipt| receipt != honest) {
                    assert!(!judge(&receipt).holds(), "{path} as {other}");
                }
            }
        }
    }
}

#[test]
fn the_leaves_of_a_small_range_cannot_be_left_out() {
    for honest in HONEST.iter() {
        let mut receipt = honest.clone();
        receipt.result.leaves = None;
        assert!(!judge(&receipt).holds());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Property 20 of §11, for every byte.
    #[test]
    fn no_byte_of_a_receipt_can_be_changed(which in 0..6usize, at: prop::sample::Index, flip in 1u8..) {
        let honest = &HONEST[which];
        let mut bytes = serde_json::to_vec(honest).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(receipt) = serde_json::from_slice::<Receipt>(&bytes) && receipt != *honest {
            prop_assert!(!judge(&receipt).holds(), "byte {at}");
        }
    }

    /// Small changes of hexadecimal digits, which are most of a receipt and always can be read.
    #[test]
    fn no_digit_of_a_receipt_can_be_changed(which in 0..6usize, at: prop::sample::Index, digit in 0..16u8) {
        let honest = &HONEST[which];
        let mut bytes = serde_json::to_vec(honest).unwrap();
        let digits: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_hexdigit()).collect();
        let at = digits[at.index(digits.len())];
        bytes[at] = b"0123456789abcdef"[usize::from(digit)];
        if let Ok(receipt) = serde_json::from_slice::<Receipt>(&bytes) && receipt != *honest {
            prop_assert!(!judge(&receipt).holds(), "digit {at}");
        }
    }

    #[test]
    fn bytes_from_outside_never_panic(header: Vec<u8>, transaction: Vec<u8>, outcome: Vec<u8>, code: Vec<u8>, account: Vec<u8>) {
        let mut receipt = HONEST[1].clone();
        receipt.settlement.header = header.into();
        receipt.settlement.transaction = transaction.into();
        receipt.settlement.receipt = outcome.into();
        receipt.terms.code = code.into();
        receipt.terms.account = account.into();
        prop_assert!(!judge(&receipt).holds());
    }
}
