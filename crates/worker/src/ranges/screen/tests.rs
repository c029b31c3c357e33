use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::B256;
use canut_protocol::{
    DealId, Resource, Tag, Trust,
    range::{Codec, Commitment, Content, Leaf, Value, Vote},
    signature::CompactSignature,
};

use super::{super::record::value_of, *};

const POOL: Address = Address::repeat_byte(2);
const START: u64 = 1_000;
const TIME_REF: u64 = 300;
/// What a vote on the range of these tests puts at risk.
const RISK: u64 = 30 * 20;

fn range() -> Range {
    Range::new(DealId(B256::repeat_byte(3)), 10, 20).unwrap()
}

fn domain() -> Domain {
    Domain::new(1, Address::repeat_byte(4))
}

fn key(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[seed; 32]).unwrap()
}

fn sign(seed: u8, digest: B256) -> CompactSignature {
    CompactSignature::from(&key(seed).sign_hash_sync(&digest).unwrap())
}

/// The scheduler's key.
const SCHEDULER: u8 = 90;

fn deal() -> Deal {
    Deal {
        workerpool: Resource {
            pointer: POOL,
            owner: key(SCHEDULER).address(),
            price: Nrlc::from(100),
        },
        worker_stake: Nrlc::from(30),
        start_time: START,
        bot_first: 10,
        bot_size: 40,
        trust: Trust::new(10),
        ..Deal::default()
    }
}

fn terms() -> screen::Terms {
    screen::Terms {
        max_stake: Some(Nrlc::from(30)),
        ..Default::default()
    }
}

