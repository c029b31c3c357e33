//! Workers accounted for in a settlement, as the call to the hub carries them.
//!
//! One record after another, workers strictly ascending:
//!
//! | kind | bytes | content |
//! |---|---|---|
//! | 0 winner | 85 | kind, worker 20, signature 64 |
//! | 1 loser | 137 | kind, worker 20, signature 64, enclave 20, seal 32 |
//! | 2 absent | 21 | kind, worker 20 |
//! | 3 winner in an enclave | 169 or 233 | kind, worker 20, signature 64, enclave 20, its signature 64, and the broker's 64 where the hub has a broker |
//!
//! Higher kinds are free.

use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use serde::{Deserialize, Serialize};

use super::{Commitment, Kind, MAX_MEMBERS, Range, Value, broker_digest};
use crate::{
    Domain, result,
    signature::{CompactError, CompactSignature},
};

/// A worker accounted for in a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Member {
    /// Voted for the value.
    #[serde(rename_all = "camelCase")]
    Winner {
        /// Who.
        worker: Address,
        /// Over its [`Commitment`], whose seal follows from the value.
        signature: CompactSignature,
    },
    /// Voted for another value.
    #[serde(rename_all = "camelCase")]
    Loser {
        /// Who.
        worker: Address,
        /// Over its [`Commitment`].
        signature: CompactSignature,
        /// As committed.
        enclave: Address,
        /// As committed.
        seal: B256,
    },
    /// Was countersigned and did not show its vote.
    #[serde(rename_all = "camelCase")]
    Absent {
        /// Who.
        worker: Address,
    },
    /// Voted for the value, which it computed in an enclave.
    #[serde(rename_all = "camelCase")]
    EnclaveWinner {
        /// Who.
        worker: Address,
        /// Over its [`Commitment`], whose seal follows from the value.
        signature: CompactSignature,
        /// As committed; not the zero address.
        enclave: Address,
        /// The enclave's, over [`result::enclave_digest`] of the range's result hash and the seal.
        enclave_signature: CompactSignature,
        /// The broker's, over [`broker_digest`], where the hub has a broker.
        broker_signature: Option<CompactSignature>,
    },
}

/// Bytes that are no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// The bytes end within a member.
    #[error("the list of members ends within one")]
    Short,
    /// No member has this number.
    #[error("{0} is no kind of member")]
    UnknownKind(u8),
    /// Not strictly ascending, so that one might be there twice.
    #[error("the members are not in ascending order at {0}")]
    Unsorted(Address),
    /// More than a settlement takes.
    #[error("more than {MAX_MEMBERS} members")]
    TooMany,
    /// A signature has no valid form.
    #[error("a member's signature: {0}")]
    Signature(#[from] CompactError),
}

/// What is wrong with a member of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// The signature over the vote is not the worker's.
    #[error("the vote of {0} is not signed by it")]
    Vote(Address),
    /// Listed as wrong, and right.
    #[error("{0} is listed as wrong, and its vote is right")]
    RightVote(Address),
    /// The deal asks for an enclave.
    #[error("{0} computed outside an enclave, and the deal asks for one")]
    EnclaveMissing(Address),
    /// The enclave did not sign.
    #[error("the vote of {0} is not signed by its enclave")]
    Enclave(Address),
    /// The broker did not sign.
    #[error("the enclave of {0} is not signed for by the broker")]
    Broker(Address),
}

/// What a settlement must be checked against.
#[derive(Clone, Copy, Debug)]
pub struct Ballot {
    /// Hub and chain.
    pub domain: Domain,
    /// What was voted on.
    pub range: Range,
    /// What was certified.
    pub value: Value,
    /// Whether the deal asks for an enclave.
    pub tee: bool,
    /// Who signs for enclaves; `None` where the hub has no broker.
    pub broker: Option<Address>,
}

impl Member {
    /// Who.
    pub const fn worker(&self) -> Address {
        match self {
            Self::Winner { worker, .. }
            | Self::Loser { worker, .. }
            | Self::Absent { worker }
            | Self::EnclaveWinner { worker, .. } => *worker,
        }
    }

