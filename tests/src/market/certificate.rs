//! The certificate way: ranges, votes, and the blobs that carry them.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy::sol_types::SolStruct;

use super::{Market, Orders, task_id};
use crate::abi::{Hub, Settled, Task, Vote};
use crate::actor::Actor;
use crate::outcome::Outcome;

mod typed {
    use alloy::sol;

    sol! {
        struct Commitment { bytes32 dealid; uint256 first; uint256 count; address enclave; bytes32 seal; }
        struct Assignment { bytes32 dealid; uint256 first; uint256 count; address worker; bytes32 sealed; }
        struct Unbond { address workerpool; uint256 amount; uint256 nonce; uint256 deadline; }
    }
}

/// How many keys vote.
pub const VOTERS: usize = 64;

/// A key that signs votes and never sends anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Voter(pub usize);

impl Voter {
    /// The account.
    #[must_use]
    pub fn address(self) -> Address {
        self.key().address()
    }

    /// Signs a digest, in 64 bytes.
    #[must_use]
    pub fn sign(self, digest: B256) -> Bytes {
        let signature = self.key().sign_hash_sync(&digest);
        short(signature.expect("a local key signs any digest"))
    }

    fn key(self) -> &'static PrivateKeySigner {
        static KEYS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| {
            let key = |number: usize| {
                let seed = keccak256(format!("canut voter {number}"));
                PrivateKeySigner::from_bytes(&seed).expect("a hash is a valid key")
            };
            (0..VOTERS).map(key).collect()
        });
        &KEYS[self.0]
    }
}

impl From<Voter> for Address {
    fn from(voter: Voter) -> Self {
        voter.address()
    }
}

/// A signature of 65 bytes in the 64 of EIP-2098.
#[must_use]
pub fn compact(signature: &[u8]) -> Bytes {
    short(Signature::from_raw(signature).expect("65 bytes are a signature"))
}

fn short(signature: Signature) -> Bytes {
    signature.as_erc2098().into()
}

/// Some tasks of a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// Its deal.
    pub deal: B256,
    /// The first task.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Range {
    /// What it is called in votes.
    #[must_use]
    pub fn id(&self) -> B256 {
        match self.count {
            1 => task_id(self.deal, self.first),
            _ => {
                let [first, count] =
                    [self.first, self.count].map(|n| U256::from(n).to_be_bytes::<32>());
                keccak256([&self.deal[..], &first, &count].concat())
            }
        }
    }

    /// The vote of `worker` for `value`, before it is signed.
    #[must_use]
    pub fn seal(&self, worker: Address, value: Value) -> B256 {
        keccak256([&worker[..], &self.id()[..], &value.hash()[..]].concat())
    }
}

/// What is voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    /// Root of the leaves.
    pub root: B256,
    /// Hash of the directory of the results.
    pub link: B256,
}

impl Value {
    /// A value by name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            root: keccak256(format!("root of {name}")),
            link: keccak256(format!("link of {name}")),
        }
    }

    /// What seals are made of.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256([self.root, self.link].concat())
    }
}

/// The leaf of a task.
#[must_use]
pub fn leaf(task: B256, digest: B256, codec: u8, content: B256) -> B256 {
    keccak256([&[0], &task[..], &digest[..], &[codec], &content[..]].concat())
}

/// Somebody accounted for in a settlement.
#[derive(Clone, Debug)]
pub enum Member {
    /// Voted for the value.
    Winner(Voter),
    /// Voted for another one.
    Loser(Voter, Value),
    /// Did not vote.
    Absent(Voter),
    /// Voted for the value in an enclave, perhaps admitted by a broker.
    Enclave(Voter, Option<Actor>),
}

impl Member {
    /// Who.
    #[must_use]
    pub const fn voter(&self) -> Voter {
        let (Self::Winner(voter)
        | Self::Loser(voter, _)
        | Self::Absent(voter)
        | Self::Enclave(voter, _)) = self;
        *voter
    }
}

/// Winners alone.
pub fn winners(voters: impl IntoIterator<Item = usize>) -> Vec<Member> {
    voters
        .into_iter()
        .map(|voter| Member::Winner(Voter(voter)))
        .collect()
}

impl Orders {
    /// The same with a request that is marked for the certificate way.
    #[must_use]
    pub fn marked(mut self) -> Self {
        let mark = keccak256("canut.certificate.1");
        self.request.salt.0[..12].copy_from_slice(&mark[..12]);
        self
    }
}

