//! The market around the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::providers::Provider;
use alloy_primitives::Address;
use canut_hub::{Hub, connect};
use canut_protocol::Nrlc;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::{Check, State};

/// How long somebody may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds that the clock of this machine may be behind that of the chain.
const BEHIND: u64 = 15;

/// Where a worker belongs, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// URL of the node.
    pub rpc: Option<String>,
    /// The hub.
    pub hub: Option<Address>,
    /// The workerpool.
    pub workerpool: Option<Address>,
    /// URL of the pool.
    pub pool: Option<String>,
    /// URL of the store.
    pub store: Option<String>,
    /// The worker.
    pub worker: Option<Address>,
}

/// Looks at whether everyone is reachable, and whether the worker has what it needs there. What is not known is told.
pub async fn examine(place: &Place) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, url, flag) in [
        ("pool", &place.pool, "--pool"),
        ("store", &place.store, "--store"),
    ] {
        checks.push(match url {
            Some(url) => reach(name, url).await,
            None => Check::not(State::Bad, name, "unknown", format!("give {flag} URL")),
        });
    }
    match (&place.rpc, place.hub) {
        (Some(rpc), Some(hub)) => checks.extend(chain(rpc, hub, place).await),
        _ => checks.push(Check::not(
            State::Bad,
            "chain",
            "unknown",
            "give --rpc URL and --hub ADDRESS",
        )),
    }
    checks
}

async fn reach(name: &'static str, url: &str) -> Check {
    let remedy = || format!("check the URL {url}, and that the {name} runs");
    let parsed = Url::parse(url).ok();
    let host = parsed
        .as_ref()
        .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let Some((host, port)) = host else {
        return Check::not(
            State::Bad,
            name,
            format!("{url} is no URL of a server"),
            remedy(),
        );
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Check::good(name, format!("{url} answers")),
        Ok(Err(error)) => Check::not(State::Bad, name, error.to_string(), remedy()),
        Err(_) => Check::not(State::Bad, name, "no answer", remedy()),
    }
}

async fn chain(rpc: &str, hub: Address, place: &Place) -> Vec<Check> {
    let remedy = || format!("check --rpc {rpc}, and that the node runs");
    let Ok(connected) = timeout(PATIENCE, connect(rpc)).await else {
        return vec![Check::not(State::Bad, "chain", "no answer", remedy())];
    };
    let provider = match connected {
        Ok(provider) => provider,
        Err(error) => return vec![Check::not(State::Bad, "chain", error.to_string(), remedy())],
    };
    let hub = match timeout(PATIENCE, Hub::at(provider, hub)).await {
        Ok(Ok(hub)) => hub,
        Ok(Err(error)) => {
            return vec![Check::not(
                State::Bad,
                "chain",
                error.to_string(),
                "check --hub, and that the node is of its chain",
            )];
        }
        Err(_) => return vec![Check::not(State::Bad, "chain", "no answer", remedy())],
    };
    let mut checks = vec![Check::good(
        "chain",
        format!("{rpc} has the hub, as chain {}", hub.domain().chain_id),
    )];
    checks.push(clock(&hub).await);
    if let Some(workerpool) = place.workerpool {
        checks.push(match hub.workerpool(workerpool).await {
            Ok(Some(_)) => Check::good("workerpool", workerpool.to_string()),
            Ok(None) => Check::not(
                State::Bad,
                "workerpool",
                format!("{workerpool} is none"),
                "ask the pool's operator for its address",
            ),
            Err(error) => Check::not(State::Bad, "workerpool", error.to_string(), "try again"),
        });
    }
    match place.worker {
        Some(worker) => checks.extend([stake(&hub, worker).await, gas(&hub, worker).await]),
        None => checks.push(Check::not(
            State::Bad,
            "key",
            "none",
            "give --key-file FILE, or set CANUT_PRIVATE_KEY",
        )),
    }
    checks
}

/// A clock that is behind makes a worker believe that it has more time than it has.
async fn clock(hub: &Hub) -> Check {
    let here = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    match hub.now().await {
        Ok(there) if there > here + BEHIND => Check::not(
            State::Bad,
            "clock",
            format!("{} s behind the chain", there - here),
            "set it: timedatectl set-ntp true",
        ),
        Ok(_) => Check::good("clock", "not behind the chain"),
        Err(error) => Check::not(State::Bad, "clock", error.to_string(), "try again"),
    }
}

async fn stake(hub: &Hub, worker: Address) -> Check {
    let remedy = "put RLC on the hub: canut account deposit 50RLC";
    match hub.account(worker).await {
        Ok(account) if account.stake > Nrlc::ZERO => {
            Check::good("stake", format!("{} free on the hub", account.stake))
        }
        Ok(_) => Check::not(
            State::Bad,
            "stake",
            format!("{worker} has nothing free on the hub"),
            remedy,
        ),
        Err(error) => Check::not(State::Bad, "stake", error.to_string(), "try again"),
    }
}

async fn gas(hub: &Hub, worker: Address) -> Check {
    match hub.provider().get_balance(worker).await {
        Ok(balance) if balance.is_zero() => Check::not(
            State::Less,
            "gas",
            format!("{worker} has no ether"),
            "send it some: votes of the open way are transactions",
        ),
        Ok(balance) => Check::good("gas", format!("{balance} wei")),
        Err(error) => Check::not(State::Less, "gas", error.to_string(), "try again"),
    }
}
