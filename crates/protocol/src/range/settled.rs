//! What the chain keeps of a settlement.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, keccak256};
use serde::{Deserialize, Serialize};

use super::{MAX_POSTS, Range, Sides, Value, packed};
use crate::Weight;

/// How a range was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Way {
    /// By the scheduler.
    Settle = 1,
    /// By the fallback, from posted votes.
    Resolve = 2,
}

/// What a worker was to a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Kind {
    /// Voted for the value.
    Winner = 0,
    /// Voted for another value, or in the fallback was not opened.
    Loser = 1,
    /// Was countersigned and did not show its vote.
    Absent = 2,
    /// Voted for the value, from an enclave.
    EnclaveWinner = 3,
}

/// A number that stands for nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no meaning here")]
pub struct UnknownNumber(pub u8);

impl TryFrom<u8> for Way {
    type Error = UnknownNumber;

    fn try_from(number: u8) -> Result<Self, UnknownNumber> {
        match number {
            1 => Ok(Self::Settle),
            2 => Ok(Self::Resolve),
            _ => Err(UnknownNumber(number)),
        }
    }
}

impl TryFrom<u8> for Kind {
    type Error = UnknownNumber;

    fn try_from(number: u8) -> Result<Self, UnknownNumber> {
        match number {
            0 => Ok(Self::Winner),
            1 => Ok(Self::Loser),
            2 => Ok(Self::Absent),
            3 => Ok(Self::EnclaveWinner),
            _ => Err(UnknownNumber(number)),
        }
    }
}

/// A member as the event of a settlement shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counted {
    /// What it was.
    pub kind: Kind,
    /// Who.
    pub worker: Address,
    /// Its weight in the pool before the settlement, whatever it counted for in a dispute.
    pub weight: u8,
}

/// Bytes of a [`Counted`].
const COUNTED: usize = 22;

/// A list of members, as the event shows it, that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "these are no members of a settlement: {MAX_POSTS} at most, of 22 bytes each, of a known kind, none weighing nothing"
)]
pub struct WrongCounted;

impl Counted {
    /// Reads a list of them.
    pub fn decode(bytes: &[u8]) -> Result<Vec<Self>, WrongCounted> {
        let (records, rest) = bytes.as_chunks::<COUNTED>();
        if !rest.is_empty() || records.len() > MAX_POSTS {
            return Err(WrongCounted);
        }
        let read = |record: &[u8; COUNTED]| {
            let kind = Kind::try_from(record[0]).map_err(|_| WrongCounted)?;
            let (worker, weight) = (Address::from_slice(&record[1..21]), record[21]);
            if weight == 0 {
                Err(WrongCounted)
            } else {
                Ok(Self {
                    kind,
                    worker,
                    weight,
                })
            }
        };
        records.iter().map(read).collect()
    }

    /// Writes a list of them: kind 1 byte, worker 20, weight 1.
    pub fn encode(members: &[Self]) -> Bytes {
        let mut bytes = Vec::with_capacity(members.len() * COUNTED);
        for member in members {
            bytes.push(member.kind as u8);
            bytes.extend(member.worker);
            bytes.push(member.weight);
        }
        bytes.into()
    }

    /// What they weigh for and against.
    pub fn sides(members: &[Self]) -> Sides {
        members.iter().fold(Sides::new(), |sides, member| {
            let weight = Weight::new(member.weight.into()).unwrap_or(Weight::FRESH);
            match member.kind {
                Kind::Winner | Kind::EnclaveWinner => sides.with_winner(weight),
                Kind::Loser => sides.with_loser(weight),
                Kind::Absent => sides.with_absent(weight),
            }
        })
    }
}

/// A settled range, as its event shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Which tasks.
    pub range: Range,
    /// How.
    pub way: Way,
    /// What was certified.
    pub value: Value,
    /// SHA-256 of the directory of the encrypted archives, which nobody voted for; zero when there is none.
    pub delivery: B256,
    /// Who was accounted for, ascending if settled by the scheduler, in the order of posting otherwise.
    pub members: Vec<Counted>,
}

impl Settled {
    /// What the chain's record holds of it: the first 25 bytes of `keccak256(way ‖ root ‖ link ‖ delivery ‖ keccak256(members))`
    /// (§4.1).
    pub fn evidence(&self) -> FixedBytes<25> {
        let members = keccak256(Counted::encode(&self.members));
        let hash = packed(&[
            &[self.way as u8],
            self.value.root.as_slice(),
            self.value.link.as_slice(),
            self.delivery.as_slice(),
            members.as_slice(),
        ]);
        FixedBytes::from_slice(&hash[..25])
    }
}
