use alloy_primitives::{Address, Bytes, FixedBytes, Signature, keccak256, uint};
use proptest::prelude::*;

use super::super::{
    member::{Ballot, MemberFault, MembersError},
    *,
};
use crate::{
    Domain, Nrlc, result,
    signature::{CompactError, CompactSignature},
    test_support::{any_address, any_word, domain, key},
};

const ORDER: U256 = uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);

fn sign(seed: u8, digest: B256) -> CompactSignature {
    CompactSignature::from(&key(seed).0(digest))
}

fn worker(seed: u8) -> Address {
    key(seed).1
}

fn range() -> Range {
    super::range(3, 20)
}

fn value() -> Value {
    Value {
        root: keccak256("root"),
        link: keccak256("link"),
    }
}

fn ballot() -> Ballot {
    Ballot {
        domain: domain(),
        range: range(),
        value: value(),
        tee: false,
        broker: None,
    }
}

fn vote(seed: u8, range: Range, value: Value) -> Vote {
    let worker = worker(seed);
    let seal = value.seal(worker, range.id());
    let commitment = Commitment {
        range,
        enclave: Address::ZERO,
        seal,
    };
    Vote {
        worker,
        commitment,
        signature: sign(seed, commitment.digest(&domain())),
    }
}

fn winner(seed: u8) -> Member {
    Member::Winner {
        worker: worker(seed),
        signature: vote(seed, range(), value()).signature,
    }
}

fn loser(seed: u8) -> Member {
    let vote = vote(
        seed,
        range(),
        Value {
            root: B256::ZERO,
            ..value()
        },
    );
    let Commitment { enclave, seal, .. } = vote.commitment;
    Member::Loser {
        worker: vote.worker,
        signature: vote.signature,
        enclave,
        seal,
    }
}

fn enclave_winner(seed: u8, enclave: u8, broker: Option<u8>) -> Member {
    let (worker, address) = (worker(seed), worker(enclave));
    let seal = value().seal(worker, range().id());
    let commitment = Commitment {
        range: range(),
        enclave: address,
        seal,
    };
    let result_hash = value().result_hash(range().id());
    Member::EnclaveWinner {
        worker,
        signature: sign(seed, commitment.digest(&domain())),
        enclave: address,
        enclave_signature: sign(enclave, result::enclave_digest(result_hash, seal)),
        broker_signature: broker
            .map(|broker| sign(broker, broker_digest(worker, range().id(), address))),
    }
}

#[test]
fn types_are_those_of_the_specification() {
    use alloy_sol_types::SolStruct;
    let name = |text: std::borrow::Cow<'static, str>| text.into_owned();
    assert_eq!(
        name(typed::Commitment::eip712_encode_type()),
        "Commitment(bytes32 dealid,uint256 first,uint256 count,address enclave,bytes32 seal)"
    );
    assert_eq!(
        name(typed::Assignment::eip712_encode_type()),
        "Assignment(bytes32 dealid,uint256 first,uint256 count,address worker,bytes32 sealed)"
    );
    assert_eq!(
        name(typed::Unbond::eip712_encode_type()),
        "Unbond(address workerpool,uint256 amount,uint256 nonce,uint256 deadline)"
    );
}

#[test]
fn a_vote_is_the_workers_and_its_countersignature_the_schedulers() {
    let vote = vote(1, range(), value());
    assert!(vote.is_signed(&domain()));
    assert_eq!(vote.sealed(), keccak256(vote.signature.as_bytes()));
    let posted = |vote: Vote| {
        let assigned = Assignment {
            range: range(),
            worker: vote.worker,
            sealed: vote.sealed(),
        };
        PostedVote {
            vote,
            assignment: sign(9, assigned.digest(&domain())),
        }
    };
    let post = posted(vote);
    assert!(post.is_signed(&domain(), worker(9)));
    assert!(!post.is_signed(&domain(), worker(8)));
    let other = PostedVote {
        vote: self::vote(2, range(), value()),
        ..post
    };
    assert!(!other.is_signed(&domain(), worker(9)));

    let bytes = PostedVote::encode(&[post, posted(other.vote)]);
    assert_eq!(bytes.len(), 400);
    assert_eq!(
        PostedVote::decode(&bytes, range()).unwrap(),
        [post, posted(other.vote)]
    );
    assert!(PostedVote::decode(&bytes[1..], range()).is_err());
    assert!(PostedVote::decode(&bytes.repeat(25), range()).is_err());
}

