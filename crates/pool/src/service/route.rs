//! Which scheduler is told what.

use canut_protocol::{
    Deal,
    range::audit::{Promise, Rates, epoch},
};
use rand::{TryRng, rngs::SysRng};

use crate::{
    config::Way,
    ledger::{Ledger, LedgerError},
    ranges::{RangeChain, RangeEvent, suits},
    schedule::{ChainEvent, Event},
};

/// What happened, for the scheduler of each way.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) tasks: Vec<Event>,
    pub(super) ranges: Vec<RangeEvent>,
}

impl Heard {
    pub(super) fn len(&self) -> usize {
        self.tasks.len() + self.ranges.len()
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.tasks.extend(other.tasks);
        self.ranges.extend(other.ranges);
    }
}

impl From<Event> for Heard {
    fn from(event: Event) -> Self {
        Self {
            tasks: vec![event],
            ..Self::default()
        }
    }
}

impl From<RangeEvent> for Heard {
    fn from(event: RangeEvent) -> Self {
        Self {
            ranges: vec![event],
            ..Self::default()
        }
    }
}

impl<E: Into<Self>> From<Option<E>> for Heard {
    fn from(event: Option<E>) -> Self {
        event.map(Into::into).unwrap_or_default()
    }
}

/// How new deals are served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) way: Way,
    pub(super) rates: Rates,
    pub(super) stride: u16,
    /// Of deals made until then not everything is written down, in seconds since the epoch.
    pub(super) memory: u64,
}

impl Route {
    /// Tells each scheduler what is its own. Deals that certificates cannot settle go the open way.
    pub(super) async fn tidings(
        &self,
        ledger: &Ledger,
        tasks: impl IntoIterator<Item = (u64, ChainEvent)>,
        ranges: impl IntoIterator<Item = RangeChain>,
    ) -> Result<Heard, LedgerError> {
        let mut heard = Heard::default();
        for (_, event) in tasks {
            match event {
                ChainEvent::Matched { id, deal, time_ref } if self.suits(&deal, time_ref) => {
                    let promise = self.promise(ledger, deal.start_time).await?;
                    let matched = RangeChain::Matched {
                        id,
                        forgotten: deal.start_time <= self.memory,
                        deal,
                        time_ref,
                        promise,
                    };
                    heard.ranges.push(RangeEvent::Chain(matched));
                }
                event => heard.tasks.push(Event::Chain(event)),
            }
        }
        heard
            .ranges
            .extend(ranges.into_iter().map(RangeEvent::Chain));
        Ok(heard)
    }

    fn suits(&self, deal: &Deal, time_ref: u64) -> bool {
        self.way == Way::Certificate && suits(deal, time_ref)
    }

    /// What was promised for deals made at `time`; of a day for which nothing was, a promise that only the pool knows.
    pub(super) async fn promise(&self, ledger: &Ledger, time: u64) -> Result<Promise, LedgerError> {
        let mut secret = [0; 32];
        if SysRng.try_fill_bytes(&mut secret).is_err() {
            tracing::warn!("the system has no random numbers: who is drawn can be guessed");
        }
        let fresh = Promise {
            secret: secret.into(),
            rates: self.rates,
            stride: self.stride,
        };
        ledger.promise(epoch(time).unwrap_or(u32::MAX), fresh).await
    }
}
