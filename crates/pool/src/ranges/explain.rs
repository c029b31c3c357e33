//! Why a range waits, and why a worker is not asked.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use canut_protocol::{
    DealId, Failure, Nrlc,
    benchmark::Benchmark,
    range::{MAX_MEMBERS, Range},
};
use serde::{Deserialize, Serialize};

use super::{Lag, Phase, Ranges, Stage, Voting, crew::Need, judge::Verdict, voting::Member};
use crate::Idle;

/// Most waiting ranges that are looked at for one worker.
const LOOK: usize = 64;

/// A worker as the pool sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// Who.
    pub worker: Address,
    /// What its vote multiplies credibility by.
    pub weight: u64,
    /// What it has bonded to the pool.
    pub bond: Nrlc,
    /// How much of that answers for votes that are not paid.
    pub at_risk: Nrlc,
    /// Ranges it computes at the same time; 0 when it is away.
    pub slots: usize,
    /// What it computes.
    pub computing: Vec<Range>,
    /// Ranges it was asked for or voted on, and that are not paid.
    pub unpaid: usize,
    /// Why it is not asked for more.
    pub idle: Idle,
    /// What its machine was measured to do, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Benchmark>,
}

/// Trust that workers certify when they agree; 0 if there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// With a third of them away, the heaviest: what can be sold with some certainty.
    pub safe: u64,
    /// With all of them.
    pub most: u64,
}

/// A range under way, as the pool sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RangeView {
    /// Its tasks.
    pub range: Range,
    /// When the first worker was asked, in seconds since the epoch.
    pub started: Option<u64>,
    /// What happens next, as a sentence.
    pub next: String,
    /// Everyone asked, in the order of asking.
    pub members: Vec<MemberView>,
    /// If one more worker is wanted: how many of those who are here cannot be asked, by the reason.
    pub obstacles: BTreeMap<Idle, usize>,
}

/// One worker's part in a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    /// Who.
    pub worker: Address,
    /// What it did, as the end of a sentence.
    pub did: String,
    /// Since when, in seconds since the epoch.
    pub since: u64,
    /// Why nobody counts on it any more.
    pub failure: Option<Failure>,
}

impl Ranges {
    /// Workers that are here, at `now`: `most` of those after `after`, in the order of their addresses.
    pub fn workers_after(&self, now: u64, after: Option<Address>, most: usize) -> Vec<WorkerView> {
        let wanted = self.wanted(now);
        let everybody = self.crew.everybody();
        everybody
            .filter(|worker| after.is_none_or(|after| *worker > after))
            .take(most)
            .map(|worker| self.view(now, worker, &wanted))
            .collect()
    }

    /// Slots of all workers that are here.
    pub fn slots(&self) -> usize {
        self.crew.slots()
    }

    /// What the workers that are here certify, if they agree.
    pub fn reach(&self) -> Reach {
        let bonded = self.crew.everybody();
        let bonded = bonded.filter(|worker| self.crew.bond(*worker) > Nrlc::ZERO);
        let mut weights: Vec<_> = bonded
            .map(|worker| self.crew.weight(worker).get())
            .collect();
        weights.sort_unstable();
        let trust = |workers: usize| {
            let lightest = weights.iter().take(workers.min(MAX_MEMBERS));
            lightest.fold(1_u64, |trust, weight| trust.saturating_mul(*weight))
        };
        if weights.is_empty() {
            return Reach::default();
        }
        Reach {
            safe: trust((weights.len() * 2).div_ceil(3)),
            most: trust(weights.len()),
        }
    }

    /// How many of the workers that are here are idle, by the reason.
    pub fn idle(&self, now: u64) -> BTreeMap<Idle, usize> {
        let wanted = self.wanted(now);
        let idle = self.crew.everybody();
        count(idle.map(|worker| self.why_idle(now, worker, &wanted)))
    }

    /// The worker, at `now` (seconds since the epoch).
    pub fn worker(&self, now: u64, worker: Address) -> WorkerView {
        self.view(now, worker, &self.wanted(now))
    }

    fn view(&self, now: u64, worker: Address, wanted: &[(Range, Need)]) -> WorkerView {
        let (slots, computing) = self.crew.work(worker);
        WorkerView {
            worker,
            weight: self.crew.weight(worker).get(),
            bond: self.crew.bond(worker),
            at_risk: self.crew.at_risk(worker),
            slots,
            computing,
            unpaid: self.crew.open(worker),
            idle: self.why_idle(now, worker, wanted),
            // The scheduler does not look at it.
            machine: None,
        }
    }

    /// Ranges that somebody could be asked for at `now`, and what they need.
    fn wanted(&self, now: u64) -> Vec<(Range, Need)> {
        let begun = self.hungry.iter().map(|(_, range)| *range);
        let open = self.deals.iter().filter(|(_, open)| open.is_offered(now));
        let fresh = open.filter_map(|(id, _)| self.next_range(*id));
        let wanted = begun.chain(fresh).take(LOOK);
        wanted.map(|range| (range, self.need(range))).collect()
    }

