//! Accounts of the hub: free and locked balances, and the moves between them.
//!
//! The hub holds the locked money of everyone in its own balance. Each move below is one step of the contract's escrow
//! (PoCo 6.2.0) and changes exactly what it says; what a whole operation moves is a list of them, in the order of the
//! contract's events.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::{Nrlc, Overflow, settlement::KITTY};

/// One step of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// From the account's free balance to the hub, counted as locked for it.
    Lock {
        /// Whose.
        account: Address,
        /// How much.
        amount: Nrlc,
    },
    /// Back from the hub to the account's free balance.
    Unlock {
        /// Whose.
        account: Address,
        /// How much.
        amount: Nrlc,
    },
    /// No longer the account's; the money stays with the hub until it rewards someone.
    Seize {
        /// Whose.
        account: Address,
        /// How much.
        amount: Nrlc,
    },
    /// From the hub to the account's free balance.
    Reward {
        /// Whose.
        account: Address,
        /// How much.
        amount: Nrlc,
    },
    /// What was seized is from now on locked for the kitty. The contract logs `Reward` and `Lock` for it.
    FeedKitty {
        /// How much.
        amount: Nrlc,
    },
}

/// Balances of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Free: can be spent, staked or withdrawn.
    pub stake: Nrlc,
    /// Locked in deals and contributions.
    pub locked: Nrlc,
}

/// All accounts of a hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    accounts: BTreeMap<Address, Account>,
    hub: Nrlc,
}

impl Ledger {
    /// Nobody owns anything.
    pub const fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            hub: Nrlc::ZERO,
        }
    }

    /// The balances of `account`.
    pub fn account(&self, account: Address) -> Account {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    /// What is in the kitty.
    pub fn kitty(&self) -> Nrlc {
        self.account(KITTY).locked
    }

    /// Credits `amount` from outside.
    pub fn deposit(&mut self, account: Address, amount: Nrlc) -> Result<(), Overflow> {
        self.supply()?.plus(amount)?;
        let entry = self.accounts.entry(account).or_default();
        entry.stake = entry.stake.plus(amount)?;
        Ok(())
    }

    /// All there is: free balances, and what the hub holds.
    pub fn supply(&self) -> Result<Nrlc, Overflow> {
        Nrlc::sum(self.accounts.values().map(|account| account.stake))?.plus(self.hub)
    }

    /// What the hub holds that is locked for nobody; nothing, between operations.
    pub fn in_transit(&self) -> Result<Nrlc, Overflow> {
        self.hub.minus(Nrlc::sum(
            self.accounts.values().map(|account| account.locked),
        )?)
    }

    /// Makes all moves in order, or none: an account that is short is an [`Overflow`].
    pub fn apply(&mut self, moves: impl IntoIterator<Item = Move>) -> Result<(), Overflow> {
        let mut after = self.clone();
        moves.into_iter().try_for_each(|step| after.step(step))?;
        *self = after;
        Ok(())
    }

    fn step(&mut self, step: Move) -> Result<(), Overflow> {
        let (account, amount) = step.parties();
        let entry = self.accounts.entry(account).or_default();
        match step {
            Move::Lock { .. } => {
                entry.stake = entry.stake.minus(amount)?;
                entry.locked = entry.locked.plus(amount)?;
                self.hub = self.hub.plus(amount)?;
            }
            Move::Unlock { .. } => {
                entry.locked = entry.locked.minus(amount)?;
                entry.stake = entry.stake.plus(amount)?;
                self.hub = self.hub.minus(amount)?;
            }
            Move::Seize { .. } => entry.locked = entry.locked.minus(amount)?,
            Move::Reward { .. } => {
                entry.stake = entry.stake.plus(amount)?;
                self.hub = self.hub.minus(amount)?;
            }
            Move::FeedKitty { .. } => entry.locked = entry.locked.plus(amount)?,
        }
        Ok(())
    }
}

impl Move {
    /// The account concerned, and the amount.
    pub const fn parties(self) -> (Address, Nrlc) {
        match self {
            Self::Lock { account, amount }
            | Self::Unlock { account, amount }
            | Self::Seize { account, amount }
            | Self::Reward { account, amount } => (account, amount),
            Self::FeedKitty { amount } => (KITTY, amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_short_moves_nothing() {
        let (rich, poor) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut ledger = Ledger::new();
        ledger.deposit(rich, Nrlc::rlc(5)).unwrap();
        let before = ledger.clone();
        let amount = Nrlc::rlc(1);
        let moves = [
            Move::Lock {
                account: rich,
                amount,
            },
            Move::Lock {
                account: poor,
                amount,
            },
        ];
        assert_eq!(ledger.apply(moves), Err(Overflow));
        assert_eq!(ledger, before);
    }
}
