//! The certificate way: bonds, settlements, and what is done when a pool stalls or lies.

use alloy::primitives::{Address, B256, Bytes, U256};
use canut_protocol::{
    DealId, Nrlc,
    range::{
        Assignment, Content, Counted, Member, PostedVote, Range, Settled, Unbond, Value, Vote,
        member,
    },
    signature::CompactSignature,
};

use super::{Caller, Receipt};
use crate::{Event, Result, bindings::IHub};

/// The one task of a callback's range, with what is delivered on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where the archive of the result is.
    pub content: Content,
    /// The bytes for the callback.
    pub data: Bytes,
}

impl Caller {
    /// Puts a bond of the caller into a pool, from its free balance on the hub.
    pub async fn bond(&self, workerpool: Address, amount: Nrlc) -> Result<Receipt> {
        self.call(IHub::bondCall {
            workerpool,
            amount: amount.0,
        })
        .await
    }

    /// Puts a bond of `worker` into a pool, from the caller's free balance. It is the worker's from then on.
    pub async fn bond_for(
        &self,
        workerpool: Address,
        worker: Address,
        amount: Nrlc,
    ) -> Result<Receipt> {
        self.call(IHub::bondForCall {
            workerpool,
            worker,
            amount: amount.0,
        })
        .await
    }

    /// Asks for a part of the caller's bond. The value is the time from which it can be taken out.
    pub async fn unbond(&self, workerpool: Address, amount: Nrlc) -> Result<Receipt<u64>> {
        let receipt = self
            .call(IHub::unbondCall {
                workerpool,
                amount: amount.0,
            })
            .await?;
        self.found(receipt, "Unbonding", ready_at)
    }

    /// Asks for a part of a worker's bond, as the worker signed. The value is the time from which it can be taken out.
    pub async fn unbond_for(
        &self,
        worker: Address,
        wish: &Unbond,
        signature: CompactSignature,
    ) -> Result<Receipt<u64>> {
        let call = IHub::unbondForCall {
            worker,
            workerpool: wish.workerpool,
            amount: wish.amount.0,
            deadline: U256::from(wish.deadline),
            sign: bytes(&signature),
        };
        let receipt = self.call(call).await?;
        self.found(receipt, "Unbonding", ready_at)
    }

    /// Pays out what `worker` asked for, when its time has come.
    pub async fn withdraw_bond(&self, workerpool: Address, worker: Address) -> Result<Receipt> {
        self.call(IHub::withdrawBondCall { workerpool, worker })
            .await
    }

    /// As the scheduler, settles a range. `members` must be [sorted](member::sort). Without encryption `delivery` is zero.
    pub async fn settle(
        &self,
        range: Range,
        value: Value,
        delivery: B256,
        members: &[Member],
    ) -> Result<Receipt<Settled>> {
        let call = IHub::settleCall {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
            root: value.root,
            link: value.link,
            delivery,
            members: member::encode(members),
        };
        let receipt = self.call(call).await?;
        self.found(receipt, "RangeSettled", settled)
    }

    /// As the scheduler, settles one task of a deal with a callback. `range` is a range of one.
    pub async fn settle_callback(
        &self,
        range: Range,
        delivered: &Delivered,
        link: B256,
        delivery: B256,
        members: &[Member],
    ) -> Result<Receipt<Settled>> {
        let call = IHub::settleCallbackCall {
            dealid: range.deal().0,
            idx: U256::from(range.first()),
            codec: delivered.content.codec.into(),
            content: delivered.content.sha256,
            link,
            delivery,
            resultsCallback: delivered.data.clone(),
            members: member::encode(members),
        };
        let receipt = self.call(call).await?;
        self.found(receipt, "RangeSettled", settled)
    }

    /// Posts countersigned votes on a range, after the scheduler's time is over.
    pub async fn post(&self, range: Range, votes: &[PostedVote]) -> Result<Receipt> {
        let call = IHub::postCall {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
            votes: PostedVote::encode(votes),
        };
        self.call(call).await
    }

    /// Opens all posted votes for `value`. `proofs` are for deals that ask for enclaves, and else empty.
    pub async fn open(&self, range: Range, value: Value, proofs: Bytes) -> Result<Receipt> {
        let call = IHub::openCall {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
            root: value.root,
            link: value.link,
            proofs,
        };
        self.call(call).await
    }

