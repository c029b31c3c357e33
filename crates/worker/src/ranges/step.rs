//! What a worker does about a vote that its pool does not settle in time (§8): a pure function of what it wrote down, what
//! the chain says, and the time.

use canut_hub::RangeState;
use canut_protocol::range::Clock;

use super::record::RangeRecord;

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until this time, in seconds since the epoch.
    Wait(u64),
    /// Transaction: post the votes that the worker knows of.
    Post,
    /// Transaction: post its own vote, once, beside those that others posted: they may not have known it.
    Join,
    /// Transaction: open what it voted for.
    Open,
    /// Transaction: have the range decided.
    Resolve,
    /// Nothing any more: it is settled, refunded, or can never be settled.
    Forget,
}

/// When it is a worker's turn to post: a quarter of the time for that is left to the pool, which knows all votes and keeps its
/// stake if it is the first.
pub fn turn(clock: Clock) -> u64 {
    clock.contribution + (clock.posting - clock.contribution) / 4
}

/// What to do about a vote, when the chain says that its range is in `state`; `None` while nothing was done about it.
pub fn next(record: &RangeRecord, state: Option<RangeState>, now: u64) -> Step {
    let clock = record.place.clock();
    match state {
        Some(RangeState::Settled(_) | RangeState::Failed) => Step::Forget,
        Some(RangeState::Posted) if now < clock.posting && record.assignment.is_some() => {
            Step::Join
        }
        Some(RangeState::Posted) if now < clock.posting => Step::Wait(clock.posting),
        Some(RangeState::Posted) if now < clock.opening => Step::Open,
        Some(RangeState::Posted) => Step::Resolve,
        None if now >= clock.end => Step::Forget,
        // A vote that the pool did not promise to account for is nobody's.
        None if record.assignment.is_none() => Step::Wait(clock.end),
        None if now < turn(clock) => Step::Wait(turn(clock)),
        None if now < clock.posting => Step::Post,
        None => Step::Wait(clock.end),
    }
}
