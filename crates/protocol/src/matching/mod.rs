//! Matching: when four orders make a deal, and which.

mod compatibility;
mod limits;
mod refusal;

use alloy_primitives::{Address, U256};

pub use compatibility::Restriction;
pub use limits::{AMOUNT_BITS, CATEGORY_BITS, INDEX_BITS, MAX_PARAMS};
pub use refusal::MatchRefusal;

use crate::{
    AppOrder, DatasetOrder, Deal, DealId, Domain, Nrlc, Order, OrderHash, Overflow, RequestOrder,
    Resource, WorkerpoolOrder, ledger::Move, settlement,
};

/// The four orders of a match. Without a dataset the second is [`DatasetOrder::none`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// The application's.
    pub app: AppOrder,
    /// The dataset's.
    pub dataset: DatasetOrder,
    /// The workerpool's.
    pub workerpool: WorkerpoolOrder,
    /// The requester's.
    pub request: RequestOrder,
}

/// How much of each order earlier deals consumed, or its owner closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Of the application order.
    pub app: U256,
    /// Of the dataset order; ignored without a dataset.
    pub dataset: U256,
    /// Of the workerpool order.
    pub workerpool: U256,
    /// Of the request order.
    pub request: U256,
}

/// Current owners of the three assets; the zero address for the dataset when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// Of the application.
    pub app: Address,
    /// Of the dataset.
    pub dataset: Address,
    /// Of the workerpool.
    pub workerpool: Address,
}

/// What a workerpool asks of its workers, read at the time of the match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Stake of a worker, in percent of the workerpool price; unbounded.
    pub worker_stake_ratio: U256,
    /// Share of the scheduler in the workerpool price, in percent: 0 to 100.
    pub scheduler_reward_ratio: u8,
}

impl Default for Policy {
    /// The policy of a new workerpool: 30 % and 1 % (PoCo 6.2.0).
    fn default() -> Self {
        Self {
            worker_stake_ratio: U256::from(30),
            scheduler_reward_ratio: 1,
        }
    }
}

/// The chain as a match sees it.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// The hub.
    pub domain: Domain,
    /// Number of categories of the hub.
    pub categories: U256,
    /// What is consumed of the orders.
    pub consumed: Consumed,
    /// Who owns the assets.
    pub owners: Owners,
    /// The policy of the workerpool.
    pub policy: Policy,
    /// Who pays: the requester, or a sponsor.
    pub payer: Address,
    /// Time of the match, in seconds since the epoch.
    pub now: u64,
}

/// A deal about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its id.
    pub id: DealId,
    /// Its terms.
    pub deal: Deal,
    /// Hash of the application order.
    pub app: OrderHash,
    /// Hash of the dataset order; zero without a dataset.
    pub dataset: OrderHash,
    /// Hash of the workerpool order.
    pub workerpool: OrderHash,
    /// Hash of the request order.
    pub request: OrderHash,
    /// What the payer and the scheduler lock.
    pub moves: [Move; 2],
}

/// Why orders do not make a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// They do not fit together, or nothing is left of one.
    #[error(transparent)]
    Refused(#[from] MatchRefusal),
    /// An amount or a volume is absurdly large.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The request's parameters do not fit a deal.
    #[error(
        "the params have {length} bytes, a deal holds {MAX_PARAMS}: put them in a file and pass its address"
    )]
    ParamsTooLong {
        /// Bytes of the params.
        length: usize,
    },
}

impl Orders {
    /// Runs of the deal: the least that is left of an order, a missing dataset excepted (PoCo 6.2.0, `computeDealVolume`).
    pub fn volume(&self, consumed: &Consumed) -> U256 {
        let left = |volume: U256, consumed: U256| volume.saturating_sub(consumed);
        let three = left(self.app.volume, consumed.app)
            .min(left(self.workerpool.volume, consumed.workerpool))
            .min(left(self.request.volume, consumed.request));
        if self.dataset.is_none() {
            three
        } else {
            three.min(left(self.dataset.volume, consumed.dataset))
        }
    }

    /// The deal these orders make, with its id and the money to lock (PoCo 6.2.0, `matchOrders`).
    ///
    /// `in_group` says whether a group contract (first) has an account (second) as a member, see [`Restriction`]. Not checked
    /// here: that the assets are registered, that the orders are signed, and that payer and scheduler can pay.
    pub fn deal(
        &self,
        chain: &Situation,
        in_group: impl Fn(Address, Address) -> bool,
    ) -> Result<Match, MatchError> {
        let tag = self.check(chain.categories, in_group)?;
        let volume = self.volume(&chain.consumed);
        if volume.is_zero() {
            return Err(MatchRefusal::NothingLeft.into());
        }
        let request = self.request.hash(&chain.domain);
        let bot_first = small(chain.consumed.request)?;
        let deal = Deal {
            app: Resource {
                pointer: self.app.app,
                owner: chain.owners.app,
                price: self.app.appprice,
            },
            dataset: self.dataset_resource(chain.owners.dataset),
            workerpool: Resource {
                pointer: self.workerpool.workerpool,
                owner: chain.owners.workerpool,
                price: self.workerpool.workerpoolprice,
            },
            trust: self.request.trust.in_deal(),
            category: small(self.request.category)?,
            tag,
            requester: self.request.requester,
            beneficiary: self.request.beneficiary,
            callback: self.request.callback,
            params: self.request.params.clone(),
            start_time: chain.now,
            bot_first,
            bot_size: small(volume)?,
            worker_stake: settlement::worker_stake(
                self.workerpool.workerpoolprice,
                chain.policy.worker_stake_ratio,
            )?,
            scheduler_reward_ratio: chain.policy.scheduler_reward_ratio,
            sponsor: chain.payer,
        };
        limits::check(&deal)?;
        let moves = [
            Move::Lock {
                account: chain.payer,
                amount: deal.price()?.times(volume)?,
            },
            Move::Lock {
                account: deal.scheduler(),
                amount: deal.scheduler_stake()?.times(volume)?,
            },
        ];
        Ok(Match {
            id: DealId::of(request, bot_first),
            deal,
            app: self.app.hash(&chain.domain),
            dataset: self.dataset_hash(&chain.domain),
            workerpool: self.workerpool.hash(&chain.domain),
            request,
            moves,
        })
    }

    /// Hash of the dataset order as the hub logs it: zero without a dataset.
    pub fn dataset_hash(&self, domain: &Domain) -> OrderHash {
        if self.dataset.is_none() {
            OrderHash::default()
        } else {
            self.dataset.hash(domain)
        }
    }

    fn dataset_resource(&self, owner: Address) -> Resource {
        if self.dataset.is_none() {
            return Resource::default();
        }
        Resource {
            pointer: self.dataset.dataset,
            owner,
            price: self.dataset.datasetprice,
        }
    }

    /// What a payer must have free: the three prices times the volume.
    pub fn cost(&self, volume: U256) -> Result<Nrlc, Overflow> {
        let dataset = if self.dataset.is_none() {
            Nrlc::ZERO
        } else {
            self.dataset.datasetprice
        };
        Nrlc::sum([self.app.appprice, dataset, self.workerpool.workerpoolprice])?.times(volume)
    }
}

fn small(value: U256) -> Result<u64, Overflow> {
    u64::try_from(value).map_err(|_| Overflow)
}

#[cfg(test)]
mod tests;
