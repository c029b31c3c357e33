//! Searching logs.

use super::{
    Api, convert,
    errors::{RpcError, RpcResult},
};
use crate::{
    codec::CodecError,
    store::{LogKey, SealedBlock, Version, find_in_section},
};
use alloy::{
    eips::BlockNumberOrTag,
    rpc::types::{Filter, FilterBlockOption, Log},
};
use std::collections::BTreeSet;

/// What a log takes in an answer besides its data, bytes; not less than this.
const LOG_BYTES: usize = 400;

impl Api {
    /// The logs that a filter names.
    pub(crate) fn get_logs(&self, filter: &Filter) -> RpcResult<Vec<Log>> {
        self.check_filter(filter)?;
        let version = self.head();
        let (from, to) = match filter.block_option {
            FilterBlockOption::AtBlockHash(hash) => {
                let number = version
                    .height(&hash)?
                    .ok_or_else(|| RpcError::server("unknown block"))?;
                (number, number)
            }
            FilterBlockOption::Range {
                from_block,
                to_block,
            } => {
                let head = version.head.number();
                let number = |tag: Option<BlockNumberOrTag>| match tag {
                    Some(BlockNumberOrTag::Number(number)) => number,
                    Some(BlockNumberOrTag::Earliest) => 0,
                    _ => head,
                };
                let (from, to) = (number(from_block), number(to_block));
                if from > to {
                    return Err(RpcError::params("invalid block range params"));
                }
                (from, to.min(head))
            }
        };
        self.search(&version, filter, from, to)
    }

    /// Refuses a filter that is too long.
    pub(crate) fn check_filter(&self, filter: &Filter) -> RpcResult<()> {
        let most = self.limits.filter_values;
        let longest = filter
            .topics
            .iter()
            .map(|topic| topic.len())
            .chain([filter.address.len()])
            .max();
        if longest.is_some_and(|longest| longest > most) {
            return Err(RpcError::params(format!(
                "exceed max addresses or topics per search position: {most}"
            )));
        }
        Ok(())
    }

    /// The logs of `from..=to` that match, in order.
    pub(crate) fn search(
        &self,
        version: &Version,
        filter: &Filter,
        from: u64,
        to: u64,
    ) -> RpcResult<Vec<Log>> {
        if from > to {
            return Ok(Vec::new());
        }
        let asked = to - from + 1;
        if asked > self.limits.log_blocks {
            let most = self.limits.log_blocks;
            return Err(RpcError::limit(format!(
                "exceed maximum block range: {most} (asked {asked}): narrow fromBlock and toBlock"
            )));
        }
        let mut found = Vec::new();
        let mut room = self.limits.response_bytes;
        for number in candidates(version, filter, from, to)? {
            let Some((_, header)) = version.header(number)? else {
                continue;
            };
            if !filter.matches_bloom(header.logs_bloom) {
                continue;
            }
            if let Some(block) = version.block(number)? {
                for log in matching(&block, filter) {
                    room = room
                        .checked_sub(LOG_BYTES + 2 * log.data().data.len())
                        .ok_or_else(RpcError::too_large)?;
                    found.push(log);
                }
            }
            if found.len() > self.limits.logs {
                let most = self.limits.logs;
                return Err(RpcError::limit(format!(
                    "query returned more than {most} results: narrow fromBlock and toBlock, or the topics"
                )));
            }
        }
        Ok(found)
    }
}

/// The logs of a block that match a filter's address and topics.
pub(crate) fn matching<'a>(
    block: &'a SealedBlock,
    filter: &'a Filter,
) -> impl Iterator<Item = Log> + 'a {
    let found = filter
        .matches_bloom(block.header.logs_bloom)
        .then(|| convert::logs(block));
    found
        .into_iter()
        .flatten()
        .filter(|log| filter.matches(&log.inner))
}

/// The heights to look at: those that the index names, and those not indexed yet.
fn candidates(version: &Version, filter: &Filter, from: u64, to: u64) -> RpcResult<Vec<u64>> {
    let sets: Vec<Vec<LogKey>> = std::iter::once(
        filter
            .address
            .iter()
            .map(|value| LogKey::new(value.as_slice()))
            .collect(),
    )
    .chain(filter.topics.iter().map(|topic| {
        topic
            .iter()
            .map(|value| LogKey::new(value.as_slice()))
            .collect()
    }))
    .filter(|keys: &Vec<LogKey>| !keys.is_empty())
    .collect();
    let (base, indexed) = version.indexed();
    if sets.is_empty() || from > indexed {
        return Ok((from..=to).collect());
    }
    let mut heights = BTreeSet::new();
    base.sections(from, to.min(indexed), |first, bytes| {
        let mut common: Option<BTreeSet<u64>> = None;
        for keys in &sets {
            let mut any = BTreeSet::new();
            for key in keys {
                any.append(&mut find_in_section(first, bytes, *key)?);
            }
            common = Some(common.map_or_else(|| any.clone(), |common| &common & &any));
        }
        heights.extend(
            common
                .into_iter()
                .flatten()
                .filter(|height| (from..=to.min(indexed)).contains(height)),
        );
        Ok::<_, CodecError>(())
    })?;
    Ok(heights.into_iter().chain(indexed + 1..=to).collect())
}
