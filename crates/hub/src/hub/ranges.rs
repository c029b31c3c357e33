//! Bonds, settled ranges, audits: the certificate way.

use alloy::primitives::{Address, B256, FixedBytes, U256};
use canut_protocol::{
    DealId, Nrlc, Task, TaskId,
    range::{Range, Standing},
};

use super::Hub;
use crate::{
    Result,
    bindings::IHub,
    convert::{self, Misfit, small},
};

/// What a worker has in a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bond {
    /// What stands behind its votes.
    pub amount: Nrlc,
    /// What it asked for; it can be slashed until it is taken out.
    pub pending: Nrlc,
    /// When that can be taken out, in seconds since the epoch.
    pub ready_at: u64,
    /// Its score: 0 to 32.
    pub score: u8,
}

impl Bond {
    /// Everything that can be slashed.
    pub fn whole(&self) -> Nrlc {
        Nrlc(self.amount.0.saturating_add(self.pending.0))
    }

    /// Its standing in the pool; the day of its last growth is not known here.
    pub fn standing(&self) -> Standing {
        Standing::new(self.score, 0)
    }
}

/// How the range around a task ended, or stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeRecord {
    /// Which tasks.
    pub range: Range,
    /// When, in seconds since the epoch.
    pub time: u64,
    /// What became of it.
    pub state: RangeState,
}

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeState {
    /// Nothing was certified; the payer was refunded.
    Failed,
    /// Votes are posted.
    Posted,
    /// Certified; this is [`Settled::evidence`](canut_protocol::range::Settled::evidence) of it.
    Settled(FixedBytes<25>),
}

impl RangeState {
    fn of(evidence: FixedBytes<25>) -> Self {
        match U256::from_be_slice(evidence.as_slice()) {
            one if one == U256::ONE => Self::Failed,
            two if two == U256::from(2) => Self::Posted,
            _ => Self::Settled(evidence),
        }
    }
}

impl Hub {
    /// What `worker` has in `workerpool`.
    pub async fn bond(&self, workerpool: Address, worker: Address) -> Result<Bond> {
        let answer = self.ask(IHub::viewBondCall { workerpool, worker }).await?;
        Ok(Bond {
            amount: Nrlc(answer.bond),
            pending: Nrlc(answer.pending),
            ready_at: self.fit(small(answer.readyAt), "viewBond")?,
            score: self.fit(u8::try_from(answer.score).map_err(|_| Misfit), "viewBond")?,
        })
    }

    /// What the worker's next signed wish to unbond must say.
    pub async fn bond_nonce(&self, workerpool: Address, worker: Address) -> Result<u64> {
        let nonce = self
            .ask(IHub::viewBondNonceCall { workerpool, worker })
            .await?;
        self.fit(small(nonce), "viewBondNonce")
    }

    /// The range that a task of a deal ended in, or is posted in. `None` while it is open, or went the open way.
    pub async fn range_at(&self, deal: DealId, index: u64) -> Result<Option<RangeRecord>> {
        let question = IHub::viewRangeCall {
            dealid: deal.0,
            idx: U256::from(index),
        };
        let answer = self.ask(question).await?;
        if answer.count.is_zero() {
            return Ok(None);
        }
        let read = || {
            let range = Range::new(deal, small(answer.first)?, small(answer.count)?);
            Ok(RangeRecord {
                range: range.map_err(|_| Misfit)?,
                time: small(answer.time)?,
                state: RangeState::of(answer.evidence),
            })
        };
        self.fit(read(), "viewRange").map(Some)
    }

    /// A task of either way, by its place. Its votes are here if it went the open way; of the certificate way they are in the
    /// transaction that settled it.
    pub async fn task_at(&self, deal: DealId, index: u64) -> Result<Task> {
        let question = IHub::viewTaskAtCall {
            dealid: deal.0,
            idx: U256::from(index),
        };
        let answer = self.ask(question).await?;
        let task = self.fit(convert::task(answer), "viewTaskAt")?;
        self.with_votes(TaskId::of(deal, index), task).await
    }

    /// What the owner of `workerpool` promised of its audits for an epoch: the hash of a
    /// [`Promise`](canut_protocol::range::audit::Promise).
    pub async fn audit(&self, workerpool: Address, epoch: u32) -> Result<Option<B256>> {
        let hash = self.ask(IHub::viewAuditCall { workerpool, epoch }).await?;
        Ok((!hash.is_zero()).then_some(hash))
    }

    /// Whether the request of a deal bore the [mark](canut_protocol::range::mark) of the certificate way.
    pub async fn is_marked(&self, deal: DealId) -> Result<bool> {
        self.ask(IHub::viewMarkedCall { dealid: deal.0 }).await
    }
}
