//! What the wallets offer and ask for: mostly plain orders, some for certain partners only.

use alloy::primitives::{Address, B256, U256};
use bytes::Bytes;
use canut_protocol::{
    AppOrder, DatasetOrder, Nrlc, Order, RequestOrder, Tag, Trust, WorkerpoolOrder,
};
use eyre::Result;
use fastrand::Rng;
use serde::Serialize;
use serde_json::json;

use super::world::{Wallet, World};

/// Orders of a wallet: app, dataset, workerpool and request orders.
const EACH: [usize; 4] = [5, 5, 30, 10];
pub(super) const PER_WALLET: usize = 50;

/// Highest prices of a run, nRLC.
pub(super) const APP_PRICE: u64 = 1_000;
pub(super) const POOL_PRICE: u64 = 1_000_000;
/// Most runs of an order.
pub(super) const RUNS: u64 = 100;

/// A body to post, and who signs the challenge for it.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) path: &'static str,
    pub(super) wallet: usize,
    pub(super) body: Bytes,
}

/// In a TEE, as the newest SDK demands it.
fn tee() -> Tag {
    Tag::TEE | Tag::TDX
}

/// More in category 0 than in all others together.
pub(super) fn category(rng: &mut Rng) -> u64 {
    rng.u64(0..5).saturating_mul(rng.u64(0..2))
}

pub(super) fn trust(rng: &mut Rng) -> u64 {
    rng.choice([0, 1, 5, 10, 50]).unwrap_or_default()
}

fn tag(rng: &mut Rng) -> Tag {
    match rng.u8(0..10) {
        0 | 1 => tee(),
        2 => Tag::GPU,
        _ => Tag::NONE,
    }
}

/// Some wallets are asked more often than others.
pub(super) fn popular<'a>(wallets: &'a [Wallet], rng: &mut Rng) -> Option<&'a Wallet> {
    let last = rng.usize(..=wallets.len().saturating_sub(1));
    wallets.get(rng.usize(..=last))
}

/// Mostly nobody.
fn restriction(rng: &mut Rng, wallets: &[Wallet], of: impl Fn(&Wallet) -> Address) -> Address {
    let some = rng.u8(0..10) == 0;
    popular(wallets, rng)
        .filter(|_| some)
        .map_or(Address::ZERO, of)
}

impl World {
    /// The offers of wallets `from..to`, and then what they ask for.
    pub(super) fn sign(&self, from: usize, to: usize) -> Result<[Vec<Signed>; 2]> {
        let mut rng = Rng::with_seed(from as u64);
        let (mut offers, mut requests) = (Vec::new(), Vec::new());
        for (number, wallet) in self.wallets.iter().enumerate().take(to).skip(from) {
            let mut offer = |path, body| {
                offers.push(Signed {
                    path,
                    wallet: number,
                    body,
                });
            };
            for one in 0..EACH[0] {
                offer("/apporders", self.app(wallet, one, &mut rng)?);
            }
            for _ in 0..EACH[1] {
                offer("/datasetorders", self.dataset(wallet, &mut rng)?);
            }
            for _ in 0..EACH[2] {
                offer("/workerpoolorders", self.workerpool(wallet, &mut rng)?);
            }
            for _ in 0..EACH[3] {
                let known = self.wallets.get(..to).unwrap_or_default();
                requests.push(Signed {
                    path: "/requestorders",
                    wallet: number,
                    body: self.request(wallet, known, &mut rng)?,
                });
            }
        }
        rng.shuffle(&mut offers);
        rng.shuffle(&mut requests);
        Ok([offers, requests])
    }

    fn body<O: Order + Serialize>(&self, wallet: &Wallet, order: O) -> Result<Bytes> {
        let sign = wallet.sign(order.hash(&self.domain).0);
        let order = order.signed(sign.to_vec());
        Ok(serde_json::to_vec(&json!({ "order": order }))?.into())
    }

    /// One for anybody; of half the wallets, one more in a TEE; then for anybody or one requester.
    fn app(&self, wallet: &Wallet, one: usize, rng: &mut Rng) -> Result<Bytes> {
        let requester = restriction(rng, &self.wallets, |wallet| wallet.address);
        let in_tee = one == 1 && wallet.runs_in_tee();
        let order = AppOrder {
            app: wallet.app,
            appprice: Nrlc::new(rng.u64(0..=APP_PRICE)),
            volume: U256::from(rng.u64(1..=RUNS) * 1_000),
            tag: if in_tee { tee() } else { Tag::NONE },
            requesterrestrict: if one < 2 { Address::ZERO } else { requester },
            salt: salt(rng),
            ..AppOrder::default()
        };
        self.body(wallet, order)
    }

    fn dataset(&self, wallet: &Wallet, rng: &mut Rng) -> Result<Bytes> {
        let order = DatasetOrder {
            dataset: wallet.dataset,
            datasetprice: Nrlc::new(rng.u64(0..=APP_PRICE)),
            volume: U256::from(rng.u64(1..=RUNS) * 1_000),
            apprestrict: restriction(rng, &self.wallets, |wallet| wallet.app),
            salt: salt(rng),
            ..DatasetOrder::default()
        };
        self.body(wallet, order)
    }

    fn workerpool(&self, wallet: &Wallet, rng: &mut Rng) -> Result<Bytes> {
        let order = WorkerpoolOrder {
            workerpool: wallet.workerpool,
            workerpoolprice: Nrlc::new(rng.u64(1..=POOL_PRICE)),
            volume: U256::from(rng.u64(1..=RUNS)),
            tag: tag(rng),
            category: U256::from(category(rng)),
            trust: Trust::new(trust(rng)),
            apprestrict: restriction(rng, &self.wallets, |wallet| wallet.app),
            requesterrestrict: restriction(rng, &self.wallets, |wallet| wallet.address),
            salt: salt(rng),
            ..WorkerpoolOrder::default()
        };
        self.body(wallet, order)
    }

    fn request(&self, wallet: &Wallet, known: &[Wallet], rng: &mut Rng) -> Result<Bytes> {
        let app = popular(known, rng).unwrap_or(wallet);
        let tag = tag(rng);
        let order = RequestOrder {
            app: app.app,
            appmaxprice: Nrlc::new(APP_PRICE),
            workerpoolmaxprice: Nrlc::new(rng.u64(1..=POOL_PRICE)),
            requester: wallet.address,
            beneficiary: wallet.address,
            volume: U256::from(rng.u64(1..=RUNS)),
            tag: if tag.is_tee() && !app.runs_in_tee() {
                Tag::NONE
            } else {
                tag
            },
            category: U256::from(category(rng)),
            trust: Trust::new(trust(rng)),
            params: "{\"iexec_args\":\"--seed 7\"}".to_owned(),
            salt: salt(rng),
            ..RequestOrder::default()
        };
        self.body(wallet, order)
    }
}

fn salt(rng: &mut Rng) -> B256 {
    let mut salt = B256::ZERO;
    rng.fill(&mut salt.0);
    salt
}
