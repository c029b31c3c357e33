//! What a transaction should pay.

use super::{
    Api,
    errors::{RpcError, RpcResult},
    params::Params,
};
use crate::{executor::next_base_fee, store::SealedBlock};
use alloy::{consensus::Transaction as _, eips::BlockNumberOrTag, rpc::types::FeeHistory};
use alloy_primitives::U64;

/// Most blocks of one `eth_feeHistory` (geth's limit).
const HISTORY_BLOCKS: u64 = 1024;
/// Most percentiles of one `eth_feeHistory` (geth's limit).
const PERCENTILES: usize = 100;
/// What is suggested where blocks have room, wei per gas.
const SUGGESTED_TIP: u128 = 1_000_000_000;

impl Api {
    /// Wei per gas above the base fee. There is room in the blocks of a chain that seals at once,
    /// so any tip will do.
    pub(super) fn priority_fee(&self) -> u128 {
        match self.core.rules.fees {
            crate::executor::Fees::Fixed(0) => 0,
            _ => SUGGESTED_TIP,
        }
    }

    pub(super) fn gas_price(&self) -> u128 {
        self.validation(|validation| u128::from(validation.base_fee)) + self.priority_fee()
    }

    pub(super) fn fee_history(&self, params: &Params<'_>) -> RpcResult<FeeHistory> {
        let count = params.get::<Count>(0)?.0.clamp(1, HISTORY_BLOCKS);
        let newest: BlockNumberOrTag = params.get(1)?;
        let percentiles: Vec<f64> = params.opt(2)?.unwrap_or_default();
        if percentiles.len() > PERCENTILES {
            return Err(RpcError::server(format!(
                "over the query limit {PERCENTILES}"
            )));
        }
        check_percentiles(&percentiles)?;
        let version = self.head();
        let beyond = || {
            RpcError::server(format!(
                "request beyond head block: requested {}, head {}",
                newest.as_number().unwrap_or_default(),
                version.head.number()
            ))
        };
        let last = self.height(&version, newest.into())?.ok_or_else(beyond)?;
        let first = (last + 1).saturating_sub(count);
        let mut history = FeeHistory {
            oldest_block: first,
            ..FeeHistory::default()
        };
        let mut rewards = Vec::new();
        for number in first..=last {
            let Some(block) = version.block(number)? else {
                continue;
            };
            let header = &block.header;
            history
                .base_fee_per_gas
                .push(header.base_fee_per_gas.unwrap_or_default().into());
            history
                .gas_used_ratio
                .push(header.gas_used as f64 / header.gas_limit as f64);
            history.base_fee_per_blob_gas.push(1);
            history.blob_gas_used_ratio.push(0.0);
            rewards.push(rewards_of(&block, &percentiles));
            if number == last {
                history
                    .base_fee_per_gas
                    .push(next_base_fee(&self.core.rules, header).into());
                history.base_fee_per_blob_gas.push(1);
            }
        }
        history.reward = (!percentiles.is_empty()).then_some(rewards);
        Ok(history)
    }
}

/// Refuses percentiles out of range or order.
fn check_percentiles(percentiles: &[f64]) -> RpcResult<()> {
    let mut before: Option<f64> = None;
    for (index, percentile) in percentiles.iter().enumerate() {
        let wrong = if !(0.0..=100.0).contains(percentile) {
            Some(format!("{percentile:.6}"))
        } else {
            before
                .filter(|before| percentile <= before)
                .map(|before| format!("#{}:{before:.6} >= #{index}:{percentile:.6}", index - 1))
        };
        if let Some(wrong) = wrong {
            return Err(RpcError::server(format!(
                "invalid reward percentile: {wrong}"
            )));
        }
        before = Some(*percentile);
    }
    Ok(())
}

/// A number that some libraries write in hexadecimal, and some in decimal.
struct Count(u64);

impl<'de> serde::Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        U64::deserialize(deserializer).map(|count| Self(count.to()))
    }
}

/// The tips of a block at percentiles of its gas.
fn rewards_of(block: &SealedBlock, percentiles: &[f64]) -> Vec<u128> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let tips = block.transactions.iter().enumerate();
    let mut tips: Vec<(u128, u64)> = tips
        .map(|(index, tx)| {
            (
                tx.effective_tip_per_gas(base_fee).unwrap_or_default(),
                block.gas_used(index),
            )
        })
        .collect();
    tips.sort_unstable();
    percentiles
        .iter()
        .map(|percentile| {
            let threshold = (block.header.gas_used as f64 * percentile / 100.0) as u64;
            let mut sum = 0;
            let at = tips.iter().find(|(_, gas)| {
                sum += gas;
                sum >= threshold
            });
            at.or(tips.last()).map_or(0, |(tip, _)| *tip)
        })
        .collect()
}
