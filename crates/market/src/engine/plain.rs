//! Accounts known to have no code.

use std::collections::{HashMap, VecDeque};

use alloy_primitives::Address;
use parking_lot::Mutex;

/// Blocks after which an account is looked up again.
const BLOCKS: u64 = 64;

/// Accounts remembered at most.
const ACCOUNTS: usize = 65_536;

/// Accounts, and the height at which they had no code.
#[derive(Debug, Default)]
pub(super) struct PlainAccounts {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    heights: HashMap<Address, u64>,
    oldest: VecDeque<Address>,
}

impl PlainAccounts {
    /// Whether the account had no code a short while before `height`.
    pub(super) fn knows(&self, account: Address, height: u64) -> bool {
        let known = self.known.lock();
        // After a re-organisation the height may be lower.
        known
            .heights
            .get(&account)
            .is_some_and(|seen| seen.abs_diff(height) < BLOCKS)
    }

    /// Notes that the account had no code at `height`.
    pub(super) fn learn(&self, account: Address, height: u64) {
        let mut known = self.known.lock();
        if known.heights.insert(account, height).is_none() {
            known.oldest.push_back(account);
        }
        if known.oldest.len() > ACCOUNTS
            && let Some(oldest) = known.oldest.pop_front()
        {
            known.heights.remove(&oldest);
        }
    }
}
