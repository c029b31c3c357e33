//! Which ranges are under way, so that nobody has to look through all that were: a deal may have a hundred thousand.

use std::collections::BTreeSet;

use canut_protocol::range::{MAX_COUNT, Range};

use super::Phase;

/// Ranges by what is going on with them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Neither paid nor given up.
    live: BTreeSet<Range>,
    /// Those of them that workers vote on.
    open: BTreeSet<Range>,
}

impl Index {
    /// The range is in `phase` now; in none when it is no more.
    pub(super) fn put(&mut self, range: Range, phase: Option<&Phase>) {
        keep(
            &mut self.live,
            range,
            phase.is_some_and(|phase| !phase.is_over()),
        );
        let open = matches!(phase, Some(Phase::Open | Phase::Settling(_)));
        keep(&mut self.open, range, open);
    }

    /// How many ranges are voted on.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// The ranges that are not over and have a task in common with `range`.
    pub(super) fn overlapping(&self, range: &Range) -> Vec<Range> {
        let before = range.first().saturating_sub(MAX_COUNT.into());
        let Ok(from) = Range::single(range.deal(), before) else {
            return Vec::new();
        };
        self.live
            .range(from..)
            .take_while(|other| other.deal() == range.deal() && other.first() < range.indices().end)
            .filter(|other| other.overlaps(range))
            .copied()
            .collect()
    }
}

fn keep(set: &mut BTreeSet<Range>, range: Range, belongs: bool) {
    if belongs {
        set.insert(range);
    } else {
        set.remove(&range);
    }
}
