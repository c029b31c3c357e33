//! Events of the certificate way.

use alloy::primitives::U256;
use canut_protocol::{
    DealId, Nrlc,
    range::{Counted, Range, RangeId, Settled, Value, Way, money::Fault},
};

use super::Event;
use crate::{
    bindings::IRanges::{self, IRangesEvents},
    convert::{Misfit, small},
};

/// What an event says; `None` if a number in it is none that this hub can write.
pub(super) fn read(event: IRangesEvents) -> Option<Event> {
    Some(match event {
        IRangesEvents::RangeSettled(event) => Event::RangeSettled(Box::new(settled(event).ok()?)),
        IRangesEvents::RangePosted(event) => Event::RangePosted {
            id: RangeId(event.rid),
            range: range(event.dealid.into(), event.first, event.count).ok()?,
            worker: event.worker,
            seal: event.seal,
        },
        IRangesEvents::RangeOpened(event) => Event::RangeOpened {
            id: RangeId(event.rid),
            worker: event.worker,
            value: Value {
                root: event.root,
                link: event.link,
            },
        },
        IRangesEvents::RangeFailed(event) => Event::RangeFailed {
            range: range(event.dealid.into(), event.first, event.count).ok()?,
        },
        IRangesEvents::Bonded(event) => Event::Bonded {
            workerpool: event.workerpool,
            worker: event.worker,
            amount: Nrlc(event.amount),
        },
        IRangesEvents::Unbonding(event) => Event::Unbonding {
            workerpool: event.workerpool,
            worker: event.worker,
            amount: Nrlc(event.amount),
            ready_at: small(event.readyAt).ok()?,
        },
        IRangesEvents::Slashed(event) => Event::Slashed {
            workerpool: event.workerpool,
            account: event.account,
            range: RangeId(event.rid),
            amount: Nrlc(event.amount),
            fault: Fault::try_from(event.reason).ok()?,
        },
        IRangesEvents::AuditCommitted(event) => Event::AuditCommitted {
            workerpool: event.workerpool,
            epoch: event.epoch,
            hash: event.hash,
        },
    })
}

fn range(deal: DealId, first: U256, count: U256) -> Result<Range, Misfit> {
    Range::new(deal, small(first)?, small(count)?).map_err(|_| Misfit)
}

fn settled(event: IRanges::RangeSettled) -> Result<Settled, Misfit> {
    Ok(Settled {
        range: range(event.dealid.into(), event.first, event.count)?,
        way: Way::try_from(event.way).map_err(|_| Misfit)?,
        value: Value {
            root: event.root,
            link: event.link,
        },
        delivery: event.delivery,
        members: Counted::decode(&event.members).map_err(|_| Misfit)?,
    })
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Address, B256, Log, bytes},
        sol_types::{SolEvent, SolEventInterface},
    };
    use canut_protocol::range::Kind;

    use super::*;

    fn event(count: u64) -> IRanges::RangeSettled {
        IRanges::RangeSettled {
            dealid: B256::repeat_byte(1),
            first: U256::from(7),
            count: U256::from(count),
            way: 1,
            root: B256::repeat_byte(2),
            link: B256::repeat_byte(3),
            delivery: B256::ZERO,
            members: bytes!("00111111111111111111111111111111111111111105"),
        }
    }

    fn read_back(event: &IRanges::RangeSettled) -> Option<Event> {
        let log = Log {
            address: Address::ZERO,
            data: event.encode_log_data(),
        };
        read(IRangesEvents::decode_log(&log).unwrap().data)
    }

    #[test]
    fn a_settlement_is_read_with_its_members() {
        let Some(Event::RangeSettled(settled)) = read_back(&event(20)) else {
            panic!("no settlement");
        };
        assert_eq!(
            settled.range,
            Range::new(DealId(B256::repeat_byte(1)), 7, 20).unwrap()
        );
        let winner = Counted {
            kind: Kind::Winner,
            worker: Address::repeat_byte(0x11),
            weight: 5,
        };
        assert_eq!(settled.members, [winner]);
    }

    #[test]
    fn what_no_hub_writes_is_not_read() {
        assert_eq!(read_back(&event(0)), None);
        assert_eq!(
            read_back(&IRanges::RangeSettled { way: 3, ..event(1) }),
            None
        );
        assert_eq!(
            read_back(&IRanges::RangeSettled {
                members: bytes!("00"),
                ..event(1)
            }),
            None
        );
    }
}
