//! Certificates: why a result can be believed, recomputed from what is on the chain.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use canut_hub::{Event, events::Happening};
use canut_protocol::{
    Deal, DealId, Nrlc, Resource, Score, Tag, Tally, Task, TaskId, Trust, Weight,
    result::result_hash, task::Status,
};
use serde::{Deserialize, Serialize};

use crate::{Client, Error, Evidence, Failed, File, Result, TaskName, status::Located};

/// Why a result can be believed: who computed it, how much their agreement weighs, and where each step is on the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The chain.
    pub chain_id: u64,
    /// The hub.
    pub hub: Address,
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index.
    pub index: u64,
    /// The app.
    pub app: Address,
    /// The dataset, if there was one.
    pub dataset: Option<Address>,
    /// The workerpool.
    pub workerpool: Address,
    /// Who asked.
    pub requester: Address,
    /// What the machines had to offer.
    pub tag: Tag,
    /// Whether the result is for a contract, to which it was delivered on the chain.
    #[serde(default)]
    pub callback: bool,
    /// The certified range, if the task was settled by certificate; `None` for the open way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<CertifiedRange>,
    /// The certified digest of the result. One that was settled by certificate is not on the chain: it is known once the
    /// result was fetched from the place that the votes name.
    pub digest: Option<B256>,
    /// Who voted.
    pub votes: Vec<Vote>,
    /// How much the agreement weighs.
    pub credibility: Credibility,
    /// What was paid for the task.
    pub price: Price,
    /// Who received what, for the task.
    pub payments: Vec<Payment>,
    /// The steps on the chain.
    pub transactions: Vec<Transaction>,
    /// Where the result is, as the scheduler published it.
    pub location: Option<String>,
    /// The certified files and the others, once the result was fetched and verified.
    pub files: Vec<File>,
    /// Why the run failed, if that is what was certified.
    pub failed: Option<Failed>,
}

/// Whether a worker agreed with what was certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It voted for the certified result and showed it.
    Agreed,
    /// It voted for the certified result and never showed it.
    Silent,
    /// It voted for another result.
    Dissented,
    /// It did not show the vote that the pool had countersigned.
    Absent,
}

/// A range of tasks that was certified at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedRange {
    /// Index of its first task.
    pub first: u64,
    /// Its tasks.
    pub count: u16,
    /// Root of the tree of their results.
    pub root: B256,
    /// SHA-256 of the folder that lists their archives.
    pub link: B256,
    /// Whether the votes were posted and opened by others, since the pool had stalled.
    pub fallback: bool,
}

/// A worker's vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The worker.
    pub worker: Address,
    /// The hash of the result it voted for; of one that is still hidden, zero.
    pub result_hash: B256,
    /// Whether that is the certified one.
    pub verdict: Verdict,
    /// Its weight; the least it can have been, when the node no longer knows its score of then.
    pub weight: u64,
    /// Whether the weight is known exactly.
    pub exact: bool,
    /// The transaction.
    pub transaction: B256,
    /// What it was paid, its own stake not counted.
    pub reward: Nrlc,
    /// What it lost of its stake.
    pub seized: Nrlc,
}

/// How much an agreement weighs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credibility {
    /// The trust that was asked for.
    pub trust: Trust,
    /// The share that is needed for it: 1 − 1/trust.
    pub required: f64,
    /// The share of those who agreed; a lower bound if not exact.
    pub reached: f64,
    /// Whether all weights are known exactly.
    pub exact: bool,
    /// Whether the protocol's rule, recomputed here, certifies the result. `false` beside inexact weights proves nothing.
    pub holds: bool,
}

/// Prices of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of the app.
    pub app: Nrlc,
    /// Of the dataset.
    pub dataset: Nrlc,
    /// Of the workerpool.
    pub workerpool: Nrlc,
    /// All three.
    pub total: Nrlc,
}

/// Money that somebody received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Who.
    pub account: Address,
    /// How much.
    pub amount: Nrlc,
}

/// A step on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// What it did: `initialize`, `contribute`, `certify`, `reveal`, `reopen`, `finalize` or `claim`; `settle` or `resolve` of
    /// a range.
    pub step: String,
    /// Who acted, where the event says.
    pub account: Option<Address>,
    /// Its hash.
    pub hash: B256,
    /// Its block.
    pub block: u64,
}

impl Client {
    /// The certificate of a completed task. It says nothing of the result's files yet: see [`Client::fetch`].
    ///
    /// # Errors
    ///
    /// [`Error::NoResult`] when the task is not completed; [`Error::Tampered`] when the chain contradicts itself, so a node
    /// that lies.
    pub async fn certificate(&self, name: impl Into<TaskName>) -> Result<Certificate> {
        let located = self.locate(name.into()).await?;
        self.certificate_of(&located).await
    }

