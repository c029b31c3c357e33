//! Who was paid, and who paid for lying.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use canut_client::{Fetched, Verdict};
use canut_protocol::{Nrlc, Overflow};

/// What certificates add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bill {
    /// Tasks whose certificate holds.
    pub(super) certified: usize,
    /// All tasks.
    pub(super) tasks: usize,
    /// What the requester paid.
    pub(super) total: Nrlc,
    /// What each worker earned, beside its own stake.
    pub(super) earned: BTreeMap<Address, Nrlc>,
    /// What each worker lost of its stake.
    pub(super) lost: BTreeMap<Address, Nrlc>,
    /// For how many tasks a worker voted for something else than was certified.
    pub(super) lies: BTreeMap<Address, usize>,
    /// The fewest votes that agreed on a task.
    pub(super) fewest: usize,
}

impl Bill {
    /// The bill of results, each with its certificate.
    pub(super) fn of(fetched: &[Fetched], tasks: usize) -> Result<Self, Overflow> {
        let agreed = |result: &Fetched| {
            let votes = result.certificate.votes.iter();
            votes.filter(|vote| vote.verdict == Verdict::Agreed).count()
        };
        let mut bill = Self {
            tasks,
            fewest: fetched.iter().map(agreed).min().unwrap_or_default(),
            ..Self::default()
        };
        for result in fetched {
            let certificate = &result.certificate;
            if certificate.credibility.holds && certificate.failed.is_none() {
                bill.certified += 1;
            }
            bill.total = bill.total.plus(certificate.price.total)?;
            for vote in &certificate.votes {
                add(&mut bill.earned, vote.worker, vote.reward)?;
                add(&mut bill.lost, vote.worker, vote.seized)?;
                if vote.verdict == Verdict::Dissented {
                    *bill.lies.entry(vote.worker).or_default() += 1;
                }
            }
        }
        Ok(bill)
    }

    /// Workers that lost a stake.
    pub(super) fn slashed(&self) -> impl Iterator<Item = Address> {
        self.lost.keys().copied()
    }
}

fn add(sums: &mut BTreeMap<Address, Nrlc>, worker: Address, amount: Nrlc) -> Result<(), Overflow> {
    if !amount.is_zero() {
        let sum = sums.entry(worker).or_default();
        *sum = sum.plus(amount)?;
    }
    Ok(())
}