    fn why_idle(&self, now: u64, worker: Address, wanted: &[(Range, Need)]) -> Idle {
        if let Some(obstacle) = self.crew.obstacle(now, worker) {
            return obstacle;
        }
        let why_not = |(range, need): &(Range, Need)| {
            let asked = self.votings.get(range);
            let asked = asked.is_some_and(|voting| voting.member(worker).is_some());
            let unfit = self.crew.unfit(worker, *need);
            unfit.or(asked.then_some(Idle::Asked))
        };
        let mut worst = Idle::NoWork;
        for range in wanted {
            match why_not(range) {
                Some(obstacle) => worst = obstacle,
                None => return Idle::NotDrawn,
            }
        }
        worst
    }

    /// The range that holds a task of a deal that is not over, at `now`: of a range that was split, its part. Of a task in no
    /// range yet, the range of its deal that is cut next.
    pub fn explain(&self, now: u64, deal: DealId, index: u64) -> Option<RangeView> {
        let open = self.deals.get(&deal)?;
        let holds = |range: &&Range| range.deal() == deal && range.position(index).is_some();
        let begun = self
            .votings
            .keys()
            .filter(holds)
            .min_by_key(|range| range.count());
        let Some(range) = begun.copied() else {
            let inside = (open.contract.deal.bot_first..open.end()).contains(&index);
            let range = self.next_range(deal).filter(|_| inside)?;
            return Some(RangeView {
                range,
                started: None,
                next: if open.contract.forgotten {
                    "its deal is older than anything the pool has written down: the chain decides, or it is refunded".into()
                } else if open.is_offered(now) {
                    "waits for its turn: nobody was asked for it yet".into()
                } else {
                    "the time to compute is over: it will be refunded".into()
                },
                members: Vec::new(),
                obstacles: self.obstacles(now, range),
            });
        };
        let voting = self.votings.get(&range)?;
        let hungry = self.hungry.contains(&(voting.started, range));
        Some(RangeView {
            range,
            started: Some(voting.started),
            next: self.next_step(range, hungry)?,
            members: voting
                .members
                .iter()
                .map(|one| member(one, voting))
                .collect(),
            obstacles: if hungry {
                self.obstacles(now, range)
            } else {
                BTreeMap::new()
            },
        })
    }

    fn next_step(&self, range: Range, hungry: bool) -> Option<String> {
        let voting = self.votings.get(&range)?;
        let step = match &voting.phase {
            Phase::Open if hungry => "waits for one more worker",
            Phase::Open => match self.verdict(range)? {
                Verdict::More | Verdict::Audited if self.is_hopeless(range) => {
                    "nobody else is asked: workers failed for a reason that lies with requester or app"
                }
                Verdict::More | Verdict::Audited => {
                    "the time to ask for votes is over: it will be refunded"
                }
                Verdict::Wait if voting.asked().count() > 1 => {
                    "hedged: waits for the first of those who were asked to have a vote"
                }
                Verdict::Wait => "waits for those who were asked",
                Verdict::Audit(_) | Verdict::Split(_) | Verdict::Certified(_) => "is being decided",
                Verdict::Open => "certified, once somebody shows what was voted for",
                Verdict::Ask(_) => "votes differ: their workers are asked what they voted for",
            },
            Phase::Settling(_) if voting.delivery.is_none() => {
                "certified: its results are being uploaded"
            }
            Phase::Settling(_) => "certified: it is being settled on the chain",
            Phase::Split => "its workers disagree: its parts are voted on one by one",
            Phase::Posted => "votes were posted: the chain decides when its time is over",
            Phase::Settled => "settled and paid",
            Phase::Failed => "given up, and refunded",
        };
        Some(step.into())
    }

    /// Why workers that are here cannot be asked for the range.
    fn obstacles(&self, now: u64, range: Range) -> BTreeMap<Idle, usize> {
        let need = self.need(range);
        count(
            self.crew
                .everybody()
                .map(|worker| self.why_idle(now, worker, &[(range, need)])),
        )
    }
}

/// Milliseconds, as people say them.
fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
}

fn count(idle: impl Iterator<Item = Idle>) -> BTreeMap<Idle, usize> {
    let mut counts = BTreeMap::new();
    for reason in idle {
        *counts.entry(reason).or_default() += 1;
    }
    counts
}

fn member(member: &Member, voting: &Voting) -> MemberView {
    let (mut did, failure) = match &member.stage {
        Stage::Offered => ("computes it".to_owned(), None),
        Stage::Away => ("computed it, and its session broke off".into(), None),
        Stage::Out(failure) => ("is out".into(), Some(*failure)),
        Stage::Outrun => (
            "is out, and did nothing wrong: another one was first".into(),
            None,
        ),
        Stage::Countersigned(_) => ("has a vote, and is to show it".into(), None),
        Stage::Committed(_) => ("voted".into(), None),
        Stage::Absent => ("had a vote, and never showed it".into(), None),
    };
    let mut others = voting.members.iter().filter_map(|other| other.hedge);
    if let Some(hedge) = others.find(|hedge| hedge.beside == member.worker) {
        did += &match hedge.lag {
            None => "; it was away, so another one was asked as well".into(),
            Some(Lag { took, usual }) => format!(
                "; it was slower than nine of ten ({}, usually {}), so another one was asked as well",
                seconds(took),
                seconds(usual)
            ),
        };
    }
    if let Some(hedge) = member.hedge {
        did += &format!("; it was asked beside {}", hedge.beside);
    }
    MemberView {
        worker: member.worker,
        did,
        since: member.since,
        failure,
    }
}
