//! `txpool_*`: what waits.

use super::{Api, convert};
use alloy::{
    consensus::Transaction as _,
    rpc::types::{
        Transaction,
        txpool::{
            TxpoolContent, TxpoolContentFrom, TxpoolInspect, TxpoolInspectSummary, TxpoolStatus,
        },
    },
};
use alloy_primitives::Address;

impl Api {
    pub(super) fn pool_status(&self) -> TxpoolStatus {
        let (pending, queued) = self.pool.count();
        TxpoolStatus {
            pending: pending as u64,
            queued: queued as u64,
        }
    }

    pub(super) fn pool_content(&self) -> TxpoolContent<Transaction> {
        let mut content = TxpoolContent::default();
        for (tx, ready) in self.pool.content() {
            let part = if ready {
                &mut content.pending
            } else {
                &mut content.queued
            };
            part.entry(tx.signer())
                .or_default()
                .insert(tx.nonce().to_string(), convert::pooled(&tx));
        }
        content
    }

    pub(super) fn pool_content_from(&self, sender: Address) -> TxpoolContentFrom<Transaction> {
        let mut content = self.pool_content();
        let mut take = |ready: bool| {
            let part = if ready {
                &mut content.pending
            } else {
                &mut content.queued
            };
            part.remove(&sender).unwrap_or_default()
        };
        TxpoolContentFrom {
            pending: take(true),
            queued: take(false),
        }
    }

    pub(super) fn pool_inspect(&self) -> TxpoolInspect {
        let mut content = TxpoolInspect::default();
        for (tx, ready) in self.pool.content() {
            let part = if ready {
                &mut content.pending
            } else {
                &mut content.queued
            };
            let summary = TxpoolInspectSummary {
                to: tx.to(),
                value: tx.value(),
                gas: tx.gas_limit(),
                gas_price: tx.max_fee_per_gas(),
            };
            part.entry(tx.signer())
                .or_default()
                .insert(tx.nonce().to_string(), summary);
        }
        content
    }
}
