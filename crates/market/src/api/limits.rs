//! What one client may take of the market.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{App, error::ApiError};

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Clients remembered before those that asked nothing lately are forgotten.
const CLIENTS: usize = 65_536;

/// Counts the requests of each address. The machine itself is not limited.
#[derive(Debug)]
pub(crate) struct Limits {
    per_address: DefaultKeyedRateLimiter<IpAddr>,
    per_minute: NonZeroU32,
    pub(crate) patience: Duration,
}

impl Limits {
    pub(crate) fn new(per_minute: NonZeroU32, patience: Duration) -> Self {
        Self {
            per_address: RateLimiter::keyed(Quota::per_minute(per_minute)),
            per_minute,
            patience,
        }
    }

    fn admits(&self, peer: SocketAddr) -> bool {
        let address = peer.ip().to_canonical();
        if address.is_loopback() {
            return true;
        }
        if self.per_address.len() > CLIENTS {
            self.per_address.retain_recent();
        }
        self.per_address.check_key(&subscriber(address)).is_ok()
    }
}

/// A subscriber of IPv6 has a whole /64 of addresses.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

/// Refuses who asks too often, ends what takes too long, and counts the rest.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let peer = request.extensions().get::<Peer>().copied();
    let response = if peer.is_some_and(|Peer(address)| !app.limits.admits(address)) {
        let sentence = format!(
            "you asked more than {} times in a minute: slow down",
            app.limits.per_minute
        );
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, sentence).into_response()
    } else {
        let answer = tokio::time::timeout(app.limits.patience, next.run(request)).await;
        answer.unwrap_or_else(|_| {
            let sentence = "the request took too long: send it faster, or try again";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, sentence).into_response()
        })
    };
    app.market.metrics.answered(
        method.as_str(),
        response.status().as_str(),
        begin.elapsed().as_secs_f64(),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_limited_and_the_machine_itself_is_not() {
        let limits = Limits::new(NonZeroU32::new(3).unwrap(), Duration::from_secs(1));
        let far: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let admitted = (0..10).filter(|_| limits.admits(far)).count();
        assert_eq!(admitted, 3);
        assert!(
            limits.admits("192.0.2.2:80".parse().unwrap()),
            "another address"
        );
        for near in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(
                (0..10).all(|_| limits.admits(near.parse().unwrap())),
                "{near}"
            );
        }
    }

    #[test]
    fn changing_addresses_within_a_network_does_not_help() {
        let limits = Limits::new(NonZeroU32::new(1).unwrap(), Duration::from_secs(1));
        assert!(limits.admits("[2001:db8::1]:80".parse().unwrap()));
        assert!(!limits.admits("[2001:db8::2]:80".parse().unwrap()));
        assert!(limits.admits("[2001:db8:0:1::2]:80".parse().unwrap()));
    }
}