impl Market {
    /// What a worker signs: EIP-712.
    #[must_use]
    pub fn commitment(&self, range: Range, enclave: Address, seal: B256) -> B256 {
        let Range { deal, first, count } = range;
        let (first, count) = (U256::from(first), U256::from(count));
        self.typed_digest(&typed::Commitment {
            dealid: deal,
            first,
            count,
            enclave,
            seal,
        })
    }

    /// What the scheduler signs to admit a vote: EIP-712.
    #[must_use]
    pub fn assignment(&self, range: Range, worker: Address, sealed: B256) -> B256 {
        let Range { deal, first, count } = range;
        let (first, count) = (U256::from(first), U256::from(count));
        self.typed_digest(&typed::Assignment {
            dealid: deal,
            first,
            count,
            worker,
            sealed,
        })
    }

    /// What a worker signs to get its bond back: EIP-712.
    #[must_use]
    pub fn unbonding(&self, workerpool: Address, amount: U256, nonce: u64, deadline: u64) -> B256 {
        let (nonce, deadline) = (U256::from(nonce), U256::from(deadline));
        self.typed_digest(&typed::Unbond {
            workerpool,
            amount,
            nonce,
            deadline,
        })
    }

    fn typed_digest<S: SolStruct>(&self, message: &S) -> B256 {
        let hash = message.eip712_hash_struct();
        keccak256([b"\x19\x01", &self.domain()[..], &hash[..]].concat())
    }

    /// Gives voters bonds in the pool, from the requester's money.
    #[track_caller]
    pub fn bond(&mut self, voters: impl IntoIterator<Item = usize>, amount: U256) {
        for voter in voters {
            let (workerpool, worker) = (self.pool, Voter(voter).address());
            self.send(
                Actor::Requester,
                Hub::bondForCall {
                    workerpool,
                    worker,
                    amount,
                },
            )
            .succeeds();
        }
    }

    /// The blob of these members of a settlement of `range` with `value`, in the right order.
    #[must_use]
    pub fn members(&self, range: Range, value: Value, members: &[Member]) -> Bytes {
        let mut sorted = members.to_vec();
        sorted.sort_by_key(|member| member.voter().address());
        sorted
            .iter()
            .flat_map(|member| self.member(range, value, member))
            .collect()
    }

    /// One of them.
    #[must_use]
    pub fn member(&self, range: Range, value: Value, member: &Member) -> Bytes {
        let worker = member.voter().address();
        let sign = |enclave, seal| member.voter().sign(self.commitment(range, enclave, seal));
        let seal = range.seal(worker, value);
        match *member {
            Member::Winner(_) => [&[0], &worker[..], &sign(Address::ZERO, seal)].concat(),
            Member::Loser(_, other) => {
                let seal = range.seal(worker, other);
                let sign = sign(Address::ZERO, seal);
                let nowhere = Address::ZERO;
                [&[1], &worker[..], &sign, &nowhere[..], &seal[..]].concat()
            }
            Member::Absent(_) => [&[2], &worker[..]].concat(),
            Member::Enclave(_, broker) => {
                let enclave = Actor::Enclave.address();
                let sign = sign(enclave, seal);
                let proof = enclave_proof(range, worker, value, broker);
                [&[3], &worker[..], &sign, &enclave[..], &proof].concat()
            }
        }
        .into()
    }

    /// The scheduler settles a range.
    pub fn settle(&mut self, range: Range, value: Value, members: &[Member]) -> Outcome {
        let call = self.settle_call(range, value, members);
        self.send(Actor::Scheduler, call)
    }

    /// The arguments of such a call. Change a field to make a bad one.
    #[must_use]
    pub fn settle_call(&self, range: Range, value: Value, members: &[Member]) -> Hub::settleCall {
        Hub::settleCall {
            dealid: range.deal,
            first: U256::from(range.first),
            count: U256::from(range.count),
            root: value.root,
            link: value.link,
            delivery: B256::ZERO,
            members: self.members(range, value, members),
        }
    }

    /// A vote with the scheduler's countersignature, as it is posted.
    #[must_use]
    pub fn posted(&self, range: Range, voter: Voter, value: Value, enclave: Address) -> Bytes {
        let worker = voter.address();
        let seal = range.seal(worker, value);
        let sign = voter.sign(self.commitment(range, enclave, seal));
        let assigned = self.assigned(range, worker, &sign);
        [&worker[..], &sign, &enclave[..], &seal[..], &assigned]
            .concat()
            .into()
    }

