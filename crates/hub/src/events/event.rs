//! Events of the hub and of the registries.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::Log,
    sol_types::{SolEvent, SolEventInterface},
};
use canut_protocol::{
    AppOrder, DatasetOrder, DealId, Nrlc, OrderHash, RequestOrder, TaskId, WorkerpoolOrder,
    order::OrderKind,
    range::{Range, RangeId, Settled, Value, money::Fault},
};
use serde::{Deserialize, Serialize};

use super::range;
use crate::{
    bindings::{AppRegistry, IHub::IHubEvents},
    convert,
    deploy::Deployment,
};

/// The three kinds of assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetKind {
    /// An application.
    App,
    /// A dataset.
    Dataset,
    /// A workerpool.
    Workerpool,
}

/// Something that happened. Names and fields follow the contract's events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields say what they are")]
pub enum Event {
    /// `OrdersMatched`: a deal was made. Without a dataset its hash is zero.
    Matched {
        deal: DealId,
        app: OrderHash,
        dataset: OrderHash,
        workerpool: OrderHash,
        request: OrderHash,
        volume: U256,
    },
    /// `SchedulerNotice`: a workerpool has a deal to serve.
    Scheduled { workerpool: Address, deal: DealId },
    /// `DealSponsored`: somebody else than the requester pays.
    Sponsored { deal: DealId, sponsor: Address },
    /// `TaskInitialize`.
    Initialized { task: TaskId, workerpool: Address },
    /// `TaskContribute`: a vote.
    Contributed {
        task: TaskId,
        worker: Address,
        result_hash: B256,
    },
    /// `TaskConsensus`: a result is certified.
    Certified { task: TaskId, result_hash: B256 },
    /// `TaskReveal`.
    Revealed {
        task: TaskId,
        worker: Address,
        digest: B256,
    },
    /// `TaskReopen`.
    Reopened { task: TaskId },
    /// `TaskFinalize`: paid.
    Finalized { task: TaskId, results: Bytes },
    /// `TaskClaimed`: refunded.
    Claimed { task: TaskId },
    /// `AccurateContribution`: a score rises.
    Accurate { worker: Address, task: TaskId },
    /// `FaultyContribution`: a score falls.
    Faulty { worker: Address, task: TaskId },
    /// `Signed…Order`: an order was presigned.
    OrderSigned { kind: OrderKind, order: OrderHash },
    /// `Closed…Order`: an order was closed.
    OrderClosed { kind: OrderKind, order: OrderHash },
    /// `BroadcastAppOrder`; nothing of it is verified.
    AppOrder(Box<AppOrder>),
    /// `BroadcastDatasetOrder`; nothing of it is verified.
    DatasetOrder(Box<DatasetOrder>),
    /// `BroadcastWorkerpoolOrder`; nothing of it is verified.
    WorkerpoolOrder(Box<WorkerpoolOrder>),
    /// `BroadcastRequestOrder`; nothing of it is verified.
    RequestOrder(Box<RequestOrder>),
    /// `Transfer` of staked RLC: between accounts, from the zero address (deposit) or to it (withdrawal), and to and from the
    /// hub itself (what is locked).
    Transfer {
        from: Address,
        to: Address,
        amount: Nrlc,
    },
    /// `Approval` of staked RLC.
    Approval {
        owner: Address,
        spender: Address,
        amount: Nrlc,
    },
    /// `Lock`.
    Locked { account: Address, amount: Nrlc },
    /// `Unlock`.
    Unlocked { account: Address, amount: Nrlc },
    /// `Reward`, on account of a task.
    Rewarded {
        account: Address,
        amount: Nrlc,
        task: TaskId,
    },
    /// `Seize`, on account of a task.
    Seized {
        account: Address,
        amount: Nrlc,
        task: TaskId,
    },
    /// `RangeSettled`: some tasks were certified and paid by certificate.
    RangeSettled(Box<Settled>),
    /// `RangePosted`: a vote was posted because the scheduler stalls.
    RangePosted {
        id: RangeId,
        range: Range,
        worker: Address,
        seal: B256,
    },
    /// `RangeOpened`: a posted vote, and all that are equal, were opened.
    RangeOpened {
        id: RangeId,
        worker: Address,
        value: Value,
    },
    /// `RangeFailed`: some tasks were given up, and their payer refunded.
    RangeFailed { range: Range },
    /// `Bonded`: a worker, or somebody for it, put a bond into a pool.
    Bonded {
        workerpool: Address,
        worker: Address,
        amount: Nrlc,
    },
    /// `Unbonding`: a worker asked for a part of its bond; it can be taken out from `ready_at` on.
    Unbonding {
        workerpool: Address,
        worker: Address,
        amount: Nrlc,
        ready_at: u64,
    },
    /// `Slashed`: a bond, or a scheduler's stake, was taken.
    Slashed {
        workerpool: Address,
        account: Address,
        range: RangeId,
        amount: Nrlc,
        fault: Fault,
    },
    /// `AuditCommitted`: a pool promised audits for an epoch.
    AuditCommitted {
        workerpool: Address,
        epoch: u32,
        hash: B256,
    },
    /// `CreateCategory`.
    CategoryCreated {
        id: U256,
        name: String,
        description: String,
        work_clock_time_ref: U256,
    },
    /// `OwnershipTransferred` of the hub.
    OwnershipTransferred { from: Address, to: Address },
    /// `Transfer` of a registry: an asset was created (`from` zero) or changed hands.
    Asset {
        kind: AssetKind,
        asset: Address,
        from: Address,
        to: Address,
    },
}