#[test]
fn a_signature_is_worth_nothing_anywhere_else() {
    let vote = vote(1, range(), value());
    let signed = |domain: &Domain, change: fn(&mut Vote)| {
        let mut other = vote;
        change(&mut other);
        other.is_signed(domain)
    };
    assert!(signed(&domain(), |_| ()));
    assert!(!signed(&Domain::new(1338, domain().hub), |_| ()));
    assert!(!signed(&Domain::new(1337, worker(5)), |_| ()));
    assert!(!signed(&domain(), |vote| vote.worker = worker(2)));
    assert!(!signed(&domain(), |vote| vote.commitment.enclave = worker(2)));
    assert!(!signed(&domain(), |vote| vote.commitment.seal = B256::ZERO));
    for other in [super::range(3, 19), super::range(4, 20), super::range(3, 1)] {
        let mut moved = vote;
        moved.commitment.range = other;
        assert!(!moved.is_signed(&domain()));
        assert!(!vote.equivocates(&moved), "another range is another matter");
    }
    let mut flipped = *vote.signature.as_bytes();
    flipped[32] ^= 0x80;
    let flipped = Vote {
        signature: CompactSignature::try_from(&flipped[..]).unwrap(),
        ..vote
    };
    assert!(!flipped.is_signed(&domain()));
}

#[test]
fn a_signature_has_one_form() {
    let digest = keccak256("digest");
    let signature = key(1).0(digest);
    let compact = CompactSignature::from(&signature);
    assert_eq!(compact.recover(digest), Some(worker(1)));
    let twin = Signature::new(signature.r(), ORDER - signature.s(), !signature.v());
    assert_eq!(CompactSignature::from(&twin), compact);
    // The high s with the parity bit cut off is what a contract would see.
    let mut high = [0; 64];
    high[..32].copy_from_slice(&twin.r().to_be_bytes::<32>());
    high[32..].copy_from_slice(&twin.s().to_be_bytes::<32>());
    let accepted = CompactSignature::try_from(&high[..]).ok();
    assert_ne!(
        accepted.and_then(|signature| signature.recover(digest)),
        Some(worker(1))
    );
    for length in [0, 63, 65] {
        let bytes = vec![1; length];
        assert_eq!(
            CompactSignature::try_from(&bytes[..]),
            Err(CompactError::Length(length))
        );
    }
    assert_eq!(
        CompactSignature::try_from([[0; 32], [0xff; 32]].concat().as_slice()),
        Err(CompactError::HighS)
    );
    let zero = CompactSignature::try_from([0; 64].as_slice()).unwrap();
    assert_eq!(zero.recover(digest), None);
    let json = serde_json::to_value(compact).unwrap();
    assert_eq!(
        serde_json::from_value::<CompactSignature>(json).unwrap(),
        compact
    );
    assert!(serde_json::from_value::<CompactSignature>(serde_json::json!("0x7f")).is_err());
}

#[test]
fn the_members_of_a_settlement_are_checked_one_by_one() {
    let check = |member: Member, ballot: Ballot| member.check(&ballot);
    assert_eq!(check(winner(1), ballot()), Ok(()));
    assert_eq!(check(loser(2), ballot()), Ok(()));
    assert_eq!(
        check(Member::Absent { worker: worker(3) }, ballot()),
        Ok(())
    );

    let elsewhere = Ballot {
        range: super::range(3, 21),
        ..ballot()
    };
    assert_eq!(
        check(winner(1), elsewhere),
        Err(MemberFault::Vote(worker(1)))
    );
    assert_eq!(
        check(loser(2), elsewhere),
        Err(MemberFault::Vote(worker(2)))
    );
    let right = vote(2, range(), value());
    let Commitment { enclave, seal, .. } = right.commitment;
    let framed = Member::Loser {
        worker: right.worker,
        signature: right.signature,
        enclave,
        seal,
    };
    assert_eq!(
        check(framed, ballot()),
        Err(MemberFault::RightVote(worker(2)))
    );
}

#[test]
fn an_enclave_and_its_broker_sign_where_asked() {
    let tee = Ballot {
        tee: true,
        ..ballot()
    };
    let brokered = Ballot {
        broker: Some(worker(7)),
        ..tee
    };
    assert_eq!(
        winner(1).check(&tee),
        Err(MemberFault::EnclaveMissing(worker(1)))
    );
    assert_eq!(enclave_winner(1, 6, None).check(&tee), Ok(()));
    assert_eq!(enclave_winner(1, 6, Some(7)).check(&brokered), Ok(()));
    assert_eq!(
        enclave_winner(1, 6, None).check(&brokered),
        Err(MemberFault::Broker(worker(1)))
    );
    assert_eq!(
        enclave_winner(1, 6, Some(8)).check(&brokered),
        Err(MemberFault::Broker(worker(1)))
    );
    let mut forged = enclave_winner(1, 6, None);
    if let Member::EnclaveWinner {
        enclave_signature,
        signature,
        ..
    } = &mut forged
    {
        *enclave_signature = *signature;
    }
    assert_eq!(forged.check(&tee), Err(MemberFault::Enclave(worker(1))));
}

