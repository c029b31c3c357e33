//! Votes handed to the hub when the scheduler stalls (§8.1).

use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use serde::{Deserialize, Serialize};

use super::{Assignment, Commitment, MAX_POSTS, Range, Vote};
use crate::{
    Domain,
    signature::{CompactError, CompactSignature},
};

/// Bytes of one: worker 20, signature 64, enclave 20, seal 32, the scheduler's signature 64.
const LENGTH: usize = 200;

/// A vote and the scheduler's signature over the [`Assignment`] that promised to account for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PostedVote {
    /// The vote.
    pub vote: Vote,
    /// The scheduler's signature.
    pub assignment: CompactSignature,
}

/// Bytes that are no posted votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Not a whole number of votes, or more than can be posted.
    #[error(
        "posted votes have 200 bytes each, and there are {MAX_POSTS} at most: {0} bytes were given"
    )]
    Length(usize),
    /// A signature has no valid form.
    #[error("a posted vote's signature: {0}")]
    Signature(#[from] CompactError),
}

impl PostedVote {
    /// What the scheduler signed.
    pub fn assigned(&self) -> Assignment {
        Assignment {
            range: self.vote.commitment.range,
            worker: self.vote.worker,
            sealed: self.vote.sealed(),
        }
    }

    /// Whether the worker and `scheduler` signed it.
    pub fn is_signed(&self, domain: &Domain, scheduler: Address) -> bool {
        self.vote.is_signed(domain)
            && self.assignment.recover(self.assigned().digest(domain)) == Some(scheduler)
    }

    /// Votes as the hub takes them. All are for one range, which is not part of the bytes.
    pub fn encode(votes: &[Self]) -> Bytes {
        let mut bytes = Vec::with_capacity(votes.len() * LENGTH);
        for PostedVote { vote, assignment } in votes {
            bytes.extend(vote.worker);
            bytes.extend(vote.signature.as_bytes());
            bytes.extend(vote.commitment.enclave);
            bytes.extend(vote.commitment.seal);
            bytes.extend(assignment.as_bytes());
        }
        bytes.into()
    }

    /// Reads votes on `range`.
    pub fn decode(bytes: &[u8], range: Range) -> Result<Vec<Self>, PostError> {
        let (records, rest) = bytes.as_chunks::<LENGTH>();
        if !rest.is_empty() || records.len() > MAX_POSTS {
            return Err(PostError::Length(bytes.len()));
        }
        records
            .iter()
            .map(|record| decode_one(record, range))
            .collect()
    }
}

fn decode_one(record: &[u8; LENGTH], range: Range) -> Result<PostedVote, PostError> {
    let signature =
        |at: usize| CompactSignature::try_from(FixedBytes::<64>::from_slice(&record[at..at + 64]));
    let commitment = Commitment {
        range,
        enclave: Address::from_slice(&record[84..104]),
        seal: B256::from_slice(&record[104..136]),
    };
    let vote = Vote {
        worker: Address::from_slice(&record[..20]),
        commitment,
        signature: signature(20)?,
    };
    Ok(PostedVote {
        vote,
        assignment: signature(136)?,
    })
}