impl Event {
    /// Reads a log of the hub or of one of its registries. `None` for a log of anything else, and for the registries' other
    /// events.
    pub fn read(deployment: &Deployment, log: &Log) -> Option<Self> {
        let kind = match log.address() {
            address if address == deployment.hub => {
                return translate(IHubEvents::decode_log(&log.inner).ok()?.data);
            }
            address if address == deployment.app_registry => AssetKind::App,
            address if address == deployment.dataset_registry => AssetKind::Dataset,
            address if address == deployment.workerpool_registry => AssetKind::Workerpool,
            _ => return None,
        };
        let transfer = AppRegistry::Transfer::decode_log(&log.inner).ok()?.data;
        Some(Self::Asset {
            kind,
            asset: convert::asset(transfer.tokenId),
            from: transfer.from,
            to: transfer.to,
        })
    }
}

/// One line per event of the contract: what it becomes here.
macro_rules! translate {
    ($($name:ident($e:ident) => $event:expr;)*) => {
        /// What an event of the hub says; `None` if a number in it is none that this hub can write.
        fn translate(event: IHubEvents) -> Option<Event> {
            Some(match event {
                $(IHubEvents::$name($e) => $event,)*
            })
        }
    };
}

translate! {
    OrdersMatched(e) => Event::Matched {
        deal: DealId(e.dealid), app: OrderHash(e.appHash), dataset: OrderHash(e.datasetHash),
        workerpool: OrderHash(e.workerpoolHash), request: OrderHash(e.requestHash), volume: e.volume,
    };
    SchedulerNotice(e) => Event::Scheduled { workerpool: e.workerpool, deal: DealId(e.dealid) };
    DealSponsored(e) => Event::Sponsored { deal: DealId(e.dealId), sponsor: e.sponsor };
    TaskInitialize(e) => Event::Initialized { task: TaskId(e.taskid), workerpool: e.workerpool };
    TaskContribute(e) => Event::Contributed { task: TaskId(e.taskid), worker: e.worker, result_hash: e.hash };
    TaskConsensus(e) => Event::Certified { task: TaskId(e.taskid), result_hash: e.consensus };
    TaskReveal(e) => Event::Revealed { task: TaskId(e.taskid), worker: e.worker, digest: e.digest };
    TaskReopen(e) => Event::Reopened { task: TaskId(e.taskid) };
    TaskFinalize(e) => Event::Finalized { task: TaskId(e.taskid), results: e.results };
    TaskClaimed(e) => Event::Claimed { task: TaskId(e.taskid) };
    AccurateContribution(e) => Event::Accurate { worker: e.worker, task: TaskId(e.taskid) };
    FaultyContribution(e) => Event::Faulty { worker: e.worker, task: TaskId(e.taskid) };
    SignedAppOrder(e) => Event::OrderSigned { kind: OrderKind::App, order: OrderHash(e.appHash) };
    SignedDatasetOrder(e) => Event::OrderSigned { kind: OrderKind::Dataset, order: OrderHash(e.datasetHash) };
    SignedWorkerpoolOrder(e) => Event::OrderSigned { kind: OrderKind::Workerpool, order: OrderHash(e.workerpoolHash) };
    SignedRequestOrder(e) => Event::OrderSigned { kind: OrderKind::Request, order: OrderHash(e.requestHash) };
    ClosedAppOrder(e) => Event::OrderClosed { kind: OrderKind::App, order: OrderHash(e.appHash) };
    ClosedDatasetOrder(e) => Event::OrderClosed { kind: OrderKind::Dataset, order: OrderHash(e.datasetHash) };
    ClosedWorkerpoolOrder(e) => Event::OrderClosed { kind: OrderKind::Workerpool, order: OrderHash(e.workerpoolHash) };
    ClosedRequestOrder(e) => Event::OrderClosed { kind: OrderKind::Request, order: OrderHash(e.requestHash) };
    BroadcastAppOrder(e) => Event::AppOrder(Box::new(e.apporder.into()));
    BroadcastDatasetOrder(e) => Event::DatasetOrder(Box::new(e.datasetorder.into()));
    BroadcastWorkerpoolOrder(e) => Event::WorkerpoolOrder(Box::new(e.workerpoolorder.into()));
    BroadcastRequestOrder(e) => Event::RequestOrder(Box::new(e.requestorder.into()));
    Transfer(e) => Event::Transfer { from: e.from, to: e.to, amount: Nrlc(e.value) };
    Approval(e) => Event::Approval { owner: e.owner, spender: e.spender, amount: Nrlc(e.value) };
    Lock(e) => Event::Locked { account: e.owner, amount: Nrlc(e.amount) };
    Unlock(e) => Event::Unlocked { account: e.owner, amount: Nrlc(e.amount) };
    Reward(e) => Event::Rewarded { account: e.owner, amount: Nrlc(e.amount), task: TaskId(e.r#ref) };
    Seize(e) => Event::Seized { account: e.owner, amount: Nrlc(e.amount), task: TaskId(e.r#ref) };
    RangeSettled(e) => Event::RangeSettled(Box::new(range::settled(e).ok()?));
    RangePosted(e) => Event::RangePosted {
        id: RangeId(e.rid), range: range::of(e.dealid, e.first, e.count).ok()?, worker: e.worker, seal: e.seal,
    };
    RangeOpened(e) => Event::RangeOpened {
        id: RangeId(e.rid), worker: e.worker, value: Value { root: e.root, link: e.link },
    };
    RangeFailed(e) => Event::RangeFailed { range: range::of(e.dealid, e.first, e.count).ok()? };
    Bonded(e) => Event::Bonded { workerpool: e.workerpool, worker: e.worker, amount: Nrlc(e.amount) };
    Unbonding(e) => Event::Unbonding {
        workerpool: e.workerpool, worker: e.worker, amount: Nrlc(e.amount), ready_at: convert::small(e.readyAt).ok()?,
    };
    Slashed(e) => Event::Slashed {
        workerpool: e.workerpool, account: e.account, range: RangeId(e.rid), amount: Nrlc(e.amount),
        fault: Fault::try_from(e.reason).ok()?,
    };
    AuditCommitted(e) => Event::AuditCommitted { workerpool: e.workerpool, epoch: e.epoch, hash: e.hash };
    CreateCategory(e) => Event::CategoryCreated {
        id: e.catid, name: e.name, description: e.description, work_clock_time_ref: e.workClockTimeRef,
    };
    OwnershipTransferred(e) => Event::OwnershipTransferred { from: e.previousOwner, to: e.newOwner };
}