    /// The scheduler's countersignature of a vote.
    #[must_use]
    pub fn assigned(&self, range: Range, worker: Address, sign: &[u8]) -> Bytes {
        compact(&Actor::Scheduler.sign(self.assignment(range, worker, keccak256(sign))))
    }

    /// Somebody posts votes.
    pub fn post(&mut self, poster: Actor, range: Range, votes: &[(Voter, Value)]) -> Outcome {
        let blobs = votes
            .iter()
            .map(|(voter, value)| self.posted(range, *voter, *value, Address::ZERO));
        let call = post_call(range, &blobs.collect::<Vec<_>>());
        self.send(poster, call)
    }

    /// Somebody opens posted votes.
    pub fn open(&mut self, opener: Actor, range: Range, value: Value) -> Outcome {
        self.send(opener, open_call(range, value, &[]))
    }

    /// Somebody has posted votes counted.
    pub fn resolve(&mut self, resolver: Actor, range: Range) -> Outcome {
        let Range { deal, first, count } = range;
        let call = Hub::resolveCall {
            dealid: deal,
            first: U256::from(first),
            count: U256::from(count),
            delivery: B256::ZERO,
            codec: 0,
            content: B256::ZERO,
            resultsCallback: Bytes::new(),
        };
        self.send(resolver, call)
    }

    /// Somebody has a range refunded.
    pub fn claim_range(&mut self, range: Range) -> Outcome {
        let Range { deal, first, count } = range;
        let call = Hub::claimRangeCall {
            dealid: deal,
            first: U256::from(first),
            count: U256::from(count),
        };
        self.send(Actor::Stranger, call)
    }

    /// A vote as evidence.
    #[must_use]
    pub fn evidence(&self, range: Range, voter: Voter, value: Value) -> Vote {
        let seal = range.seal(voter.address(), value);
        Vote {
            dealid: range.deal,
            first: U256::from(range.first),
            count: U256::from(range.count),
            enclave: Address::ZERO,
            seal,
            worker: voter.address(),
            sign: voter.sign(self.commitment(range, Address::ZERO, seal)),
        }
    }

    /// The range that a call settled, as its event tells it.
    #[must_use]
    pub fn settled(&self, outcome: &Outcome) -> Settled {
        let event = &outcome.events::<Hub::RangeSettled>(self.hub)[0];
        Settled {
            dealid: event.dealid,
            first: event.first,
            count: event.count,
            way: event.way,
            root: event.root,
            link: event.link,
            delivery: event.delivery,
            members: event.members.clone(),
        }
    }

    /// A task by its place in a deal, as the hub shows it.
    #[must_use]
    pub fn task_at(&self, dealid: B256, index: u64) -> Task {
        let idx = U256::from(index);
        self.view(Hub::viewTaskAtCall { dealid, idx })
    }

    /// A worker's bond in the pool.
    #[must_use]
    pub fn bond_of(&self, worker: impl Into<Address>) -> Hub::viewBondReturn {
        let (workerpool, worker) = (self.pool, worker.into());
        self.view(Hub::viewBondCall { workerpool, worker })
    }
}

/// The posting of these votes.
#[must_use]
pub fn post_call(range: Range, votes: &[Bytes]) -> Hub::postCall {
    Hub::postCall {
        dealid: range.deal,
        first: U256::from(range.first),
        count: U256::from(range.count),
        votes: votes.concat().into(),
    }
}

/// The opening of a value, with proofs of enclaves.
#[must_use]
pub fn open_call(range: Range, value: Value, proofs: &[u8]) -> Hub::openCall {
    Hub::openCall {
        dealid: range.deal,
        first: U256::from(range.first),
        count: U256::from(range.count),
        root: value.root,
        link: value.link,
        proofs: proofs.to_vec().into(),
    }
}

/// What an enclave and a broker say of a vote.
#[must_use]
pub fn enclave_proof(range: Range, worker: Address, value: Value, broker: Option<Actor>) -> Bytes {
    let rid = range.id();
    let hash = keccak256([rid, value.hash()].concat());
    let vote = keccak256([hash, range.seal(worker, value)].concat());
    let mut proof = compact(&Actor::Enclave.sign_message(vote)).to_vec();
    if let Some(broker) = broker {
        let enclave = Actor::Enclave.address();
        let admission = [b"canut.broker.1", &worker[..], &rid[..], &enclave[..]].concat();
        proof.extend(compact(&broker.sign_message(keccak256(admission))));
    }
    proof.into()
}
