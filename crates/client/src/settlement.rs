//! What the chain has of a task that was settled by certificate.

use alloy::{providers::Provider, rpc::types::Filter, sol_types::SolEvent};
use alloy_primitives::{B256, U256};
use canut_hub::{Event, RangeState, bindings::IHub, events::Happening};
use canut_protocol::{
    DealId, Nrlc, TaskId,
    range::{Counted, Kind, Settled, Sides, Way},
};
use canut_store::directory;
use canut_vault::format::result::is_wanted;

use crate::{
    Certificate, CertifiedRange, Client, Credibility, Error, Payment, Result, Transaction, Verdict,
    Vote, certificate, status::Located,
};

/// The settlement of a range.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// What was certified, by whom.
    pub settled: Settled,
    /// Its transaction.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// The place of its event in the block.
    pub log_index: u64,
    /// All that happened in the transaction: payments, slashes.
    pub events: Vec<Happening>,
}

impl Client {
    /// The settlement that a task was part of; `None` when it went the open way, or is not settled.
    ///
    /// # Errors
    ///
    /// [`Error::Contradiction`] when the event is not the one that the hub's record is of.
    pub async fn settlement(&self, deal: DealId, index: u64) -> Result<Option<Settlement>> {
        let Some(record) = self.hub().range_at(deal, index).await? else {
            return Ok(None);
        };
        let RangeState::Settled(evidence) = record.state else {
            return Ok(None);
        };
        let odd = |what| Error::Contradiction(TaskId::of(deal, index), what);
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(IHub::RangeSettled::SIGNATURE_HASH)
            .topic1(deal.0)
            .topic2(U256::from(record.range.first()))
            .from_block(self.block_at(record.time).await?);
        let logs = self
            .hub()
            .provider()
            .get_logs(&filter)
            .await
            .map_err(Error::node)?;
        let found = logs.iter().find_map(|log| match self.happening(log) {
            Some(Happening {
                event: Event::RangeSettled(settled),
                block,
                transaction,
                log_index,
                ..
            }) => Some((settled, block, transaction, log_index)),
            _ => None,
        });
        let (settled, block, transaction, log_index) =
            found.ok_or_else(|| odd("its settlement has no event"))?;
        if settled.range != record.range || settled.evidence() != evidence {
            return Err(odd("the event of its settlement is not the recorded one"));
        }
        let receipt = self
            .hub()
            .provider()
            .get_transaction_receipt(transaction)
            .await
            .map_err(Error::node)?
            .ok_or_else(|| odd("its settlement's transaction is not there"))?;
        let logs = receipt.inner.logs().iter();
        Ok(Some(Settlement {
            settled: *settled,
            transaction,
            block,
            log_index,
            events: logs.filter_map(|log| self.happening(log)).collect(),
        }))
    }

    /// The certificate of a task of a settled range.
    pub(crate) async fn settled_certificate(
        &self,
        located: &Located,
        settlement: &Settlement,
    ) -> Result<Certificate> {
        let deal = self.deal(located.deal).await?;
        let domain = self.hub().domain();
        let Settlement { settled, .. } = settlement;
        let step = match settled.way {
            Way::Settle => "settle",
            Way::Resolve => "resolve",
        };
        // Encrypted archives are elsewhere, where the pool said.
        let folder = if is_wanted(&deal.params) {
            Some(settled.delivery).filter(|delivery| !delivery.is_zero())
        } else {
            Some(settled.value.link)
        };
        let path = directory::path(located.index, settled.range.count());
        let location = folder.map(|link| format!("/ipfs/{}/{path}", directory::folder(link)));
        Ok(Certificate {
            chain_id: domain.chain_id,
            hub: domain.hub,
            task: located.id,
            deal: located.deal,
            index: located.index,
            app: deal.app.pointer,
            dataset: Some(deal.dataset.pointer).filter(|dataset| !dataset.is_zero()),
            workerpool: deal.workerpool.pointer,
            requester: deal.requester,
            tag: deal.tag,
            callback: !deal.callback.is_zero(),
            range: Some(CertifiedRange {
                first: settled.range.first(),
                count: settled.range.count(),
                root: settled.value.root,
                link: settled.value.link,
                fallback: settled.way == Way::Resolve,
            }),
            digest: (!deal.callback.is_zero()).then_some(located.task.result_digest),
            votes: settlement.votes(),
            credibility: credibility(&Counted::sides(&settled.members), deal.trust),
            price: certificate::price(&deal)?,
            payments: settlement.payments(),
            transactions: vec![Transaction {
                step: step.to_owned(),
                account: None,
                hash: settlement.transaction,
                block: settlement.block,
            }],
            location,
            files: Vec::new(),
            failed: None,
        })
    }
}

/// What the votes weigh, in the words of the open way: the share of the votes for the value in all that counts.
fn credibility(sides: &Sides, trust: canut_protocol::Trust) -> Credibility {
    let (p, q) = (f64::from(sides.p()), f64::from(sides.q()));
    let against = if q > 1.0 { q } else { 0.0 };
    Credibility {
        trust,
        required: 1.0 - 1.0 / f64::from(sides.required(trust).0),
        reached: p / (1.0 + p + against),
        exact: true,
        holds: sides.certify(trust),
    }
}

impl Settlement {
    fn votes(&self) -> Vec<Vote> {
        let id = self.settled.range.id();
        let sum = |pick: &dyn Fn(&Event) -> Option<Nrlc>| {
            Nrlc(
                self.events
                    .iter()
                    .filter_map(|happening| pick(&happening.event))
                    .map(|amount| amount.0)
                    .sum(),
            )
        };
        let vote = |member: &Counted| {
            let (verdict, result_hash) = match member.kind {
                Kind::Winner | Kind::EnclaveWinner => {
                    (Verdict::Agreed, self.settled.value.result_hash(id))
                }
                Kind::Loser => (Verdict::Dissented, B256::ZERO),
                Kind::Absent => (Verdict::Absent, B256::ZERO),
            };
            Vote {
                worker: member.worker,
                result_hash,
                verdict,
                weight: member.weight.into(),
                exact: true,
                transaction: self.transaction,
                reward: sum(&|event| match event {
                    Event::Rewarded {
                        account,
                        amount,
                        task,
                    } => (*account == member.worker && task.0 == id.0).then_some(*amount),
                    _ => None,
                }),
                seized: sum(&|event| match event {
                    Event::Slashed {
                        account,
                        amount,
                        range,
                        ..
                    } => (*account == member.worker && *range == id).then_some(*amount),
                    _ => None,
                }),
            }
        };
        self.settled.members.iter().map(vote).collect()
    }

    /// What was paid for the whole range.
    fn payments(&self) -> Vec<Payment> {
        let id = self.settled.range.id();
        let paid = |happening: &Happening| match happening.event {
            Event::Rewarded {
                account,
                amount,
                task,
            } if task.0 == id.0 => Some(Payment { account, amount }),
            _ => None,
        };
        self.events.iter().filter_map(paid).collect()
    }
}