    pub(crate) async fn certificate_of(&self, located: &Located) -> Result<Certificate> {
        let Located { id, task, .. } = located;
        let id = *id;
        if task.status != Status::Completed {
            return Err(Error::NoResult {
                task: id,
                status: task.status,
            });
        }
        if let Some(settlement) = self.settlement(located.deal, located.index).await? {
            return self.settled_certificate(located, &settlement).await;
        }
        let found = result_hash(id, task.result_digest);
        if task.consensus != found || task.id() != id {
            return Err(Error::Tampered {
                task: id,
                certified: task.consensus,
                found,
            });
        }
        let deal = self.deal(task.deal).await?;
        let evidence = self.evidence(id, deal.start_time).await?;
        let votes: Vec<_> = evidence
            .votes()
            .map(|(worker, _, happening)| (worker, happening))
            .collect();
        let scores = self.scores_at(&votes).await;
        let weights = weigh(task, &scores);
        let domain = self.hub().domain();
        Ok(Certificate {
            chain_id: domain.chain_id,
            hub: domain.hub,
            task: id,
            deal: task.deal,
            index: task.index,
            app: deal.app.pointer,
            dataset: Some(deal.dataset.pointer).filter(|dataset| !dataset.is_zero()),
            workerpool: deal.workerpool.pointer,
            requester: deal.requester,
            tag: deal.tag,
            callback: deal.callback != Address::ZERO,
            range: None,
            digest: Some(task.result_digest),
            votes: votes_of(task, &evidence, &weights),
            credibility: credibility(&evidence, &weights, task.consensus, deal.trust),
            price: price(&deal)?,
            payments: payments(&evidence),
            transactions: evidence.events.iter().filter_map(transaction).collect(),
            location: crate::results::location(&task.results),
            files: Vec::new(),
            failed: None,
        })
    }
}

/// Least and greatest weight that each voter can have had.
type Weights = BTreeMap<Address, (Weight, Weight)>;

/// From the scores, where they agree with the logarithm that the chain keeps; else from the logarithm alone.
fn weigh(task: &Task, scores: &BTreeMap<Address, Score>) -> Weights {
    let bounds = |log: u32| {
        let least = 1_u64.checked_shl(log).unwrap_or(1 << 63);
        let most = least.saturating_mul(2).saturating_sub(1);
        Some((Weight::new(least)?, Weight::new(most)?))
    };
    let voters = task.contributions.iter().filter_map(|(worker, vote)| {
        let known = scores.get(worker).map(|score| score.weight());
        let known = known.filter(|weight| weight.log2() == vote.log_weight);
        let weights = known
            .map(|weight| (weight, weight))
            .or_else(|| bounds(vote.log_weight))?;
        Some((*worker, weights))
    });
    voters.collect()
}

/// Counts the votes again, those for the certified result at their least weight and the others at their greatest.
fn credibility(
    evidence: &Evidence,
    weights: &Weights,
    consensus: B256,
    trust: Trust,
) -> Credibility {
    let mut tally = Tally::new();
    let mut certified = B256::ZERO;
    let mut counted = true;
    for happening in &evidence.events {
        match happening.event {
            Event::Contributed {
                worker,
                result_hash,
                ..
            } => {
                let weight = weights.get(&worker).map(|(least, most)| {
                    if result_hash == consensus {
                        least
                    } else {
                        most
                    }
                });
                counted &= weight.is_some_and(|weight| tally.vote(result_hash, *weight).is_ok());
            }
            Event::Certified { result_hash, .. } => certified = result_hash,
            Event::Reopened { .. } => tally.reject(certified),
            _ => {}
        }
    }
    // Trust 1 is certified by the first vote, whatever it weighs.
    let rule = tally.certified(consensus, trust).unwrap_or_default();
    let level = f64::from(trust.in_deal().0);
    Credibility {
        trust,
        required: 1.0 - 1.0 / level,
        reached: tally.share(consensus),
        exact: weights.values().all(|(least, most)| least == most),
        holds: counted && rule && certified == consensus,
    }
}

fn votes_of(task: &Task, evidence: &Evidence, weights: &Weights) -> Vec<Vote> {
    let shown = |whose| {
        evidence.events.iter().any(|happening| matches!(happening.event, Event::Revealed { worker, .. } if worker == whose))
    };
    let alone = task.winner_counter == 1 && task.contributions.len() == 1;
    let votes = evidence.votes().map(|(worker, hash, happening)| {
        let (least, most) = weights
            .get(&worker)
            .copied()
            .unwrap_or((Weight::FRESH, Weight::FRESH));
        let verdict = match hash == task.consensus {
            false => Verdict::Dissented,
            true if alone || shown(worker) => Verdict::Agreed,
            true => Verdict::Silent,
        };
        let paid = |event: &Event| match event {
            Event::Rewarded {
                account, amount, ..
            } => Some((*account, amount.0)),
            _ => None,
        };
        let lost = |event: &Event| match event {
            Event::Seized {
                account, amount, ..
            } => Some((*account, amount.0)),
            _ => None,
        };
        Vote {
            worker,
            result_hash: hash,
            verdict,
            weight: least.get(),
            exact: least == most,
            transaction: happening.transaction,
            reward: Nrlc(evidence.sum(worker, paid)),
            seized: Nrlc(evidence.sum(worker, lost)),
        }
    });
    votes.collect()
}