fn offered(deal: &Deal, change: impl FnOnce(&mut Offer<'_>)) -> Result<Place, Failure> {
    let mut offer = Offer {
        range: range(),
        deal,
        time_ref: TIME_REF,
        bond: Nrlc::from(2 * RISK),
        at_risk: Nrlc::from(RISK),
        now: START,
    };
    change(&mut offer);
    screen(offer, POOL, &terms())
}

#[test]
fn a_worker_risks_no_more_than_its_bond_and_what_its_owner_allows() {
    let fair = deal();
    assert!(offered(&fair, |_| {}).is_ok());
    let short = offered(&fair, |offer| offer.at_risk = Nrlc::from(RISK + 1));
    assert_eq!(short, Err(Failure::StakeTooLow));
    // A pool that sets a huge stake to frame workers finds none.
    let dear = Deal {
        worker_stake: Nrlc::from(31),
        ..deal()
    };
    let rich = offered(&dear, |offer| offer.bond = Nrlc::rlc(1));
    assert_eq!(rich, Err(Failure::StakeRefused));
    // The stake counted is the deal's, whatever the pool's policy is by now.
    assert_eq!(offered(&fair, |_| {}).unwrap().stake, Nrlc::from(30));
    let single = Range::single(range().deal(), 10).unwrap();
    let alone = |at_risk| {
        offered(&fair, |offer| {
            (offer.range, offer.at_risk) = (single, Nrlc::from(at_risk));
        })
    };
    assert!(alone(2 * RISK - 300).is_ok(), "a single task risks as ten");
    assert_eq!(alone(2 * RISK - 299), Err(Failure::StakeTooLow));
}

#[test]
fn a_worker_takes_no_range_that_could_not_be_settled() {
    let fair = deal();
    let late = |now| offered(&fair, |offer| offer.now = now);
    assert!(late(START + 6 * TIME_REF - 1).is_ok());
    assert_eq!(late(START + 6 * TIME_REF), Err(Failure::TooLate));
    let long = offered(&fair, |offer| offer.time_ref = 36_001);
    assert_eq!(
        long,
        Err(Failure::StakeRefused),
        "a bond could leave before"
    );
    let beyond = Range::new(range().deal(), 31, 20).unwrap();
    let foreign = offered(&fair, |offer| offer.range = beyond);
    assert_eq!(foreign, Err(Failure::DealForeign));
    let mut other = deal();
    other.workerpool.pointer = Address::repeat_byte(9);
    assert_eq!(offered(&other, |_| {}), Err(Failure::DealForeign));
    let enclave = Deal {
        tag: Tag::TEE,
        ..deal()
    };
    assert_eq!(offered(&enclave, |_| {}), Err(Failure::RuntimeMissing));
}

#[test]
fn inputs_that_could_be_others_for_another_worker_are_refused_while_something_is_at_stake() {
    let mutable = |stake: u64| Deal {
        params: r#"{"iexec_input_files":["https://example.org/table.csv"]}"#.into(),
        worker_stake: Nrlc::from(stake),
        ..deal()
    };
    assert_eq!(offered(&mutable(30), |_| {}), Err(Failure::InputRefused));
    assert!(offered(&mutable(0), |_| {}).is_ok());
}

/// What the worker of this key found, alike for all keys.
fn record(seed: u8) -> RangeRecord {
    let leaf = Leaf {
        digest: B256::repeat_byte(7),
        content: Content {
            codec: Codec::Raw,
            sha256: B256::repeat_byte(8),
        },
    };
    let leaves = vec![leaf; 20];
    let place = offered(&deal(), |_| {}).unwrap();
    RangeRecord {
        range: range(),
        place,
        vote: vote(seed, range(), value_of(range(), &leaves).unwrap()),
        leaves,
        assignment: None,
        roster: None,
        whole: None,
        settled: None,
    }
}

fn vote(seed: u8, range: Range, value: Value) -> Vote {
    let worker = key(seed).address();
    let commitment = Commitment {
        range,
        enclave: Address::ZERO,
        seal: value.seal(worker, range.id()),
    };
    Vote {
        worker,
        commitment,
        signature: sign(seed, commitment.digest(&domain())),
    }
}

fn listed(vote: Vote, by: u8) -> Listed {
    let assignment = Assignment {
        range: vote.commitment.range,
        worker: vote.worker,
        sealed: vote.sealed(),
    };
    Listed {
        worker: vote.worker,
        vote: Some(vote),
        assignment: Some(sign(by, assignment.digest(&domain()))),
    }
}

/// A roster of these workers, the first of whom checks it after a change.
fn checked(seeds: &[u8], change: impl FnOnce(&mut Vec<Listed>)) -> Result<(), RosterFault> {
    let mine = record(seeds[0]);
    let mut members: Vec<_> = seeds
        .iter()
        .map(|seed| listed(record(*seed).vote, SCHEDULER))
        .collect();
    change(&mut members);
    // Those of even keys have bonded enough.
    let bonds = (1..=20u8).map(|seed| {
        let bond = Nrlc::from(if seed.is_multiple_of(2) {
            RISK
        } else {
            RISK - 1
        });
        (key(seed).address(), (bond, Standing::default()))
    });
    check_roster(&mine, &domain(), &members, &bonds.collect())
}

#[test]
fn nothing_is_shown_before_everybody_is_bound() {
    let four = [2, 4, 6, 8];
    assert_eq!(checked(&four, |_| {}), Ok(()));
    let who = |seed: u8| key(seed).address();
    let unbonded = checked(&[2, 4, 6, 7], |_| {});
    assert_eq!(unbonded, Err(RosterFault::Bond(who(7))));
    assert_eq!(checked(&four[..3], |_| {}), Err(RosterFault::TooFew));
    let left_out = checked(&[2, 4, 6, 8, 10], |members| {
        members.remove(0);
    });
    assert_eq!(left_out, Err(RosterFault::Unlisted));
    let hidden = checked(&four, |members| members[1].assignment = None);
    assert_eq!(hidden, Err(RosterFault::Assignment(who(4))));
    let strangers = checked(&four, |members| members[1] = listed(record(4).vote, 3));
    assert_eq!(strangers, Err(RosterFault::Assignment(who(4))));
    let twice = checked(&four, |members| members[3] = members[2]);
    assert_eq!(twice, Err(RosterFault::Twice(who(6))));
}

#[test]
fn a_vote_of_somebody_else_or_on_something_else_is_no_vote() {
    let four = [2, 4, 6, 8];
    let who = |seed: u8| key(seed).address();
    let stolen = checked(&four, |members| {
        // The pool lists a friend with the seal of another.
        members[1].worker = who(10);
    });
    assert_eq!(stolen, Err(RosterFault::Vote(who(10))));
    let part = Range::new(range().deal(), 10, 19).unwrap();
    let elsewhere = checked(&four, |members| {
        let value = record(4).value().unwrap();
        members[1] = listed(vote(4, part, value), SCHEDULER);
    });
    assert_eq!(elsewhere, Err(RosterFault::Vote(who(4))));
}

#[test]
fn who_is_absent_counts_against() {
    let absent = |members: &mut Vec<Listed>| {
        let last = members.len() - 1;
        members[last].vote = None;
    };
    let (four, six) = ([2, 4, 6, 8], [2, 4, 6, 8, 10, 12]);
    assert_eq!(checked(&four, absent), Err(RosterFault::TooFew));
    assert_eq!(checked(&six, absent), Ok(()));
}