#[test]
fn a_broker_does_not_sign_for_the_open_way() {
    // For a range of one the name of the range is the task's: without a prefix both would be the same message.
    let task = super::range(3, 1).id();
    let open = result::authorization_digest(worker(1), TaskId(task.0), worker(6));
    assert_ne!(broker_digest(worker(1), task, worker(6)), open);
}

#[test]
fn members_have_the_lengths_of_the_specification_and_are_read_back() {
    for (brokered, length) in [(false, 169), (true, 233)] {
        let broker = brokered.then_some(7);
        let absent = Member::Absent { worker: worker(4) };
        let mut members = vec![winner(1), loser(2), absent, enclave_winner(3, 6, broker)];
        member::sort(&mut members);
        let bytes = member::encode(&members);
        assert_eq!(bytes.len(), 85 + 137 + 21 + length);
        assert_eq!(member::decode(&bytes, brokered).unwrap(), members);
        assert!(member::decode(&bytes[..bytes.len() - 1], brokered).is_err());

        members.swap(0, 1);
        assert!(matches!(
            member::decode(&member::encode(&members), brokered),
            Err(MembersError::Unsorted(_))
        ));
    }
    let twice = member::encode(&[winner(1), winner(1)]);
    assert_eq!(
        member::decode(&twice, false),
        Err(MembersError::Unsorted(worker(1)))
    );
    let nobody = member::encode(&[Member::Absent {
        worker: Address::ZERO,
    }]);
    assert_eq!(
        member::decode(&nobody, false),
        Err(MembersError::Unsorted(Address::ZERO))
    );
    assert_eq!(
        member::decode(&[4; 300], false),
        Err(MembersError::UnknownKind(4))
    );
    let crowd = |size: u8| {
        let absent = |byte| Member::Absent {
            worker: Address::repeat_byte(byte),
        };
        member::encode(&(1..=size).map(absent).collect::<Vec<_>>())
    };
    assert_eq!(member::decode(&crowd(32), false).unwrap().len(), 32);
    assert_eq!(
        member::decode(&crowd(33), false),
        Err(MembersError::TooMany)
    );
}

#[test]
fn evidence_is_the_start_of_a_hash_of_all_that_matters() {
    use alloy_sol_types::SolValue;
    let byte = FixedBytes::<1>::repeat_byte;
    let counted = |kind, seed, weight| Counted {
        kind,
        worker: worker(seed),
        weight,
    };
    let settled = Settled {
        range: range(),
        way: Way::Settle,
        value: value(),
        delivery: keccak256("delivery"),
        members: vec![
            counted(Kind::Winner, 1, 10),
            counted(Kind::Loser, 2, 3),
            counted(Kind::Absent, 3, 2),
        ],
    };
    let blob = (
        byte(0),
        worker(1),
        byte(10),
        byte(1),
        worker(2),
        byte(3),
        byte(2),
        worker(3),
        byte(2),
    )
        .abi_encode_packed();
    assert_eq!(Counted::encode(&settled.members), Bytes::from(blob.clone()));
    assert_eq!(Counted::decode(&blob).unwrap(), settled.members);
    assert!(Counted::decode(&blob[1..]).is_err());
    let hash = keccak256(
        (
            byte(1),
            settled.value.root,
            settled.value.link,
            settled.delivery,
            keccak256(&blob),
        )
            .abi_encode_packed(),
    );
    assert_eq!(
        settled.evidence(),
        FixedBytes::<25>::from_slice(&hash[..25])
    );
    let sides = Counted::sides(&settled.members);
    assert!(sides.is_dispute());
    assert_eq!((sides.p(), sides.q()), (U256::from(2), U256::from(4)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn members_from_outside_never_panic_and_have_one_form(bytes in prop::collection::vec(0..5u8, 0..600), brokered: bool) {
        if let Ok(members) = member::decode(&bytes, brokered) {
            prop_assert_eq!(&member::encode(&members)[..], &bytes[..]);
        }
        if let Ok(members) = Counted::decode(&bytes) {
            prop_assert_eq!(&Counted::encode(&members)[..], &bytes[..]);
        }
    }

    #[test]
    fn compact_signatures_from_outside_never_panic(r: [u8; 32], s: [u8; 32], digest in any_word()) {
        if let Ok(signature) = CompactSignature::try_from([r, s].concat().as_slice()) {
            prop_assert_ne!(signature.recover(digest), Some(Address::ZERO));
        }
    }

    #[test]
    fn whoever_signs_is_recovered(seed in 1..=254u8, enclave in any_address(), seal in any_word(), amount: u64) {
        let commitment = Commitment { range: range(), enclave, seal };
        let unbond = Unbond { workerpool: enclave, amount: Nrlc::new(amount), nonce: 3, deadline: amount };
        for digest in [commitment.digest(&domain()), unbond.digest(&domain())] {
            prop_assert_eq!(sign(seed, digest).recover(digest), Some(worker(seed)));
        }
    }
}
