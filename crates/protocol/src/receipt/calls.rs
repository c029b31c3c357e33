//! The transactions that settle ranges, and the event that says what was settled.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent};

use super::evidence::Log;
use crate::{
    DealId,
    range::{Content, Counted, Range, Settled, Value, Way},
};

#[allow(missing_docs, unreachable_pub, reason = "generated code")]
mod typed {
    alloy_sol_types::sol! {
        function settle(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
        function settleCallback(bytes32 dealid, uint256 idx, uint8 codec, bytes32 content, bytes32 link, bytes32 delivery, bytes resultsCallback, bytes members);
        function resolve(bytes32 dealid, uint256 first, uint256 count, bytes32 delivery, uint8 codec, bytes32 content, bytes resultsCallback);
        function post(bytes32 dealid, uint256 first, uint256 count, bytes votes);
        function open(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes proofs);
        event RangeSettled(bytes32 indexed dealid, uint256 indexed first, uint256 count, uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
    }
}

/// A call that settles a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The scheduler's.
    Settle {
        /// What.
        range: Range,
        /// The value, when it is written out; of a task with a callback its root follows from the leaf.
        root: Option<B256>,
        /// Where the results are.
        link: B256,
        /// Where the encrypted ones are.
        delivery: B256,
        /// Of a task with a callback: its archive, and the bytes for the contract.
        callback: Option<(Content, Bytes)>,
        /// The votes.
        members: Bytes,
    },
    /// Anyone's, after votes were posted and opened.
    Resolve {
        /// What.
        range: Range,
        /// Where the encrypted results are.
        delivery: B256,
    },
}

impl Call {
    /// Reads what a transaction says to the hub; `None` of anything else.
    pub fn decode(input: &[u8]) -> Option<Self> {
        let selector: [u8; 4] = *input.first_chunk()?;
        match selector {
            typed::settleCall::SELECTOR => {
                let call = typed::settleCall::abi_decode(input).ok()?;
                Some(Self::Settle {
                    range: range(call.dealid, call.first, call.count)?,
                    root: Some(call.root),
                    link: call.link,
                    delivery: call.delivery,
                    callback: None,
                    members: call.members,
                })
            }
            typed::settleCallbackCall::SELECTOR => {
                let call = typed::settleCallbackCall::abi_decode(input).ok()?;
                let content = Content {
                    codec: call.codec.try_into().ok()?,
                    sha256: call.content,
                };
                Some(Self::Settle {
                    range: range(call.dealid, call.idx, U256::ONE)?,
                    root: None,
                    link: call.link,
                    delivery: call.delivery,
                    callback: Some((content, call.resultsCallback)),
                    members: call.members,
                })
            }
            typed::resolveCall::SELECTOR => {
                let call = typed::resolveCall::abi_decode(input).ok()?;
                Some(Self::Resolve {
                    range: range(call.dealid, call.first, call.count)?,
                    delivery: call.delivery,
                })
            }
            _ => None,
        }
    }
}

/// The votes that a transaction posts, and the range they are on; `None` of any other call.
pub fn posted(input: &[u8]) -> Option<(Range, Bytes)> {
    let call = typed::postCall::abi_decode(input).ok()?;
    Some((range(call.dealid, call.first, call.count)?, call.votes))
}

/// What a transaction opens: the range, the value, and the enclaves' proofs; `None` of any other call.
pub fn opened(input: &[u8]) -> Option<(Range, Value, Bytes)> {
    let call = typed::openCall::abi_decode(input).ok()?;
    let value = Value {
        root: call.root,
        link: call.link,
    };
    Some((
        range(call.dealid, call.first, call.count)?,
        value,
        call.proofs,
    ))
}

/// What the event of a settlement says; `None` of any other event, or another contract's.
pub(super) fn settled(log: &Log, hub: Address) -> Option<Settled> {
    if log.address != hub {
        return None;
    }
    let topics = log.topics.iter().copied();
    let event = typed::RangeSettled::decode_raw_log(topics, &log.data).ok()?;
    Some(Settled {
        range: range(event.dealid, event.first, event.count)?,
        way: Way::try_from(event.way).ok()?,
        value: Value {
            root: event.root,
            link: event.link,
        },
        delivery: event.delivery,
        members: Counted::decode(&event.members).ok()?,
    })
}

fn range(deal: B256, first: U256, count: U256) -> Option<Range> {
    let (first, count) = (first.try_into().ok()?, count.try_into().ok()?);
    Range::new(DealId(deal), first, count).ok()
}
