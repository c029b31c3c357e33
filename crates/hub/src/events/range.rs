//! Events of the certificate way.

use alloy::primitives::{B256, U256};
use canut_protocol::{
    DealId,
    range::{Counted, Range, Settled, Value, Way},
};

use crate::{
    bindings::IHub,
    convert::{Misfit, small},
};

/// Tasks of a deal.
pub(super) fn of(deal: B256, first: U256, count: U256) -> Result<Range, Misfit> {
    Range::new(DealId(deal), small(first)?, small(count)?).map_err(|_| Misfit)
}

/// A settlement.
pub(super) fn settled(event: IHub::RangeSettled) -> Result<Settled, Misfit> {
    Ok(Settled {
        range: of(event.dealid, event.first, event.count)?,
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
    use alloy::primitives::{Address, bytes};
    use canut_protocol::range::Kind;

    use super::*;

    fn event(count: u64) -> IHub::RangeSettled {
        IHub::RangeSettled {
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

    #[test]
    fn a_settlement_is_read_with_its_members() {
        let settled = settled(event(20)).unwrap();
        let range = Range::new(DealId(B256::repeat_byte(1)), 7, 20).unwrap();
        assert_eq!(settled.range, range);
        let winner = Counted {
            kind: Kind::Winner,
            worker: Address::repeat_byte(0x11),
            weight: 5,
        };
        assert_eq!(settled.members, [winner]);
    }

    #[test]
    fn what_no_hub_writes_is_not_read() {
        let strange = [
            event(0),
            IHub::RangeSettled { way: 3, ..event(1) },
            IHub::RangeSettled {
                members: bytes!("00"),
                ..event(1)
            },
        ];
        assert!(strange.into_iter().all(|event| settled(event).is_err()));
    }
}
