//! What one client may take of a service.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tower_http::cors::{Any, CorsLayer};

use crate::{Answers, Peer, Refusal, crowd::subscriber};

/// Clients remembered before those that asked nothing lately are forgotten.
const CLIENTS: usize = 65_536;

/// Counts the requests of each address. The machine itself is not limited.
#[derive(Debug)]
pub struct Limits {
    per_address: DefaultKeyedRateLimiter<IpAddr>,
    per_minute: NonZeroU32,
    patience: Duration,
}

impl Limits {
    /// So many requests a minute from one address, each of which may take so long, its body included.
    pub fn new(per_minute: NonZeroU32, patience: Duration) -> Self {
        Self {
            per_address: RateLimiter::keyed(Quota::per_minute(per_minute)),
            per_minute,
            patience,
        }
    }

    fn admits(&self, peer: SocketAddr) -> bool {
        let Some(address) = subscriber(peer) else {
            return true;
        };
        if self.per_address.len() > CLIENTS {
            self.per_address.retain_recent();
        }
        self.per_address.check_key(&address).is_ok()
    }
}

/// The gate around a service's routes. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Arc<Limits>,
    answers: Answers,
}

impl Gate {
    /// A gate with these limits, which counts answers.
    pub fn new(limits: Limits, answers: Answers) -> Self {
        Self {
            limits: Arc::new(limits),
            answers,
        }
    }

    /// Puts the gate around a router that [`accept`](crate::accept) serves: limits, time-outs, counters, and leave for
    /// browsers to call from any page, as nothing is authorised by cookies.
    pub fn around(self, router: Router) -> Router {
        let headers: [HeaderName; 3] =
            [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT];
        let cors = CorsLayer::new()
            .allow_origin(Any)
            .allow_headers(headers)
            .allow_methods([
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::OPTIONS,
            ]);
        router
            .layer(middleware::from_fn_with_state(self, guard))
            .layer(cors)
    }
}

/// Refuses who asks too often, ends what takes too long, and counts the rest.
async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let peer = request.extensions().get::<Peer>().copied();
    let response = if peer.is_some_and(|Peer(address)| !gate.limits.admits(address)) {
        let sentence = format!(
            "you asked more than {} times in a minute: slow down",
            gate.limits.per_minute
        );
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, sentence).into_response()
    } else {
        let answer = tokio::time::timeout(gate.limits.patience, next.run(request)).await;
        answer.unwrap_or_else(|_| {
            let sentence = "the request took too long: send it faster, or try again";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, sentence).into_response()
        })
    };
    gate.answers.count(
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
}
