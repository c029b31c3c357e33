//! Whether a pool audited its workers as it had promised: anyone can see.

use alloy::{
    consensus::Transaction,
    providers::Provider,
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use alloy_primitives::{Address, B256};
use canut_hub::{Event, bindings::IHub};
use canut_protocol::{
    DealId,
    range::{
        EVIDENCE_SECONDS, MAX_TIME_REF, Settled, Way,
        audit::{EPOCH_SECONDS, Promise, epoch},
        drawn::{DrawFault, Drawn, DrawnVote, judge},
    },
    receipt::calls::Call,
    task::FINAL_RATIO,
};
use serde::Serialize;

use crate::{
    Client, Error, Result, Service,
    pool::{Audits, Told},
    receipt::listed,
};

/// What a pool promised for a day, and whether it kept it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditDay {
    /// The day, since 1970.
    pub epoch: u32,
    /// The hash of the promise on the chain.
    pub promised: B256,
    /// The promise, once the pool has told it.
    pub told: Option<Promise>,
    /// When it must be told at the latest, in seconds since the epoch.
    pub due: u64,
    /// What its settled ranges show, if they were looked at.
    pub ranges: Ranges,
    /// What was not as promised.
    pub broken: Vec<Broken>,
}

/// What the settled ranges of a day show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ranges {
    /// Drawn as promised.
    pub right: usize,
    /// Of these, with one vote more than trust asked for, as the draw wanted.
    pub audited: usize,
    /// Of which it cannot be told.
    pub unknown: usize,
    /// Drawn for an audit as far as the order of the votes can be known, without one. Workers that come and go can make a
    /// few look so.
    pub doubtful: Vec<String>,
}

/// How a promise was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", content = "detail", rename_all = "camelCase")]
pub enum Broken {
    /// What was told is not what was promised.
    OtherPromise,
    /// Nothing was told in time.
    Silent,
    /// A range is none of the promised stride.
    Misshapen(String),
    /// A range was drawn for an audit, and was not audited.
    Missing(String),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherPromise => f.write_str(
                "what the pool tells is not what it had promised: another secret, rate or stride",
            ),
            Self::Silent => f.write_str("the pool did not tell its secret in time"),
            Self::Misshapen(range) | Self::Missing(range) => f.write_str(range),
        }
    }
}

impl AuditDay {
    /// Whether something was not as promised.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }
}

impl Client {
    /// What a pool promised of its audits, day by day, and what it has told. Without `workerpool` it is the one that the pool
    /// says it serves.
    pub async fn audits(&self, workerpool: Option<Address>) -> Result<(Address, Vec<AuditDay>)> {
        let (workerpool, told) = self.told_by(workerpool).await?;
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(IHub::AuditCommitted::SIGNATURE_HASH)
            .topic1(workerpool)
            .from_block(0);
        let days = self.logs(&filter).await?.into_iter().filter_map(|log| {
            let event = IHub::AuditCommitted::decode_log(&log.inner).ok()?;
            Some(day(event.epoch, event.hash, &told))
        });
        Ok((workerpool, days.collect()))
    }

    async fn told_by(&self, workerpool: Option<Address>) -> Result<(Address, Vec<Told>)> {
        let Some(workerpool) = workerpool else {
            let pool = self.pool().ok_or(Error::NoService(Service::Pool))?;
            let Audits {
                workerpool,
                promises,
            } = pool.audits().await?;
            return Ok((workerpool, promises));
        };
        let asked = match self.pool_of(workerpool).await {
            Ok(pool) => pool.audits().await,
            Err(error) => Err(error),
        };
        match asked {
            // What it should have told is known without it.
            Err(Error::Unreachable { .. } | Error::NoPool(_)) => Ok((workerpool, Vec::new())),
            answer => {
                let Audits {
                    workerpool: served,
                    promises,
                } = answer?;
                if served != workerpool {
                    return Err(Error::OtherPool { served, workerpool });
                }
                Ok((workerpool, promises))
            }
        }
    }

    /// The same, compared with the promises on the chain and with every settled range of each day whose secret is told.
    pub async fn check_audits(
        &self,
        workerpool: Option<Address>,
    ) -> Result<(Address, Vec<AuditDay>)> {
        // Before the pool is asked: what falls due meanwhile it need not have told.
        let now = self.hub().now().await?;
        let (workerpool, mut days) = self.audits(workerpool).await?;
        for day in &mut days {
            match day.told {
                None if now >= day.due => day.broken.push(Broken::Silent),
                None => {}
                Some(promise) if promise.hash(workerpool, day.epoch) != day.promised => {
                    day.broken.push(Broken::OtherPromise);
                }
                Some(promise) => self.check_day(workerpool, day, &promise).await?,
            }
        }
        Ok((workerpool, days))
    }

