//! Where openers agree (§3.4).

use super::{Leaf, Range};

/// A range after a disagreement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The longest ranges on which all openers found the same, in order.
    pub agreed: Vec<Range>,
    /// The tasks on which they did not, each a range of one.
    pub disputed: Vec<Range>,
}

/// Splits `range` by what its openers found. `None` when there are no openers, or one did not open exactly the range.
pub fn split(range: Range, openers: &[&[Leaf]]) -> Option<Split> {
    let (first, others) = openers.split_first()?;
    let whole = |leaves: &&[Leaf]| leaves.len() == usize::from(range.count());
    if !openers.iter().all(whole) {
        return None;
    }
    let agrees = |at: usize| others.iter().all(|leaves| leaves.get(at) == first.get(at));
    let mut split = Split::default();
    let mut run = None;
    for (at, index) in range.indices().enumerate() {
        if agrees(at) {
            run.get_or_insert(index);
            continue;
        }
        close(&mut split, range, run.take(), index)?;
        split
            .disputed
            .push(Range::single(range.deal(), index).ok()?);
    }
    close(&mut split, range, run, range.indices().end)?;
    Some(split)
}

fn close(split: &mut Split, range: Range, start: Option<u64>, end: u64) -> Option<()> {
    if let Some(start) = start {
        split
            .agreed
            .push(Range::new(range.deal(), start, end - start).ok()?);
    }
    Some(())
}