    /// Ends a posted range: certified, or failed. `delivered` is for deals with a callback.
    pub async fn resolve(
        &self,
        range: Range,
        delivery: B256,
        delivered: Option<&Delivered>,
    ) -> Result<Receipt<Option<Settled>>> {
        let call = IHub::resolveCall {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
            delivery,
            codec: delivered.map_or(0, |delivered| delivered.content.codec.into()),
            content: delivered.map_or(B256::ZERO, |delivered| delivered.content.sha256),
            resultsCallback: delivered.map_or_else(Bytes::new, |delivered| delivered.data.clone()),
        };
        let receipt = self.call(call).await?;
        self.found(
            receipt,
            "RangeSettled or RangeFailed",
            |event| match event {
                Event::RangeSettled(settled) => Some(Some(settled.as_ref().clone())),
                Event::RangeFailed { .. } => Some(None),
                _ => None,
            },
        )
    }

    /// Has the payer refunded for a range of which nothing was done, after the final deadline.
    pub async fn claim_range(&self, range: Range) -> Result<Receipt> {
        let call = IHub::claimRangeCall {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
        };
        self.call(call).await
    }

    /// Proves that a vote on a settled range, which was not listed, was wrong.
    pub async fn slash_loser(&self, settled: &Settled, vote: &Vote) -> Result<Receipt> {
        let call = IHub::slashLoserCall {
            s: settled.into(),
            v: vote.into(),
        };
        self.call(call).await
    }

    /// Proves that a worker signed two different votes on one range.
    pub async fn slash_equivocation(&self, one: &Vote, other: &Vote) -> Result<Receipt> {
        self.call(IHub::slashEquivocationCall {
            a: one.into(),
            b: other.into(),
        })
        .await
    }

    /// Proves that a settlement left out a vote that the scheduler had countersigned.
    pub async fn slash_omission(
        &self,
        settled: &Settled,
        assigned: &Assignment,
        signature: CompactSignature,
    ) -> Result<Receipt> {
        let call = IHub::slashOmissionCall {
            s: settled.into(),
            first: U256::from(assigned.range.first()),
            count: U256::from(assigned.range.count()),
            worker: assigned.worker,
            sealed_: assigned.sealed,
            sign: bytes(&signature),
        };
        self.call(call).await
    }

    /// As the owner of a workerpool, promises audits for an epoch that has not begun.
    pub async fn commit_audit(
        &self,
        workerpool: Address,
        epoch: u32,
        hash: B256,
    ) -> Result<Receipt> {
        self.call(IHub::commitAuditCall {
            workerpool,
            epoch,
            hash,
        })
        .await
    }

    /// Makes a task of a settled range of a marked deal visible to clients that know tasks by their ids only.
    pub async fn materialise(
        &self,
        deal: DealId,
        index: u64,
        settled: &Settled,
    ) -> Result<Receipt> {
        let call = IHub::materialiseCall {
            dealid: deal.0,
            idx: U256::from(index),
            s: settled.into(),
        };
        self.call(call).await
    }

    /// Gives a scheduler back the stakes that nobody can contest any more.
    pub async fn release_held(&self, workerpool: Address, scheduler: Address) -> Result<Receipt> {
        self.call(IHub::releaseHeldCall {
            workerpool,
            scheduler,
        })
        .await
    }
}

fn bytes(signature: &CompactSignature) -> Bytes {
    Bytes::copy_from_slice(signature.as_bytes())
}

fn ready_at(event: &Event) -> Option<u64> {
    match event {
        Event::Unbonding { ready_at, .. } => Some(*ready_at),
        _ => None,
    }
}

fn settled(event: &Event) -> Option<Settled> {
    match event {
        Event::RangeSettled(settled) => Some(settled.as_ref().clone()),
        _ => None,
    }
}

impl From<&Settled> for IHub::Settled {
    fn from(settled: &Settled) -> Self {
        Self {
            dealid: settled.range.deal().0,
            first: U256::from(settled.range.first()),
            count: U256::from(settled.range.count()),
            way: settled.way as u8,
            root: settled.value.root,
            link: settled.value.link,
            delivery: settled.delivery,
            members: Counted::encode(&settled.members),
        }
    }
}

impl From<&Vote> for IHub::Vote {
    fn from(vote: &Vote) -> Self {
        let range = vote.commitment.range;
        Self {
            dealid: range.deal().0,
            first: U256::from(range.first()),
            count: U256::from(range.count()),
            enclave: vote.commitment.enclave,
            seal: vote.commitment.seal,
            worker: vote.worker,
            sign: bytes(&vote.signature),
        }
    }
}
