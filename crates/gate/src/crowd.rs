//! How many connections each address has.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use parking_lot::Mutex;

/// The address that is held to account for what comes from `peer`; none for the machine itself, which is not limited. A
/// subscriber of IPv6 has a whole /64 of addresses, and answers for all of them.
pub(crate) fn subscriber(peer: SocketAddr) -> Option<IpAddr> {
    match peer.ip().to_canonical() {
        address if address.is_loopback() => None,
        address @ IpAddr::V4(_) => Some(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Some(IpAddr::V6(Ipv6Addr::from_bits(network)))
        }
    }
}

/// The connections of every address that has one.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    most: usize,
    present: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Crowd {
    /// Room for `most` connections of one address.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            present: Arc::default(),
        }
    }

    /// Room for one more connection of `peer`, until the seat is dropped; none when it has too many.
    pub(crate) fn seat(&self, peer: SocketAddr) -> Option<Seat> {
        let address = subscriber(peer);
        if let Some(address) = address {
            let mut present = self.present.lock();
            let taken = present.entry(address).or_default();
            if *taken >= self.most {
                return None;
            }
            *taken += 1;
        }
        Some(Seat {
            address,
            present: Arc::clone(&self.present),
        })
    }
}

/// Room for a connection.
#[derive(Debug)]
pub(crate) struct Seat {
    address: Option<IpAddr>,
    present: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(address) = self.address else {
            return;
        };
        let mut present = self.present.lock();
        if let Some(taken) = present.get_mut(&address) {
            *taken -= 1;
            if *taken == 0 {
                present.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn an_address_that_leaves_may_come_back() {
        let crowd = Crowd::new(2);
        let far = at("192.0.2.1:80");
        let first = crowd.seat(far).unwrap();
        let second = crowd.seat(at("192.0.2.1:81")).unwrap();
        assert!(crowd.seat(far).is_none());
        assert!(crowd.seat(at("192.0.2.2:80")).is_some(), "another address");
        drop(first);
        let third = crowd.seat(far).unwrap();
        assert!(crowd.seat(far).is_none());
        drop((second, third));
        assert!(crowd.present.lock().is_empty(), "who left is forgotten");
    }

    #[test]
    fn changing_addresses_within_a_network_does_not_help() {
        let crowd = Crowd::new(1);
        let _seat = crowd.seat(at("[2001:db8::1]:80")).unwrap();
        assert!(crowd.seat(at("[2001:db8::2]:80")).is_none());
        assert!(crowd.seat(at("[2001:db8:0:1::2]:80")).is_some());
    }

    #[test]
    fn the_machine_itself_is_not_limited() {
        let crowd = Crowd::new(1);
        for near in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            let seats: Vec<_> = (0..10).map(|_| crowd.seat(at(near))).collect();
            assert!(seats.iter().all(Option::is_some), "{near}");
        }
    }
}
