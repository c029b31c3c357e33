//! What a worker asks before it takes a range, and before it shows what it voted for, whatever its pool says.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use canut_pool::{ranges::has_fixed_inputs, session::Listed};
use canut_protocol::{
    Deal, Domain, Failure, Nrlc,
    range::{Assignment, Range, Sides, Standing, Terms},
};
use canut_vault::format::result::is_wanted;

use super::record::{Place, RangeRecord};
use crate::screen;

#[cfg(test)]
mod tests;

/// What an offer is judged by. Deal and bond come from the chain.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What is offered.
    pub range: Range,
    /// Its deal.
    pub deal: &'a Deal,
    /// Reference time of the deal's category, in seconds.
    pub time_ref: u64,
    /// The worker's bond in the pool.
    pub bond: Nrlc,
    /// What of it answers for other votes.
    pub at_risk: Nrlc,
    /// Now, in seconds since the epoch.
    pub now: u64,
}

/// Whether a worker of the pool at `workerpool` takes the range; if not, why (§3.2, before step 2).
pub fn screen(
    offer: Offer<'_>,
    workerpool: Address,
    terms: &screen::Terms,
) -> Result<Place, Failure> {
    let Offer {
        range,
        deal,
        time_ref,
        bond,
        at_risk,
        now,
    } = offer;
    if deal.workerpool.pointer != workerpool || !range.is_within(deal) {
        return Err(Failure::DealForeign);
    }
    if deal.tag.is_tee() {
        return Err(Failure::RuntimeMissing);
    }
    let limits = Terms::of(deal, time_ref).map_err(|_| Failure::StakeRefused)?;
    let risk = limits
        .risk(range.count())
        .map_err(|_| Failure::StakeRefused)?;
    let place = Place {
        scheduler: deal.scheduler(),
        trust: limits.trust(),
        start: deal.start_time,
        time_ref,
        callback: deal.callback != Address::ZERO,
        encrypted: is_wanted(&deal.params),
        stake: deal.worker_stake,
    };
    if now.saturating_add(terms.spare) >= place.clock().countersign {
        return Err(Failure::TooLate);
    }
    terms.admit(deal)?;
    if at_risk.plus(risk).map_or(true, |sum| sum > bond) {
        return Err(Failure::StakeTooLow);
    }
    // Whoever serves an input could serve every worker another one, and have those that differ slashed.
    if !has_fixed_inputs(deal) {
        return Err(Failure::InputRefused);
    }
    Ok(place)
}

/// Why a worker does not show what it voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterFault {
    /// Somebody is listed twice.
    #[error("{0} is listed twice, or with another's vote")]
    Twice(Address),
    /// The worker itself is missing.
    #[error("the worker itself is not listed")]
    Unlisted,
    /// A vote is not signed, or is on something else.
    #[error("the vote of {0} is not signed by it, or is not on this range")]
    Vote(Address),
    /// The scheduler did not promise to account for a vote.
    #[error("the scheduler did not countersign the vote of {0}")]
    Assignment(Address),
    /// Nothing backs a vote.
    #[error("the bond of {0} does not answer for its vote")]
    Bond(Address),
    /// The votes would not be enough.
    #[error("the votes would not certify anything even if all were alike")]
    TooFew,
}

/// Whether it is time to show what was voted for: the list is complete, binds the pool, and would certify the result if all
/// agree (§3.2, step 8). `bonds` is what the chain says of those listed.
pub fn check_roster(
    record: &RangeRecord,
    domain: &Domain,
    members: &[Listed],
    bonds: &BTreeMap<Address, (Nrlc, Standing)>,
) -> Result<(), RosterFault> {
    let (mut workers, mut seals) = (BTreeSet::new(), BTreeSet::new());
    let mut sides = Sides::new();
    let mut listed = false;
    for member in members {
        let worker = member.worker;
        if !workers.insert(worker) {
            return Err(RosterFault::Twice(worker));
        }
        let (bond, standing) = bonds.get(&worker).copied().unwrap_or_default();
        let Some(vote) = &member.vote else {
            sides = sides.with_absent(standing.weight());
            continue;
        };
        if vote.worker != worker || vote.commitment.range != record.range || !vote.is_signed(domain)
        {
            return Err(RosterFault::Vote(worker));
        }
        let assignment = Assignment {
            range: record.range,
            worker,
            sealed: vote.sealed(),
        };
        let countersigned = member.assignment.is_some_and(|sign| {
            sign.recover(assignment.digest(domain)) == Some(record.place.scheduler)
        });
        if !countersigned {
            return Err(RosterFault::Assignment(worker));
        }
        if !seals.insert(vote.commitment.seal) {
            return Err(RosterFault::Twice(worker));
        }
        if bond < record.place.risk(record.range) {
            return Err(RosterFault::Bond(worker));
        }
        listed |= *vote == record.vote;
        sides = sides.with_winner(standing.weight());
    }
    if !listed {
        return Err(RosterFault::Unlisted);
    }
    if sides.certify(record.place.trust) {
        Ok(())
    } else {
        Err(RosterFault::TooFew)
    }
}
