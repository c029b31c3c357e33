//! Events of the hub and of the registries.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::Log,
    sol_types::{SolEvent, SolEventInterface},
};
use canut_protocol::{
    AppOrder, DatasetOrder, DealId, Nrlc, OrderHash, RequestOrder, TaskId, WorkerpoolOrder,
    order::OrderKind,
};
use serde::{Deserialize, Serialize};

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
    /// `RangeSettled`: tasks were certified by signed votes and paid. `way` is 1 for `settle`, 2 for `resolve`; `members` has
    /// the kind (1 byte), address (20) and weight (1) of each.
    RangeSettled {
        deal: DealId,
        first: U256,
        count: U256,
        way: u8,
        root: B256,
        link: B256,
        delivery: B256,
        members: Bytes,
    },
    /// `RangeFailed`: tasks were refunded.
    RangeFailed {
        deal: DealId,
        first: U256,
        count: U256,
    },
    /// `RangePosted`: a vote was handed to the hub because the scheduler stalled.
    RangePosted {
        range: B256,
        deal: DealId,
        first: U256,
        count: U256,
        worker: Address,
        seal: B256,
    },
    /// `RangeOpened`: a posted vote turned out to be for this value.
    RangeOpened {
        range: B256,
        worker: Address,
        root: B256,
        link: B256,
    },
    /// `Bonded`: a worker's bond in a workerpool grew.
    Bonded {
        workerpool: Address,
        worker: Address,
        amount: Nrlc,
    },
    /// `Unbonding`: a part of a bond was asked back, and can be had from `ready_at` on.
    Unbonding {
        workerpool: Address,
        worker: Address,
        amount: Nrlc,
        ready_at: U256,
    },
    /// `Slashed`: 1 wrong vote, 2 two votes on one range, 3 vote not opened, 4 vote left out by the scheduler, 5 scheduler
    /// stalled.
    Slashed {
        workerpool: Address,
        account: Address,
        range: B256,
        amount: Nrlc,
        reason: u8,
    },
    /// `AuditCommitted`: a workerpool's owner promised its audits of an epoch.
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
                return IHubEvents::decode_log(&log.inner)
                    .ok()
                    .map(|event| event.data.into());
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
        impl From<IHubEvents> for Event {
            fn from(event: IHubEvents) -> Self {
                match event {
                    $(IHubEvents::$name($e) => $event,)*
                }
            }
        }
    };
}

translate! {
    OrdersMatched(e) => Self::Matched {
        deal: DealId(e.dealid), app: OrderHash(e.appHash), dataset: OrderHash(e.datasetHash),
        workerpool: OrderHash(e.workerpoolHash), request: OrderHash(e.requestHash), volume: e.volume,
    };
    SchedulerNotice(e) => Self::Scheduled { workerpool: e.workerpool, deal: DealId(e.dealid) };
    DealSponsored(e) => Self::Sponsored { deal: DealId(e.dealId), sponsor: e.sponsor };
    TaskInitialize(e) => Self::Initialized { task: TaskId(e.taskid), workerpool: e.workerpool };
    TaskContribute(e) => Self::Contributed { task: TaskId(e.taskid), worker: e.worker, result_hash: e.hash };
    TaskConsensus(e) => Self::Certified { task: TaskId(e.taskid), result_hash: e.consensus };
    TaskReveal(e) => Self::Revealed { task: TaskId(e.taskid), worker: e.worker, digest: e.digest };
    TaskReopen(e) => Self::Reopened { task: TaskId(e.taskid) };
    TaskFinalize(e) => Self::Finalized { task: TaskId(e.taskid), results: e.results };
    TaskClaimed(e) => Self::Claimed { task: TaskId(e.taskid) };
    AccurateContribution(e) => Self::Accurate { worker: e.worker, task: TaskId(e.taskid) };
    FaultyContribution(e) => Self::Faulty { worker: e.worker, task: TaskId(e.taskid) };
    SignedAppOrder(e) => Self::OrderSigned { kind: OrderKind::App, order: OrderHash(e.appHash) };
    SignedDatasetOrder(e) => Self::OrderSigned { kind: OrderKind::Dataset, order: OrderHash(e.datasetHash) };
    SignedWorkerpoolOrder(e) => Self::OrderSigned { kind: OrderKind::Workerpool, order: OrderHash(e.workerpoolHash) };
    SignedRequestOrder(e) => Self::OrderSigned { kind: OrderKind::Request, order: OrderHash(e.requestHash) };
    ClosedAppOrder(e) => Self::OrderClosed { kind: OrderKind::App, order: OrderHash(e.appHash) };
    ClosedDatasetOrder(e) => Self::OrderClosed { kind: OrderKind::Dataset, order: OrderHash(e.datasetHash) };
    ClosedWorkerpoolOrder(e) => Self::OrderClosed { kind: OrderKind::Workerpool, order: OrderHash(e.workerpoolHash) };
    ClosedRequestOrder(e) => Self::OrderClosed { kind: OrderKind::Request, order: OrderHash(e.requestHash) };
    BroadcastAppOrder(e) => Self::AppOrder(Box::new(e.apporder.into()));
    BroadcastDatasetOrder(e) => Self::DatasetOrder(Box::new(e.datasetorder.into()));
    BroadcastWorkerpoolOrder(e) => Self::WorkerpoolOrder(Box::new(e.workerpoolorder.into()));
    BroadcastRequestOrder(e) => Self::RequestOrder(Box::new(e.requestorder.into()));
    Transfer(e) => Self::Transfer { from: e.from, to: e.to, amount: Nrlc(e.value) };
    Approval(e) => Self::Approval { owner: e.owner, spender: e.spender, amount: Nrlc(e.value) };
    Lock(e) => Self::Locked { account: e.owner, amount: Nrlc(e.amount) };
    Unlock(e) => Self::Unlocked { account: e.owner, amount: Nrlc(e.amount) };
    Reward(e) => Self::Rewarded { account: e.owner, amount: Nrlc(e.amount), task: TaskId(e.r#ref) };
    Seize(e) => Self::Seized { account: e.owner, amount: Nrlc(e.amount), task: TaskId(e.r#ref) };
    CreateCategory(e) => Self::CategoryCreated {
        id: e.catid, name: e.name, description: e.description, work_clock_time_ref: e.workClockTimeRef,
    };
    RangeSettled(e) => Self::RangeSettled {
        deal: DealId(e.dealid), first: e.first, count: e.count, way: e.way, root: e.root, link: e.link,
        delivery: e.delivery, members: e.members,
    };
    RangeFailed(e) => Self::RangeFailed { deal: DealId(e.dealid), first: e.first, count: e.count };
    Bonded(e) => Self::Bonded { workerpool: e.workerpool, worker: e.worker, amount: Nrlc(e.amount) };
    Unbonding(e) => Self::Unbonding {
        workerpool: e.workerpool, worker: e.worker, amount: Nrlc(e.amount), ready_at: e.readyAt,
    };
    Slashed(e) => Self::Slashed {
        workerpool: e.workerpool, account: e.account, range: e.rid, amount: Nrlc(e.amount), reason: e.reason,
    };
    OwnershipTransferred(e) => Self::OwnershipTransferred { from: e.previousOwner, to: e.newOwner };
}
