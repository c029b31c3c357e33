//! A worker's bond in a pool: put in, asked back, taken out a week later.

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256};
use canut_hub::Caller;
use canut_protocol::{Nrlc, range::Unbond, signature::CompactSignature};
use serde::Serialize;

/// How long what a worker wishes may be carried out, in seconds.
const WISH: u64 = 3_600;

/// What became of a bond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Whose bond.
    pub worker: Address,
    /// In which pool.
    pub workerpool: Address,
    /// What was put in.
    pub added: Nrlc,
    /// What was asked back.
    pub asked: Nrlc,
    /// What was taken out: it is free on the hub.
    pub withdrawn: Nrlc,
    /// What answers for new votes from now on.
    pub bond: Nrlc,
    /// What was asked back in all, and answers for votes given before until it is taken out.
    pub pending: Nrlc,
    /// When that can be taken out, in seconds since 1970; 0 if there is nothing.
    pub ready_at: u64,
    /// The transactions.
    pub transactions: Vec<B256>,
}

/// Why a bond is not changed.
#[derive(Debug, thiserror::Error)]
pub enum BondError {
    /// The chain, or the hub's refusal.
    #[error(transparent)]
    Hub(#[from] canut_hub::Error),
    /// The worker's key cannot sign.
    #[error("the worker's key cannot sign: {0}")]
    Key(#[from] alloy::signers::Error),
    /// Nobody would use the bond.
    #[error("there is no workerpool at {0}: check the address and the hub")]
    NoPool(Address),
    /// More than there is on the hub.
    #[error(
        "{account} has {free} free on the hub, and {amount} are to be bonded: deposit more with `canut account deposit`"
    )]
    Short {
        /// Who pays.
        account: Address,
        /// What it has.
        free: Nrlc,
        /// What is to be bonded.
        amount: Nrlc,
    },
    /// There is no bond.
    #[error("{worker} has no bond in workerpool {workerpool}: there is nothing to ask back")]
    Nothing {
        /// Who.
        worker: Address,
        /// Where.
        workerpool: Address,
    },
    /// More than there is in the bond.
    #[error("{amount} cannot be asked back: the bond of {worker} is {bond}")]
    TooMuch {
        /// Who.
        worker: Address,
        /// What it has.
        bond: Nrlc,
        /// What is asked for.
        amount: Nrlc,
    },
    /// A week is not over.
    #[error(
        "{pending} were asked back and still answer for votes given before: they can be taken out in {left} s",
        left = .ready_at.saturating_sub(*.now)
    )]
    Waiting {
        /// How much.
        pending: Nrlc,
        /// From then on it can be taken out, in seconds since 1970.
        ready_at: u64,
        /// Time of the chain.
        now: u64,
    },
}

/// Puts `amount` out of the caller's account on the hub into the bond of `worker`, whose it is from then on.
///
/// # Errors
///
/// [`BondError::NoPool`], [`BondError::Short`]; whatever the hub says.
pub async fn bond(
    caller: &Caller,
    workerpool: Address,
    worker: Address,
    amount: Nrlc,
) -> Result<Changed, BondError> {
    let hub = caller.hub();
    if hub.workerpool(workerpool).await?.is_none() {
        return Err(BondError::NoPool(workerpool));
    }
    let (account, free) = (caller.address(), hub.account(caller.address()).await?.stake);
    if free < amount {
        return Err(BondError::Short {
            account,
            free,
            amount,
        });
    }
    let done = if worker == account {
        caller.bond(workerpool, amount).await?
    } else {
        caller.bond_for(workerpool, worker, amount).await?
    };
    let mut changed = Changed::none(workerpool, worker);
    changed.added = amount;
    changed.transactions.push(done.transaction);
    changed.seen(caller).await
}

/// Takes out of the bond of a worker what was asked back a week ago, and asks `amount` back. Without an amount it asks for everything,
/// unless something was asked back before: then it only takes out what it can. Asking again starts the week anew for all of it.
///
/// The caller pays for the transactions; a worker that is somebody else signs what it wishes.
///
/// # Errors
///
/// [`BondError::Nothing`], [`BondError::TooMuch`], [`BondError::Waiting`]; whatever the hub says.
pub async fn unbond(
    caller: &Caller,
    workerpool: Address,
    key: &PrivateKeySigner,
    amount: Option<Nrlc>,
) -> Result<Changed, BondError> {
    let (hub, worker) = (caller.hub(), key.address());
    let has = hub.bond(workerpool, worker).await?;
    let asked = match amount {
        Some(amount) if amount > has.amount => {
            return Err(BondError::TooMuch {
                worker,
                bond: has.amount,
                amount,
            });
        }
        Some(amount) => amount,
        None if has.pending.is_zero() => has.amount,
        None => Nrlc::ZERO,
    };
    if asked.is_zero() && has.pending.is_zero() {
        return Err(BondError::Nothing { worker, workerpool });
    }
    let mut changed = Changed::none(workerpool, worker);
    let now = hub.now().await?;
    if !has.pending.is_zero() && has.ready_at <= now {
        let done = caller.withdraw_bond(workerpool, worker).await?;
        changed.withdrawn = has.pending;
        changed.transactions.push(done.transaction);
    } else if asked.is_zero() {
        return Err(BondError::Waiting {
            pending: has.pending,
            ready_at: has.ready_at,
            now,
        });
    }
    if !asked.is_zero() {
        let done = if worker == caller.address() {
            caller.unbond(workerpool, asked).await?
        } else {
            let wish = Unbond {
                workerpool,
                amount: asked,
                nonce: hub.bond_nonce(workerpool, worker).await?,
                deadline: now.saturating_add(WISH),
            };
            let signed = key.sign_hash_sync(&wish.digest(&hub.domain()))?;
            let signature = CompactSignature::from(&signed);
            caller.unbond_for(worker, &wish, signature).await?
        };
        changed.asked = asked;
        changed.transactions.push(done.transaction);
    }
    changed.seen(caller).await
}

impl Changed {
    const fn none(workerpool: Address, worker: Address) -> Self {
        Self {
            worker,
            workerpool,
            added: Nrlc::ZERO,
            asked: Nrlc::ZERO,
            withdrawn: Nrlc::ZERO,
            bond: Nrlc::ZERO,
            pending: Nrlc::ZERO,
            ready_at: 0,
            transactions: Vec::new(),
        }
    }

    /// With what the chain says now.
    async fn seen(mut self, caller: &Caller) -> Result<Self, BondError> {
        let has = caller.hub().bond(self.workerpool, self.worker).await?;
        (self.bond, self.pending) = (has.amount, has.pending);
        self.ready_at = if has.pending.is_zero() {
            0
        } else {
            has.ready_at
        };
        Ok(self)
    }
}
