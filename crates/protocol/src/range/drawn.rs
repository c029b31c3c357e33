//! Whether a range was drawn and audited as its pool had promised (§7).

use alloy_primitives::{Address, B256};

use super::{
    Counted, Kind, Range, Sides,
    audit::{Chain, Promise},
};
use crate::{Deal, Weight};

/// A vote that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnVote {
    /// Who, what for, and how heavy.
    pub counted: Counted,
    /// The hash of its signature, on which the next draw depends. Nobody but the pool knows that of an absent one.
    pub sealed: Option<B256>,
}

/// What a settled range shows of its draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// As many voted as the promise asks for.
    AsPromised {
        /// Whether one more than trust asked for.
        audited: bool,
    },
    /// It cannot be told: there was a dispute, somebody was absent, or it is a part of a range that was split.
    Unknown,
}

/// A promise that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawFault {
    /// The range is none of those that the promised stride makes.
    #[error("{range} is no range of the promised {stride} tasks, nor a part of one")]
    Misshapen {
        /// The range.
        range: Range,
        /// The stride.
        stride: u16,
    },
    /// It was drawn for an audit, and nobody more was asked.
    #[error("{range} was drawn for an audit after {votes} votes, and nobody more voted")]
    Missing {
        /// The range.
        range: Range,
        /// Votes that were enough for trust. Of one vote there is one order. Of more, a worker that came late can make
        /// it look as if they had been drawn in another.
        votes: usize,
    },
}

/// Compares a settled range of `deal` with the promise for the day of the deal.
pub fn judge(
    promise: &Promise,
    range: Range,
    deal: &Deal,
    votes: &[DrawnVote],
) -> Result<Drawn, DrawFault> {
    let stride = promise.stride;
    let origin = promise
        .origin(&range, deal)
        .ok_or(DrawFault::Misshapen { range, stride })?;
    if origin != range {
        return Ok(Drawn::Unknown);
    }
    let agreed = |vote: &DrawnVote| {
        let kind = vote.counted.kind;
        let sealed = vote.sealed?;
        matches!(kind, Kind::Winner | Kind::EnclaveWinner).then_some((vote.counted.worker, sealed))
    };
    let Some(members) = votes.iter().map(agreed).collect::<Option<Vec<_>>>() else {
        return Ok(Drawn::Unknown);
    };
    let draw = promise.draw(range.id());
    let Some((needed, chain)) = first_enough(&draw.order(members), votes, deal) else {
        return Ok(Drawn::Unknown);
    };
    let audited = draw.is_audited(chain, needed, promise.rates);
    if audited && votes.len() == needed {
        return Err(DrawFault::Missing {
            range,
            votes: needed,
        });
    }
    Ok(Drawn::AsPromised { audited })
}

/// How many votes were enough for trust, in the order in which they were drawn.
fn first_enough(
    order: &[(Address, Chain)],
    votes: &[DrawnVote],
    deal: &Deal,
) -> Option<(usize, Chain)> {
    let mut sides = Sides::new();
    for (needed, (worker, chain)) in (1..).zip(order) {
        let vote = votes.iter().find(|vote| vote.counted.worker == *worker)?;
        sides = sides.with_winner(Weight::new(vote.counted.weight.into())?);
        if sides.certify(deal.trust) {
            return Some((needed, *chain));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use proptest::prelude::*;

    use super::*;
    use crate::{DealId, Trust, range::audit::Rates};

    fn promise(secret: u64) -> Promise {
        Promise {
            secret: keccak256(secret.to_be_bytes()),
            rates: Rates::default(),
            stride: 10,
        }
    }

    fn deal(trust: u64) -> Deal {
        Deal {
            trust: Trust::new(trust),
            bot_size: 40,
            ..Deal::default()
        }
    }

    fn range(first: u64, count: u64) -> Range {
        Range::new(DealId(keccak256("deal")), first, count).unwrap()
    }

    /// What a pool with these workers does that keeps its promise.
    fn honest(promise: &Promise, range: Range, weight: u8, trust: u64) -> Vec<DrawnVote> {
        let draw = promise.draw(range.id());
        let mut left: Vec<_> = (1..20).map(Address::repeat_byte).collect();
        let (mut chain, mut sides, mut wanted) = (Chain::START, Sides::new(), usize::MAX);
        let mut votes = Vec::new();
        while votes.len() < wanted {
            let worker = draw.next(chain, left.iter().copied()).unwrap();
            left.retain(|other| *other != worker);
            let sealed = keccak256(worker);
            chain = chain.then(sealed);
            sides = sides.with_winner(Weight::new(weight.into()).unwrap());
            votes.push(DrawnVote {
                counted: Counted {
                    kind: Kind::Winner,
                    worker,
                    weight,
                },
                sealed: Some(sealed),
            });
            if wanted == usize::MAX && sides.certify(Trust::new(trust)) {
                let audited = draw.is_audited(chain, votes.len(), promise.rates);
                wanted = votes.len() + usize::from(audited);
            }
        }
        votes.sort_by_key(|vote| vote.counted.worker);
        votes
    }

    proptest! {
        #[test]
        fn an_honest_pool_is_never_blamed_and_one_that_saves_an_audit_always_is(
            secret: u64, mature: bool, trust in prop::sample::select(vec![2u64, 10, 100]), part in 0..4u64,
        ) {
            let (promise, deal, range) = (promise(secret), deal(trust), range(part * 10, 10));
            let weight = if mature { 10 } else { 2 };
            let mut votes = honest(&promise, range, weight, trust);
            let found = judge(&promise, range, &deal, &votes).unwrap();
            let Drawn::AsPromised { audited } = found else { panic!("{found:?}") };
            if audited {
                // The last drawn is the one that a cheating pool would not have asked.
                let listed = votes.iter().map(|vote| (vote.counted.worker, vote.sealed.unwrap())).collect();
                let last = promise.draw(range.id()).order(listed).last().unwrap().0;
                votes.retain(|vote| vote.counted.worker != last);
                let needed = votes.len();
                prop_assert_eq!(judge(&promise, range, &deal, &votes), Err(DrawFault::Missing { range, votes: needed }));
            }
        }
    }

    #[test]
    fn ranges_beside_the_stride_are_named_and_parts_of_one_are_not_judged() {
        let (promise, deal) = (promise(1), deal(10));
        let votes = honest(&promise, range(0, 10), 10, 10);
        let across = judge(&promise, range(5, 10), &deal, &votes).unwrap_err();
        assert!(across.to_string().contains("promised 10 tasks"), "{across}");
        assert_eq!(
            judge(&promise, range(12, 3), &deal, &votes),
            Ok(Drawn::Unknown)
        );
    }

    #[test]
    fn disputes_and_absences_are_not_judged() {
        let (promise, deal) = (promise(1), deal(10));
        let honest = honest(&promise, range(0, 10), 2, 10);
        let mut votes = honest.clone();
        votes[0].counted.kind = Kind::Loser;
        assert_eq!(
            judge(&promise, range(0, 10), &deal, &votes),
            Ok(Drawn::Unknown)
        );
        let mut votes = honest;
        (votes[0].counted.kind, votes[0].sealed) = (Kind::Absent, None);
        assert_eq!(
            judge(&promise, range(0, 10), &deal, &votes),
            Ok(Drawn::Unknown)
        );
    }
}
