//! What a vote on a range needs next: a pure function of who voted and what was shown.

use alloy_primitives::Address;
use canut_protocol::{
    Trust, Weight,
    range::{
        MAX_MEMBERS, Sides,
        split::{Split, split},
    },
};

use super::voting::{Member, Stage, Voting};

/// What is to be done about a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask one more worker.
    More,
    /// Ask one more worker, only because an audit was drawn.
    Audited,
    /// Wait for those who were asked.
    Wait,
    /// So many votes would certify a value: draw whether one more is wanted.
    Audit(usize),
    /// Everybody voted, and nobody has shown anything yet.
    Open,
    /// These voted for something that nobody has shown.
    Ask(Vec<Address>),
    /// This of the opened values is certified.
    Certified(usize),
    /// The workers disagree on a few tasks: vote anew, part by part.
    Split(Split),
}

/// What the range needs, at `trust`. Workers weigh `weight`; those in `silent` were asked what they voted for, and did not say.
pub(super) fn judge(
    voting: &Voting,
    weight: impl Fn(Address) -> Weight,
    trust: Trust,
    is_silent: impl Fn(Address) -> bool,
    may_split: impl Fn(&Split) -> bool,
) -> Verdict {
    let is_waiting = voting.members.iter().any(|member| member.stage.is_asked());
    let is_listed_pending = voting.listed().any(is_pending);
    if voting.listed().count() >= MAX_MEMBERS && !is_listed_pending && !is_unanimous(voting) {
        // More cannot be listed; the chain decides after the deadline.
        return Verdict::Wait;
    }
    if is_unanimous(voting) {
        return unanimous(voting, weight, trust, is_waiting, is_listed_pending);
    }
    let hidden: Vec<_> = voting
        .votes()
        .filter(|vote| voting.group_of(vote).is_none() && !is_silent(vote.worker))
        .map(|vote| vote.worker)
        .collect();
    if !hidden.is_empty() {
        return Verdict::Ask(hidden);
    }
    if is_listed_pending {
        return Verdict::Wait;
    }
    let leaves: Vec<_> = voting
        .opened
        .iter()
        .map(|opened| opened.leaves.as_slice())
        .collect();
    if let Some(parts) = split(voting.range, &leaves)
        && voting.opened.len() > 1
        && parts.disputed.len() * 2 < usize::from(voting.range.count())
        && may_split(&parts)
    {
        return Verdict::Split(parts);
    }
    let certified =
        (0..voting.opened.len()).find(|group| sides(voting, *group, &weight).certify(trust));
    match certified {
        Some(group) => Verdict::Certified(group),
        None if is_waiting => Verdict::Wait,
        None => Verdict::More,
    }
}

/// Nobody's vote is known to differ.
fn unanimous(
    voting: &Voting,
    weight: impl Fn(Address) -> Weight,
    trust: Trust,
    is_waiting: bool,
    is_listed_pending: bool,
) -> Verdict {
    let mut expected = Sides::new();
    for member in voting.listed() {
        let weight = weight(member.worker);
        expected = match member.stage {
            Stage::Absent | Stage::Out(_) | Stage::Outrun => expected.with_absent(weight),
            _ => expected.with_winner(weight),
        };
    }
    if voting.asked().next().is_some() {
        return Verdict::Wait;
    }
    if !expected.certify(trust) {
        return Verdict::More;
    }
    match voting.audit {
        None => return Verdict::Audit(expected.winners()),
        Some(wanted) if expected.winners() < wanted => return Verdict::Audited,
        Some(_) => {}
    }
    if is_waiting || is_listed_pending {
        Verdict::Wait
    } else if voting.opened.is_empty() {
        Verdict::Open
    } else {
        voting
            .votes()
            .find_map(|vote| voting.group_of(vote))
            .map_or(Verdict::More, Verdict::Certified)
    }
}

/// Whether all votes are for one value, as far as can be told.
fn is_unanimous(voting: &Voting) -> bool {
    if voting.opened.is_empty() {
        return true;
    }
    let mut groups = voting.votes().map(|vote| voting.group_of(vote));
    let Some(first) = groups.next() else {
        return true;
    };
    first.is_some() && groups.all(|group| group == first)
}

/// Who is for the opened value number `group`, and who is not.
pub(super) fn sides(voting: &Voting, group: usize, weight: impl Fn(Address) -> Weight) -> Sides {
    voting.listed().fold(Sides::new(), |sides, member| {
        let weight = weight(member.worker);
        match member.stage.vote() {
            Some(vote) if voting.group_of(vote) == Some(group) => sides.with_winner(weight),
            Some(_) => sides.with_loser(weight),
            None => sides.with_absent(weight),
        }
    })
}

/// Whether a worker that must be accounted for may still vote.
fn is_pending(member: &Member) -> bool {
    matches!(member.stage, Stage::Countersigned(_)) || (member.bound && member.stage.is_asked())
}