    /// Its number in the list.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Winner { .. } => Kind::Winner,
            Self::Loser { .. } => Kind::Loser,
            Self::Absent { .. } => Kind::Absent,
            Self::EnclaveWinner { .. } => Kind::EnclaveWinner,
        }
    }

    /// Its vote on `range`, where `value` was certified; `None` of one that is absent.
    pub fn commitment(&self, range: Range, value: Value) -> Option<Commitment> {
        let right = value.seal(self.worker(), range.id());
        let (enclave, seal) = match self {
            Self::Winner { .. } => (Address::ZERO, right),
            Self::EnclaveWinner { enclave, .. } => (*enclave, right),
            Self::Loser { enclave, seal, .. } => (*enclave, *seal),
            Self::Absent { .. } => return None,
        };
        Some(Commitment {
            range,
            enclave,
            seal,
        })
    }

    /// The signature over its vote; `None` of one that is absent.
    pub const fn signature(&self) -> Option<CompactSignature> {
        match self {
            Self::Winner { signature, .. }
            | Self::Loser { signature, .. }
            | Self::EnclaveWinner { signature, .. } => Some(*signature),
            Self::Absent { .. } => None,
        }
    }

    /// Whether the hub takes this member, apart from its bond (§4.4, 6).
    pub fn check(&self, ballot: &Ballot) -> Result<(), MemberFault> {
        let worker = self.worker();
        let (Some(commitment), Some(signature)) = (
            self.commitment(ballot.range, ballot.value),
            self.signature(),
        ) else {
            return Ok(());
        };
        if signature.recover(commitment.digest(&ballot.domain)) != Some(worker) {
            return Err(MemberFault::Vote(worker));
        }
        let right = ballot.value.seal(worker, ballot.range.id());
        match self {
            Self::Loser { seal, .. } if *seal == right => Err(MemberFault::RightVote(worker)),
            Self::Winner { .. } if ballot.tee => Err(MemberFault::EnclaveMissing(worker)),
            Self::EnclaveWinner {
                enclave,
                enclave_signature,
                broker_signature,
                ..
            } => check_enclave(
                ballot,
                worker,
                *enclave,
                enclave_signature,
                broker_signature,
            ),
            _ => Ok(()),
        }
    }
}

fn check_enclave(
    ballot: &Ballot,
    worker: Address,
    enclave: Address,
    signature: &CompactSignature,
    broker_signature: &Option<CompactSignature>,
) -> Result<(), MemberFault> {
    let range = ballot.range.id();
    let digest = result::enclave_digest(
        ballot.value.result_hash(range),
        ballot.value.seal(worker, range),
    );
    if enclave == Address::ZERO {
        return Err(MemberFault::EnclaveMissing(worker));
    }
    if signature.recover(digest) != Some(enclave) {
        return Err(MemberFault::Enclave(worker));
    }
    let Some(broker) = ballot.broker else {
        return Ok(());
    };
    let signed = broker_signature
        .is_some_and(|sign| sign.recover(broker_digest(worker, range, enclave)) == Some(broker));
    if signed {
        Ok(())
    } else {
        Err(MemberFault::Broker(worker))
    }
}

/// Puts members into the order of the hub: ascending.
pub fn sort(members: &mut [Member]) {
    members.sort_unstable_by_key(Member::worker);
}

/// The members as the hub takes them. They are not sorted here.
pub fn encode(members: &[Member]) -> Bytes {
    let mut bytes = Vec::new();
    for member in members {
        bytes.push(member.kind() as u8);
        bytes.extend(member.worker());
        bytes.extend(
            member
                .signature()
                .iter()
                .flat_map(|signature| signature.as_bytes()),
        );
        match member {
            Member::Winner { .. } | Member::Absent { .. } => {}
            Member::Loser { enclave, seal, .. } => {
                bytes.extend(enclave);
                bytes.extend(seal);
            }
            Member::EnclaveWinner {
                enclave,
                enclave_signature,
                broker_signature,
                ..
            } => {
                bytes.extend(enclave);
                bytes.extend(enclave_signature.as_bytes());
                bytes.extend(
                    broker_signature
                        .iter()
                        .flat_map(|signature| signature.as_bytes()),
                );
            }
        }
    }
    bytes.into()
}

/// Reads members as the hub does; `brokered` says whether it has a broker of enclaves.
pub fn decode(mut bytes: &[u8], brokered: bool) -> Result<Vec<Member>, MembersError> {
    let bytes = &mut bytes;
    let mut members = Vec::new();
    let mut last = Address::ZERO;
    while !bytes.is_empty() {
        if members.len() == MAX_MEMBERS {
            return Err(MembersError::TooMany);
        }
        let member = decode_one(bytes, brokered)?;
        if member.worker() <= last {
            return Err(MembersError::Unsorted(member.worker()));
        }
        last = member.worker();
        members.push(member);
    }
    Ok(members)
}

fn decode_one(bytes: &mut &[u8], brokered: bool) -> Result<Member, MembersError> {
    let [kind] = take(bytes)?;
    let kind = Kind::try_from(kind).map_err(|unknown| MembersError::UnknownKind(unknown.0))?;
    let worker = Address::new(take(bytes)?);
    if kind == Kind::Absent {
        return Ok(Member::Absent { worker });
    }
    let signature = signature(bytes)?;
    if kind == Kind::Winner {
        return Ok(Member::Winner { worker, signature });
    }
    let enclave = Address::new(take(bytes)?);
    if kind == Kind::Loser {
        return Ok(Member::Loser {
            worker,
            signature,
            enclave,
            seal: B256::new(take(bytes)?),
        });
    }
    Ok(Member::EnclaveWinner {
        worker,
        signature,
        enclave,
        enclave_signature: self::signature(bytes)?,
        broker_signature: brokered.then(|| self::signature(bytes)).transpose()?,
    })
}

fn signature(bytes: &mut &[u8]) -> Result<CompactSignature, MembersError> {
    Ok(CompactSignature::try_from(FixedBytes::<64>::new(take(
        bytes,
    )?))?)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], MembersError> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(MembersError::Short)?;
    *bytes = rest;
    Ok(*head)
}
