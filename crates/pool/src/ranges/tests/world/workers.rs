//! What workers do with the pool's orders, each in its way.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, FixedBytes, keccak256};
use canut_protocol::{
    Failure, Nrlc,
    range::{Codec, Commitment, Content, Leaf, Range, Terms, Value, Vote},
    signature::CompactSignature,
};

use super::{
    super::super::{RangeEvent, Said, session::value_of},
    REF, World, link,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Behaviour {
    Honest,
    /// Finds only a part of what it is offered, in time.
    Slow,
    /// Finds something else than anyone, for every task.
    Wrong,
    /// Finds something else than anyone for one task in eight.
    Sloppy,
    /// Votes with somebody else's seal.
    Copies,
    /// Says that it has a vote, and never shows it.
    Absent,
    /// Votes, and never says what for.
    Withholds,
    /// Votes and says what for, and keeps the archives, though it says that they are in the store.
    Keeps,
    /// Takes ranges and does nothing.
    Idle,
    /// Cannot do what the requester wants.
    Unable,
}

#[derive(Debug)]
pub(in super::super) struct Sim {
    pub(in super::super) address: Address,
    pub(in super::super) behaviour: Behaviour,
    pub(in super::super) here: bool,
    pub(super) votes: BTreeMap<Range, (Vote, Value, Vec<Leaf>)>,
    pub(super) countersigned: BTreeSet<Range>,
}

fn leaf(index: u64, by: Address) -> Leaf {
    let found = keccak256([index.to_be_bytes().as_slice(), by.as_slice()].concat());
    Leaf {
        digest: found,
        content: Content {
            codec: Codec::Raw,
            sha256: found,
        },
    }
}

/// A signature that nobody checks here: another one for every worker and vote.
fn sign(worker: Address, commitment: &Commitment) -> CompactSignature {
    let seed = keccak256(
        [
            worker.as_slice(),
            commitment.range.id().0.as_slice(),
            commitment.seal.as_slice(),
        ]
        .concat(),
    );
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(seed.as_slice());
    bytes[33..].copy_from_slice(&seed[1..]);
    CompactSignature::try_from(FixedBytes(bytes)).unwrap()
}

impl World {
    pub(super) fn say(&mut self, worker: Address, said: Said) {
        self.tell([RangeEvent::Session(worker, said)]);
    }

    pub(super) fn on_offer(&mut self, range: Range, worker: Address, budget: Option<u64>) {
        let deal = self.deal.clone();
        let Some(sim) = self.sim(worker) else { return };
        assert!(range.is_within(&deal));
        match sim.behaviour {
            Behaviour::Idle => return,
            Behaviour::Unable => {
                return self.say(worker, Said::Failed(range, Failure::InputRefused));
            }
            _ => {}
        }
        let shorter = budget.is_some() && sim.behaviour == Behaviour::Slow;
        let count = if shorter {
            range.count().div_ceil(2)
        } else {
            range.count()
        };
        let range = Range::new(range.deal(), range.first(), count.into()).unwrap();
        let liar = sim.behaviour;
        let leaves = range.indices().map(|index| match liar {
            Behaviour::Wrong => leaf(index, worker),
            Behaviour::Sloppy if index % 8 == 1 => leaf(index, worker),
            _ => leaf(index, Address::ZERO),
        });
        let leaves: Vec<_> = leaves.collect();
        self.ready(range, worker, leaves);
    }

    /// Who is frozen hears nothing; the others let go.
    pub(super) fn on_drop(&mut self, range: Range, worker: Address) {
        if self
            .sim(worker)
            .is_some_and(|sim| sim.behaviour != Behaviour::Idle)
        {
            self.say(worker, Said::Failed(range, Failure::Aborted));
        }
    }

    pub(super) fn ready(&mut self, range: Range, worker: Address, leaves: Vec<Leaf>) {
        let value = value_of(range, &leaves, link).unwrap();
        let victim = self.sims[0].address;
        let Some(sim) = self.sim(worker) else { return };
        let owner = if sim.behaviour == Behaviour::Copies {
            victim
        } else {
            worker
        };
        let commitment = Commitment {
            range,
            enclave: Address::ZERO,
            seal: value.seal(owner, range.id()),
        };
        let vote = Vote {
            worker,
            commitment,
            signature: sign(worker, &commitment),
        };
        // A vote is signed once.
        let (vote, ..) = sim.votes.entry(range).or_insert((vote, value, leaves));
        let sealed = vote.sealed();
        self.say(worker, Said::Ready { range, sealed });
    }

    pub(super) fn countersign(&mut self, range: Range, worker: Address, sealed: B256) {
        let known = self.assignments.insert((range, worker), sealed);
        assert!(
            known.is_none_or(|known| known == sealed),
            "two assignments for one vote"
        );
        // Once countersigned it is accounted for, whoever was asked beside it.
        assert!(self.ranges.voting(&range).is_none_or(|voting| {
            let member = voting.member(worker);
            voting.sealed.len() <= voting.listed().count()
                && member.is_some_and(|member| member.stage.is_listed())
        }));
        self.check_risk(worker);
        let Some(sim) = self.sim(worker) else { return };
        sim.countersigned.insert(range);
        if sim.behaviour == Behaviour::Absent {
            return;
        }
        let vote = sim.votes[&range].0;
        self.say(worker, Said::Committed(vote));
    }

    /// What the worker can lose in all its open votes is within its bond (§5.2).
    pub(super) fn check_risk(&self, worker: Address) {
        let terms = Terms::of(&self.deal, REF).unwrap();
        let over = |range: &Range| {
            self.settled
                .keys()
                .chain(&self.failed)
                .any(|settled| settled.overlaps(range))
        };
        let open = self
            .assignments
            .keys()
            .filter(|(range, who)| *who == worker && !over(range));
        let risk = Nrlc::sum(open.map(|(range, _)| terms.risk(range.count()).unwrap())).unwrap();
        assert!(risk <= Nrlc::from(self.bond), "{worker} risks {risk}");
    }

    pub(super) fn have_opened(&mut self, range: Range, worker: Address) {
        let Some(sim) = self.sim(worker) else { return };
        if matches!(sim.behaviour, Behaviour::Withholds | Behaviour::Copies) {
            return;
        }
        let (_, value, leaves) = sim.votes[&range].clone();
        if sim.behaviour != Behaviour::Keeps {
            self.stored.insert((range, value));
        }
        self.say(
            worker,
            Said::Opened {
                range,
                value,
                leaves,
                delivery: None,
            },
        );
    }

    pub(super) fn on_plan(&mut self, range: Range, worker: Address, parts: &[Range]) {
        let Some(sim) = self.sim(worker) else { return };
        let Some((_, _, leaves)) = sim.votes.get(&range).cloned() else {
            return;
        };
        for part in parts {
            let from = usize::from(range.position(part.first()).unwrap());
            let leaves = leaves[from..from + usize::from(part.count())].to_vec();
            self.ready(*part, worker, leaves);
        }
    }
}
