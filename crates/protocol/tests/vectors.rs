//! The certificate way in numbers: `vectors/certificate.json` is recomputed here, and read by the tests of the contracts.
//!
//! To write it anew after a change of the protocol: `BLESS=1 cargo test -p canut-protocol --test vectors`.

#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256, U256, address, keccak256};
use canut_protocol::{
    Deal, DealId, Domain, Nrlc, Range, Resource, Trust,
    range::{
        Assignment, Codec, Commitment, Content, Counted, Kind, Leaf, Member, PostedVote, Settled,
        Standing, Terms, Unbond, Value, Vote, Way,
        audit::{Chain, Promise, Rates},
        broker_digest, credible, mark, member,
        money::Payout,
        tree,
    },
    result,
    signature::CompactSignature,
};
use serde_json::{Value as Json, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/certificate.json");

fn domain() -> Domain {
    Domain::new(1337, address!("B2157BF2fAb286b2A4170E3491Ac39770111Da3E"))
}

fn deal() -> DealId {
    DealId(keccak256("deal"))
}

/// Signs with the private key of 32 times `seed`.
fn sign(seed: u8, digest: B256) -> CompactSignature {
    let key = k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    let signature = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    CompactSignature::from(&signature.into())
}

fn account(seed: u8) -> Address {
    let key = k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    Address::from_public_key(key.verifying_key())
}

/// Leaf `index` of the test trees: digest `keccak256(uint256 index)`, content the hash of the digest, codec raw if even.
fn leaf(index: u64) -> Leaf {
    let digest = keccak256(U256::from(index).to_be_bytes::<32>());
    let codec = if index.is_multiple_of(2) {
        Codec::Raw
    } else {
        Codec::DagPb
    };
    Leaf {
        digest,
        content: Content {
            codec,
            sha256: keccak256(digest),
        },
    }
}

fn leaves(range: Range) -> Vec<B256> {
    let leaves: Vec<_> = range.indices().map(leaf).collect();
    tree::hashes(range, &leaves)
}

fn trees() -> Json {
    let sizes = [
        (0, 1),
        (7, 2),
        (7, 3),
        (0, 5),
        (100, 8),
        (1, 13),
        (4, 100),
        (0, 1000),
        (9, 4096),
    ];
    let tree = |(first, count): (u64, u64)| {
        let range = Range::new(deal(), first, count).unwrap();
        let leaves = leaves(range);
        let position = leaves.len() / 3;
        json!({
            "first": first, "count": count, "rid": range.id(), "root": tree::root(&leaves),
            "position": position, "leaf": leaves[position], "proof": tree::proof(&leaves, position),
        })
    };
    sizes.into_iter().map(tree).collect()
}

fn range() -> Range {
    Range::new(deal(), 4, 100).unwrap()
}

fn value() -> Value {
    Value {
        root: tree::root(&leaves(range())).unwrap(),
        link: keccak256("link"),
    }
}

fn commitment(seed: u8, value: Value, enclave: Address) -> Commitment {
    Commitment {
        range: range(),
        enclave,
        seal: value.seal(account(seed), range().id()),
    }
}

fn vote(seed: u8, value: Value) -> Vote {
    let commitment = commitment(seed, value, Address::ZERO);
    let signature = sign(seed, commitment.digest(&domain()));
    Vote {
        worker: account(seed),
        commitment,
        signature,
    }
}

fn signed() -> Json {
    let vote = vote(1, value());
    let assigned = Assignment {
        range: range(),
        worker: vote.worker,
        sealed: vote.sealed(),
    };
    let unbond = Unbond {
        workerpool: account(8),
        amount: Nrlc::new(500),
        nonce: 2,
        deadline: 2_000_000_000,
    };
    let assignment = sign(9, assigned.digest(&domain()));
    json!({
        "range": range(), "value": value(), "valueHash": value().hash(),
        "resultHash": value().result_hash(range().id()),
        "worker": vote.worker, "seal": vote.commitment.seal, "sealed": vote.sealed(),
        "commitment": {"digest": vote.commitment.digest(&domain()), "signature": vote.signature},
        "assignment": {"scheduler": account(9), "digest": assigned.digest(&domain()), "signature": assignment},
        "unbond": {
            "message": unbond, "digest": unbond.digest(&domain()), "signature": sign(1, unbond.digest(&domain())),
        },
        "post": PostedVote::encode(&[PostedVote { vote, assignment }]),
    })
}

fn members(brokered: bool) -> Vec<Member> {
    let wrong = vote(
        2,
        Value {
            root: B256::ZERO,
            ..value()
        },
    );
    let (worker, enclave) = (account(3), account(6));
    let inside = commitment(3, value(), enclave);
    let vouched = result::enclave_digest(value().result_hash(range().id()), inside.seal);
    let brokered = brokered.then(|| sign(7, broker_digest(worker, range().id(), enclave)));
    let mut members = vec![
        Member::Winner {
            worker: account(1),
            signature: vote(1, value()).signature,
        },
        Member::Loser {
            worker: wrong.worker,
            signature: wrong.signature,
            enclave: Address::ZERO,
            seal: wrong.commitment.seal,
        },
        Member::Absent { worker: account(4) },
        Member::EnclaveWinner {
            worker,
            signature: sign(3, inside.digest(&domain())),
            enclave,
            enclave_signature: sign(6, vouched),
            broker_signature: brokered,
        },
    ];
    member::sort(&mut members);
    members
}

fn settlement() -> Json {
    let counted = |(member, weight): (&Member, u8)| Counted {
        kind: member.kind(),
        worker: member.worker(),
        weight,
    };
    let settled = |way| Settled {
        range: range(),
        way,
        value: value(),
        delivery: keccak256("delivery"),
        members: members(false)
            .iter()
            .zip([2, 5, 10, 7])
            .map(counted)
            .collect(),
    };
    let sides = Counted::sides(&settled(Way::Settle).members);
    json!({
        "broker": account(7), "members": members(false), "blob": member::encode(&members(false)),
        "brokeredBlob": member::encode(&members(true)),
        "settled": settled(Way::Settle), "counted": Counted::encode(&settled(Way::Settle).members),
        "evidence": settled(Way::Settle).evidence(), "resolvedEvidence": settled(Way::Resolve).evidence(),
        "p": sides.p().to_string(), "q": sides.q().to_string(),
        "winners": settled(Way::Settle).members.iter().filter(|member| member.kind == Kind::Winner).count(),
    })
}

fn credibility() -> Json {
    let big = U256::from(10).pow(U256::from(48));
    let mut rows = Vec::new();
    for p in [2, 9, 10, 11, 99, 100, 101, 1_000]
        .map(U256::from)
        .into_iter()
        .chain([big])
    {
        for q in [1, 2, 10, 100].map(U256::from).into_iter().chain([big]) {
            for trust in [1, 2, 10, 100, 1_000]
                .map(U256::from)
                .into_iter()
                .chain([U256::ONE << 64])
            {
                let credible = credible(p, q, Trust(trust));
                rows.push(json!([
                    p.to_string(),
                    q.to_string(),
                    trust.to_string(),
                    credible
                ]));
            }
        }
    }
    rows.into()
}

fn weights() -> Json {
    (0..=32u8)
        .map(|score| Standing::new(score, 0).weight())
        .map(|weight| json!([weight.get(), weight.log2()]))
        .collect()
}

fn money() -> Json {
    let price = |price| Resource {
        price: Nrlc::new(price),
        ..Resource::default()
    };
    let deal = Deal {
        app: price(7),
        dataset: price(3),
        workerpool: price(1_001),
        worker_stake: Nrlc::new(333),
        scheduler_reward_ratio: 7,
        ..Deal::default()
    };
    let terms = Terms::of(&deal, 300).unwrap();
    let row = |count: u16, winners: &[u32], losers: u64| {
        let forfeited = terms
            .risk(count)
            .unwrap()
            .times(U256::from(losers))
            .unwrap();
        let pay = |payout: Payout| {
            let winners = payout
                .winners
                .iter()
                .map(|reward| json!([reward.pay, reward.bonus]))
                .collect::<Json>();
            json!({
                "payer": payout.payer, "app": payout.app, "dataset": payout.dataset, "winners": winners,
                "scheduler": payout.scheduler, "sink": payout.sink,
            })
        };
        json!({
            "count": count, "shares": winners, "forfeited": forfeited, "risk": terms.risk(count).unwrap(),
            "schedulerStake": terms.scheduler_stake(count).unwrap(),
            "settle": pay(Payout::settle(&terms, count, winners, forfeited).unwrap()),
            "resolve": pay(Payout::resolve(&terms, count, winners, forfeited).unwrap()),
        })
    };
    let rows = [
        row(1, &[1], 0),
        row(1, &[3, 2, 1], 1),
        row(100, &[3, 3, 1], 2),
        row(4096, &[1; 32], 0),
    ];
    json!({"terms": {"app": 7, "dataset": 3, "workerpool": 1_001, "stake": 333, "ratio": 7}, "rows": rows})
}

fn audits() -> Json {
    let promise = Promise {
        secret: keccak256("secret"),
        rates: Rates::default(),
        stride: 500,
    };
    let draw = promise.draw(range().id());
    let first = Chain::START.then(vote(1, value()).sealed());
    let second = first.then(vote(2, value()).sealed());
    let audited = |chain, votes| draw.is_audited(chain, votes, promise.rates);
    json!({
        "promise": promise, "workerpool": account(8), "epoch": 20_000, "hash": promise.hash(account(8), 20_000),
        "chain": [first, second], "ranks": [draw.rank(Chain::START, account(1)), draw.rank(first, account(2))],
        "audited": [audited(first, 1), audited(second, 2)],
    })
}

#[test]
fn the_committed_vectors_hold() {
    let vectors = json!({
        "domain": domain(), "deal": deal(), "mark": mark::mark(B256::ZERO), "trees": trees(), "signed": signed(),
        "settlement": settlement(), "credible": credibility(), "weights": weights(), "money": money(), "audits": audits(),
    });
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(FILE, format!("{vectors:#}\n")).unwrap();
    }
    let committed: Json = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    for (name, section) in vectors.as_object().unwrap() {
        assert_eq!(&committed[name], section, "{name}");
    }
}
