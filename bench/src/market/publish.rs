//! Publishing: a challenge, a signature, an order.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::{
    primitives::hex,
    sol,
    sol_types::{Eip712Domain, SolStruct, eip712_domain},
};
use eyre::{OptionExt, Result, ensure};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{
    orders::{PER_WALLET, Signed},
    report::{Times, used},
    say,
    world::{CHAIN, Wallet, World},
};
use crate::http::Connection;

sol! {
    struct Challenge { string challenge; }
}

/// Wallets whose orders are signed beforehand at once: it bounds the memory.
const ROUND: usize = 200;

/// What a challenge looks like.
#[derive(Deserialize)]
struct Issued {
    data: Typed,
}

#[derive(Deserialize)]
struct Typed {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    challenge: String,
}

/// Fills the book. Only the time of publishing counts, not that of signing orders beforehand.
pub(super) async fn all(world: &World, orders: usize, clients: usize) -> Result<Times> {
    let mut times = Times::default();
    let wallets = orders.div_ceil(PER_WALLET);
    for from in (0..wallets).step_by(ROUND) {
        let to = wallets.min(from + ROUND);
        for signed in world.sign(from, to)? {
            let work = Arc::new(Work {
                address: world.address(),
                wallets: Arc::clone(&world.wallets),
                signed,
                next: AtomicUsize::new(0),
            });
            times.add(&round(&work, clients).await?);
        }
        let (count, rate) = (to * PER_WALLET, times.rate());
        say(&format!("{count} orders in the book, {rate:.0} a second"));
    }
    Ok(times)
}

/// Orders that clients take turns to publish.
struct Work {
    address: SocketAddr,
    wallets: Arc<[Wallet]>,
    signed: Vec<Signed>,
    next: AtomicUsize,
}

async fn round(work: &Arc<Work>, clients: usize) -> Result<Times> {
    let (start, before) = (Instant::now(), used()?);
    let mut running = JoinSet::new();
    for _ in 0..clients.max(1) {
        running.spawn(client(Arc::clone(work)));
    }
    let mut each = Vec::new();
    while let Some(done) = running.join_next().await {
        each.extend(done??);
    }
    Ok(Times {
        elapsed: start.elapsed(),
        processor: used()? - before,
        each,
    })
}

async fn client(work: Arc<Work>) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(work.address).await?;
    let domain = eip712_domain! { name: "iExec Gateway", version: "1", chain_id: CHAIN, };
    let mut times = Vec::new();
    while let Some(order) = work.signed.get(work.next.fetch_add(1, Ordering::Relaxed)) {
        let wallet = work
            .wallets
            .get(order.wallet)
            .ok_or_eyre("no such wallet")?;
        let start = Instant::now();
        let authorization = log_in(&mut connection, wallet, &domain).await?;
        let path = format!("{}?chainId={CHAIN}", order.path);
        let (status, body) = connection
            .post(&path, Some(&authorization), order.body.clone())
            .await?;
        times.push(start.elapsed());
        ensure!(status.is_success(), "not taken: {body:?}");
    }
    Ok(times)
}

/// The header that opens one request.
async fn log_in(
    connection: &mut Connection,
    wallet: &Wallet,
    domain: &Eip712Domain,
) -> Result<String> {
    let account = wallet.address;
    let path = format!("/challenge?chainId={CHAIN}&address={account}");
    let (_, body) = connection.get(&path).await?;
    let issued: Issued = serde_json::from_slice(&body)?;
    let challenge = issued.data.message.challenge;
    let digest = Challenge { challenge }.eip712_signing_hash(domain);
    let sign = hex::encode_prefixed(wallet.sign(digest));
    Ok(format!("{digest}_{sign}_{account}"))
}
