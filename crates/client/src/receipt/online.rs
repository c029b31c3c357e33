//! Putting a receipt to the chain.

use std::collections::BTreeSet;

use alloy::{providers::Provider, rpc::types::Filter, sol_types::SolEvent};
use canut_hub::{Event, RangeState, bindings::IHub};
use canut_protocol::{
    range::{Settled, audit::epoch, money::Fault},
    receipt::{Check, Outcome, Receipt, Report},
};
use canut_store::directory;

use super::verify_receipt;
use crate::{Client, Error, Result};

impl Client {
    /// Asks a receipt everything, believing the node: its blocks, the hub's records, what became of it since.
    ///
    /// # Errors
    ///
    /// [`Error::OtherHub`] when the receipt is of another chain or hub.
    pub async fn verify_receipt(&self, receipt: &Receipt) -> Result<Report> {
        let domain = self.hub().domain();
        if domain != receipt.domain() {
            return Err(Error::OtherHub {
                receipt: receipt.domain(),
                network: domain,
            });
        }
        let mut blocks = BTreeSet::new();
        for number in [receipt.settlement.block, receipt.terms.block] {
            match self.header(number).await {
                Ok((_, hash)) => {
                    blocks.insert(hash);
                }
                // A block that the node does not have proves nothing: the report says so.
                Err(Error::Unproven(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut report = verify_receipt(receipt, &blocks);
        report.set(Check::Record, answer(self.record(receipt).await?));
        if receipt.audit.is_some() {
            report.set(Check::Audit, answer(self.audited(receipt).await?));
        }
        if matches!(report.of(Check::Link), Some(Outcome::Unchecked(_))) && self.store().is_ok() {
            report.set(Check::Link, answer(self.linked(receipt).await?));
        }
        Ok(report)
    }

    async fn record(&self, receipt: &Receipt) -> Result<Result<(), String>> {
        let Some(range) = receipt.range() else {
            return Ok(Err("its range of tasks is none".into()));
        };
        let settled = Settled {
            range,
            way: receipt.settlement.way,
            value: receipt.value(),
            delivery: receipt.result.delivery,
            members: receipt.counted(),
        };
        let record = self.hub().range_at(receipt.dealid, receipt.index).await?;
        let right = record.is_some_and(|record| {
            record.range == range && record.state == RangeState::Settled(settled.evidence())
        });
        if !right {
            return Ok(Err(
                "the hub has another settlement of the task, or none".into()
            ));
        }
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(IHub::Slashed::SIGNATURE_HASH)
            .topic1(receipt.deal.deal.workerpool.pointer)
            .topic3(range.id().0)
            .from_block(receipt.settlement.block);
        let logs = self.hub().provider().get_logs(&filter).await;
        let logs = logs.map_err(Error::node)?;
        let hidden = logs
            .iter()
            .filter_map(|log| self.happening(log))
            .any(|slash| {
                matches!(
                    slash.event,
                    Event::Slashed {
                        fault: Fault::Omission,
                        ..
                    }
                )
            });
        Ok(if hidden {
            Err("the pool was slashed for a vote on this range that it hid".into())
        } else {
            Ok(())
        })
    }

    /// Whether the pool's promise is the one on the chain, and the range was drawn accordingly.
    async fn audited(&self, receipt: &Receipt) -> Result<Result<(), String>> {
        let Some(audit) = receipt.audit else {
            return Ok(Ok(()));
        };
        let pool = receipt.deal.deal.workerpool.pointer;
        if epoch(receipt.deal.deal.start_time) != Some(audit.epoch) {
            return Ok(Err("the promise is of another day than the deal".into()));
        }
        let promised = self.hub().audit(pool, audit.epoch).await?;
        let told = audit.promise.hash(pool, audit.epoch);
        Ok(match promised {
            None => Err("the pool promised nothing for that day".into()),
            Some(hash) if hash != told => Err("the promise told is not the one made before".into()),
            Some(_) => receipt.judge_draw().map_err(|fault| fault.to_string()),
        })
    }

    /// Whether the folder that the link names holds the archive, as the store has it.
    async fn linked(&self, receipt: &Receipt) -> Result<Result<(), String>> {
        let found = &receipt.result;
        if !found.delivery.is_zero() {
            return self.linked_beside(receipt).await;
        }
        let path = directory::path(receipt.index, found.count);
        let folder = directory::folder(found.link);
        let cid = self.store()?.resolve(&folder, &path).await?;
        Ok(if directory::content(&cid) == Some(found.leaf.content) {
            Ok(())
        } else {
            Err(format!("the folder has {cid} for the task"))
        })
    }

    /// The same of encrypted archives, whose folder is another one: it tells what the folder of the plain ones would hold.
    async fn linked_beside(&self, receipt: &Receipt) -> Result<Result<(), String>> {
        let found = &receipt.result;
        let leaves = self.told_leaves(found.delivery).await?;
        let contents: Vec<_> = leaves.iter().map(|leaf| leaf.content).collect();
        let position = receipt
            .range()
            .and_then(|range| range.position(receipt.index));
        let leaf = position.and_then(|at| leaves.get(usize::from(at)));
        let right = directory::link(found.first, &contents) == Some(found.link)
            && leaf == Some(&found.leaf);
        Ok(if right {
            Ok(())
        } else {
            Err("what lies beside the encrypted results tells of others".into())
        })
    }
}

fn answer(answer: Result<(), String>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}