    async fn check_day(
        &self,
        workerpool: Address,
        day: &mut AuditDay,
        promise: &Promise,
    ) -> Result<()> {
        let start = u64::from(day.epoch) * EPOCH_SECONDS;
        let from = self.block_at(start).await?;
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(IHub::SchedulerNotice::SIGNATURE_HASH)
            .topic1(workerpool)
            .from_block(from)
            .to_block(self.block_at(start + EPOCH_SECONDS).await?);
        let mut suspects = Vec::new();
        for log in self.logs(&filter).await? {
            let Ok(notice) = IHub::SchedulerNotice::decode_log(&log.inner) else {
                continue;
            };
            let id = DealId(notice.dealid);
            let deal = self.deal(id).await?;
            if epoch(deal.start_time) != Some(day.epoch) {
                continue;
            }
            let filter = Filter::new()
                .address(self.hub().address())
                .event_signature(IHub::RangeSettled::SIGNATURE_HASH)
                .topic1(id.0)
                .from_block(from);
            for log in self.logs(&filter).await? {
                let Some((settled, votes)) = self.drawn(&log).await? else {
                    day.ranges.unknown += 1;
                    continue;
                };
                match judge(promise, settled.range, &deal, &votes) {
                    Ok(Drawn::Unknown) => day.ranges.unknown += 1,
                    Ok(Drawn::AsPromised { audited }) => {
                        day.ranges.right += 1;
                        day.ranges.audited += usize::from(audited);
                    }
                    Err(fault @ DrawFault::Misshapen { .. }) => {
                        day.broken.push(Broken::Misshapen(fault.to_string()));
                    }
                    // One vote has one order: there is no excuse.
                    Err(fault @ DrawFault::Missing { votes: 1, .. }) => {
                        day.broken.push(Broken::Missing(fault.to_string()));
                    }
                    Err(fault) => suspects.push(fault.to_string()),
                }
            }
        }
        // Those that came late excuse a few, and not more than were audited.
        if suspects.len() > day.ranges.audited {
            day.broken.extend(suspects.into_iter().map(Broken::Missing));
        } else {
            day.ranges.doubtful = suspects;
        }
        Ok(())
    }

    /// A settlement and its votes, with the hashes of their signatures; `None` of one that cannot be judged.
    async fn drawn(&self, log: &Log) -> Result<Option<(Settled, Vec<DrawnVote>)>> {
        let Some(happening) = self.happening(log) else {
            return Ok(None);
        };
        let Event::RangeSettled(settled) = happening.event else {
            return Ok(None);
        };
        if settled.way != Way::Settle {
            return Ok(None);
        }
        let transaction = self
            .hub()
            .provider()
            .get_transaction_by_hash(happening.transaction)
            .await
            .map_err(Error::node)?;
        let call = transaction.and_then(|transaction| Call::decode(transaction.input()));
        let Some(Call::Settle { members, .. }) = call else {
            return Ok(None);
        };
        let Some(members) = listed(&members, &settled) else {
            return Ok(None);
        };
        let votes = settled.members.iter().zip(&members);
        let votes = votes.map(|(counted, member)| DrawnVote {
            counted: *counted,
            sealed: member.signature().map(|signature| signature.hash()),
        });
        let votes = votes.collect();
        Ok(Some((*settled, votes)))
    }

    pub(crate) async fn logs(&self, filter: &Filter) -> Result<Vec<Log>> {
        let logs = self.hub().provider().get_logs(filter).await;
        logs.map_err(Error::node)
    }
}

fn day(epoch: u32, promised: B256, told: &[Told]) -> AuditDay {
    let end = (u64::from(epoch) + 1) * EPOCH_SECONDS;
    AuditDay {
        epoch,
        promised,
        told: told
            .iter()
            .find(|told| told.epoch == epoch)
            .map(|told| told.promise),
        due: end + MAX_TIME_REF * FINAL_RATIO + EVIDENCE_SECONDS,
        ranges: Ranges::default(),
        broken: Vec::new(),
    }
}
