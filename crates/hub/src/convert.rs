//! Between the contract's types and the protocol's.

use alloy::primitives::{Address, B256, U256};
use canut_protocol::{
    self as protocol, DealId, Nrlc, Tag, Trust,
    category::Category,
    matching::Orders,
    task::{Contribution, ContributionStatus, Status},
};

use crate::bindings::IHub as abi;

/// A number from the contract is larger than any this hub can hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Misfit;

pub(crate) fn small(value: U256) -> Result<u64, Misfit> {
    u64::try_from(value).map_err(|_| Misfit)
}

/// Defines both directions of an order: `plain` fields are equal, `inner` ones are newtypes there and words here.
macro_rules! order {
    ($name:ident, plain: [$($plain:ident),*], inner: [$($inner:ident: $newtype:ident),*]) => {
        impl From<&protocol::$name> for abi::$name {
            fn from(order: &protocol::$name) -> Self {
                Self { $($plain: order.$plain.clone(),)* $($inner: order.$inner.0,)* }
            }
        }

        impl From<abi::$name> for protocol::$name {
            fn from(order: abi::$name) -> Self {
                Self { $($plain: order.$plain,)* $($inner: $newtype(order.$inner),)* }
            }
        }
    };
}

order!(
    AppOrder,
    plain: [app, volume, datasetrestrict, workerpoolrestrict, requesterrestrict, salt, sign],
    inner: [appprice: Nrlc, tag: Tag]
);
order!(
    DatasetOrder,
    plain: [dataset, volume, apprestrict, workerpoolrestrict, requesterrestrict, salt, sign],
    inner: [datasetprice: Nrlc, tag: Tag]
);
order!(
    WorkerpoolOrder,
    plain: [workerpool, volume, category, apprestrict, datasetrestrict, requesterrestrict, salt, sign],
    inner: [workerpoolprice: Nrlc, tag: Tag, trust: Trust]
);
order!(
    RequestOrder,
    plain: [app, dataset, workerpool, requester, volume, category, beneficiary, callback, params, salt, sign],
    inner: [appmaxprice: Nrlc, datasetmaxprice: Nrlc, workerpoolmaxprice: Nrlc, tag: Tag, trust: Trust]
);

/// The four orders as the contract takes them.
pub(crate) type AbiOrders = (
    abi::AppOrder,
    abi::DatasetOrder,
    abi::WorkerpoolOrder,
    abi::RequestOrder,
);

pub(crate) fn orders(orders: &Orders) -> AbiOrders {
    (
        (&orders.app).into(),
        (&orders.dataset).into(),
        (&orders.workerpool).into(),
        (&orders.request).into(),
    )
}

impl From<abi::Resource> for protocol::Resource {
    fn from(resource: abi::Resource) -> Self {
        Self {
            pointer: resource.pointer,
            owner: resource.owner,
            price: Nrlc(resource.price),
        }
    }
}

pub(crate) fn deal(deal: abi::Deal) -> Result<protocol::Deal, Misfit> {
    Ok(protocol::Deal {
        app: deal.app.into(),
        dataset: deal.dataset.into(),
        workerpool: deal.workerpool.into(),
        trust: Trust(deal.trust),
        category: small(deal.category)?,
        tag: Tag(deal.tag),
        requester: deal.requester,
        beneficiary: deal.beneficiary,
        callback: deal.callback,
        params: deal.params,
        start_time: small(deal.startTime)?,
        bot_first: small(deal.botFirst)?,
        bot_size: small(deal.botSize)?,
        worker_stake: Nrlc(deal.workerStake),
        scheduler_reward_ratio: u8::try_from(deal.schedulerRewardRatio).map_err(|_| Misfit)?,
        sponsor: deal.sponsor,
    })
}

/// A task without its votes, and who voted.
pub(crate) fn task(task: abi::Task) -> Result<(protocol::Task, Vec<Address>), Misfit> {
    let fields = protocol::Task {
        status: Status::try_from(task.status).map_err(|_| Misfit)?,
        deal: DealId(task.dealid),
        index: small(task.idx)?,
        time_ref: small(task.timeref)?,
        contribution_deadline: small(task.contributionDeadline)?,
        reveal_deadline: small(task.revealDeadline)?,
        final_deadline: small(task.finalDeadline)?,
        consensus: task.consensusValue,
        reveal_counter: small(task.revealCounter)?,
        winner_counter: small(task.winnerCounter)?,
        contributions: Vec::new(),
        result_digest: task.resultDigest,
        results: task.results,
        results_callback: task.resultsCallback,
    };
    Ok((fields, task.contributors))
}

pub(crate) fn contribution(vote: abi::Contribution) -> Result<Contribution, Misfit> {
    Ok(Contribution {
        status: ContributionStatus::try_from(vote.status).map_err(|_| Misfit)?,
        result_hash: vote.resultHash,
        result_seal: vote.resultSeal,
        enclave: vote.enclaveChallenge,
        log_weight: u32::try_from(vote.weight).map_err(|_| Misfit)?,
    })
}

pub(crate) fn category(category: abi::Category) -> Result<Category, Misfit> {
    Ok(Category {
        name: category.name,
        description: category.description,
        work_clock_time_ref: small(category.workClockTimeRef)?,
    })
}

/// The low 20 bytes of an ERC-721 token id: the asset.
pub(crate) fn asset(token: U256) -> Address {
    Address::from_word(B256::from(token))
}