pub(crate) fn price(deal: &Deal) -> Result<Price> {
    let of = |resource: &Resource| resource.price;
    let (app, dataset, workerpool) = (of(&deal.app), of(&deal.dataset), of(&deal.workerpool));
    Ok(Price {
        app,
        dataset,
        workerpool,
        total: deal.price()?,
    })
}

fn payments(evidence: &Evidence) -> Vec<Payment> {
    let rewards = evidence
        .events
        .iter()
        .filter_map(|happening| match happening.event {
            Event::Rewarded {
                account, amount, ..
            } => Some(Payment { account, amount }),
            _ => None,
        });
    rewards.collect()
}

fn transaction(happening: &Happening) -> Option<Transaction> {
    let (step, account) = match happening.event {
        Event::Initialized { .. } => ("initialize", None),
        Event::Contributed { worker, .. } => ("contribute", Some(worker)),
        Event::Certified { .. } => ("certify", None),
        Event::Revealed { worker, .. } => ("reveal", Some(worker)),
        Event::Reopened { .. } => ("reopen", None),
        Event::Finalized { .. } => ("finalize", None),
        Event::Claimed { .. } => ("claim", None),
        _ => return None,
    };
    Some(Transaction {
        step: step.to_owned(),
        account,
        hash: happening.transaction,
        block: happening.block,
    })
}

#[cfg(test)]
mod tests {
    use canut_protocol::task::{Contribution, ContributionStatus};

    use super::*;

    const RIGHT: B256 = B256::repeat_byte(1);
    const WRONG: B256 = B256::repeat_byte(2);

    fn worker(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    /// Votes in order, and the task they make.
    fn story(votes: &[(u8, B256, u32)]) -> (Task, Evidence) {
        let task = TaskId::default();
        let contribution = |hash, log_weight| Contribution {
            status: ContributionStatus::Contributed,
            result_hash: hash,
            log_weight,
            ..Contribution::default()
        };
        let happening = |event| Happening {
            event,
            block: 1,
            time: None,
            transaction: B256::ZERO,
            log_index: 0,
        };
        let contributions = votes
            .iter()
            .map(|(who, hash, log)| (worker(*who), contribution(*hash, *log)));
        let told = votes.iter().map(|(who, hash, _)| Event::Contributed {
            task,
            worker: worker(*who),
            result_hash: *hash,
        });
        let mut events: Vec<_> = told.map(happening).collect();
        events.push(happening(Event::Certified {
            task,
            result_hash: RIGHT,
        }));
        (
            Task {
                contributions: contributions.collect(),
                consensus: RIGHT,
                ..Task::default()
            },
            Evidence { events },
        )
    }

    fn count(votes: &[(u8, B256, u32)], scores: &[(u8, u64)], trust: u64) -> Credibility {
        let (task, evidence) = story(votes);
        let scores = scores
            .iter()
            .map(|(who, score)| (worker(*who), Score(*score)))
            .collect();
        credibility(&evidence, &weigh(&task, &scores), RIGHT, Trust::new(trust))
    }

    #[test]
    fn four_fresh_workers_reach_trust_ten_and_five_beside_a_lie() {
        let fresh = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (9, 0)];
        let four = [(1, RIGHT, 1), (2, RIGHT, 1), (3, RIGHT, 1), (4, RIGHT, 1)];
        let found = count(&four, &fresh, 10);
        assert!(found.holds && found.exact && (found.reached - 16.0 / 17.0).abs() < 1e-9);
        assert!(!count(&four[..3], &fresh, 10).holds);
        let mut beside = vec![(9, WRONG, 1)];
        beside.extend(four);
        assert!(!count(&beside, &fresh, 10).holds);
        beside.push((5, RIGHT, 1));
        assert!(count(&beside, &fresh, 10).holds);
    }

    #[test]
    fn without_scores_the_chains_logarithms_bound_the_credibility_from_below() {
        let votes = [(1, RIGHT, 3), (2, RIGHT, 3), (9, WRONG, 1)];
        // Weights of 12 and 8, both of logarithm 3.
        let exact = count(&votes, &[(1, 39), (2, 27), (9, 0)], 10);
        let least = count(&votes, &[], 10);
        assert!(exact.exact && !least.exact && least.reached < exact.reached && least.holds);
        // A score that contradicts the chain is not used.
        assert!(!count(&votes, &[(1, 3_000), (2, 27), (9, 0)], 10).exact);
    }
}
