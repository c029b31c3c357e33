//! Who is who in a market of one's own, and what money they start with.

use alloy::providers::Provider;
use alloy_primitives::{Address, Bytes, U256, utils::parse_ether};
use canut_chain::{DEV_MNEMONIC, PrivateKeySigner, mnemonic_keys};
use canut_hub::{Caller, Hub};
use canut_protocol::Nrlc;
use eyre::{OptionExt, Result};
use futures::future::try_join_all;

/// Accounts that the chain gives ether from its first block on, and that are printed.
pub(crate) const NAMED: u32 = 10;
/// What each of them but the owner is given, in RLC. The rest of the supply stays with the owner.
pub(crate) const RLC_EACH: u64 = 100_000;
/// What a worker has on the hub at first, in RLC: its stakes come out of it.
const WORKER_STAKE: u64 = 1_000;
/// What the scheduler has there, in RLC: it backs all that the pool sells.
const SCHEDULER_STAKE: u64 = 1_000_000;

/// The accounts of the mnemonic that every development chain uses.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Owns the hub, and the RLC that nobody else has.
    pub(crate) owner: PrivateKeySigner,
    /// Free for whoever uses the market.
    pub(crate) users: Vec<PrivateKeySigner>,
    /// Owns the workerpool.
    pub(crate) scheduler: PrivateKeySigner,
    /// One for each worker.
    pub(crate) workers: Vec<PrivateKeySigner>,
}

impl Accounts {
    /// Accounts for a market with so many workers.
    pub(crate) fn new(workers: usize) -> Result<Self> {
        let count = NAMED.saturating_add(u32::try_from(workers)?);
        let mut keys = mnemonic_keys(DEV_MNEMONIC, count)?.into_iter();
        let owner = keys.next().ok_or_eyre("no account")?;
        let users = keys.by_ref().take(NAMED as usize - 2).collect();
        let scheduler = keys.next().ok_or_eyre("no account")?;
        Ok(Self {
            owner,
            users,
            scheduler,
            workers: keys.collect(),
        })
    }

    /// The named accounts, in the order of the mnemonic.
    pub(crate) fn named(&self) -> impl Iterator<Item = &PrivateKeySigner> {
        std::iter::once(&self.owner)
            .chain(&self.users)
            .chain(std::iter::once(&self.scheduler))
    }

    /// Gives everybody what they lack to begin. `owner` is the owner's.
    pub(crate) async fn endow(&self, owner: &Caller) -> Result<()> {
        let users = self.users.iter().map(|key| give_rlc(owner, key.address()));
        try_join_all(users).await?;
        let ether = self
            .workers
            .iter()
            .map(|key| give_ether(owner, key.address()));
        try_join_all(ether).await?;
        self.stake(owner).await
    }

    /// Puts money on the hub for those who need a stake there.
    async fn stake(&self, owner: &Caller) -> Result<()> {
        let workers = self.workers.iter().map(|key| (key.address(), WORKER_STAKE));
        let scheduler = (self.scheduler.address(), SCHEDULER_STAKE);
        let mut poor = Vec::new();
        for (account, stake) in workers.chain([scheduler]) {
            if is_poor(owner.hub(), account).await? {
                poor.push((account, Nrlc::rlc(stake)));
            }
        }
        if poor.is_empty() {
            return Ok(());
        }
        let total = Nrlc::sum(poor.iter().map(|(_, stake)| *stake))?;
        owner.deposit(total).await?;
        let gifts = poor
            .into_iter()
            .map(|(account, stake)| owner.transfer(account, stake));
        try_join_all(gifts).await?;
        Ok(())
    }
}

async fn is_poor(hub: &Hub, account: Address) -> Result<bool> {
    let has = hub.account(account).await?;
    Ok(has.stake.is_zero() && has.locked.is_zero())
}

async fn give_rlc(owner: &Caller, account: Address) -> Result<()> {
    let has = owner.hub().token_balance(account).await?;
    if has.is_zero() && is_poor(owner.hub(), account).await? {
        owner.transfer_token(account, Nrlc::rlc(RLC_EACH)).await?;
    }
    Ok(())
}

async fn give_ether(owner: &Caller, account: Address) -> Result<()> {
    let has = owner.hub().provider().get_balance(account).await?;
    if has < parse_ether("1")? {
        let gift: U256 = parse_ether("100")?;
        owner.sender().send(account, Bytes::new(), gift).await?;
    }
    Ok(())
}
