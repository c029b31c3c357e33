//! What a worker asks before it takes a task, whatever its pool says. Deal and balances come from the chain.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use canut_protocol::{Deal, Failure, Nrlc, TaskId, result, signature, task::Deadlines};

/// What the owner of a worker accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Largest stake on one task; `None` for any.
    pub max_stake: Option<Nrlc>,
    /// Least price of a task; what the worker gets is its share of that.
    pub min_price: Nrlc,
    /// Apps that are not run.
    pub refused_apps: BTreeSet<Address>,
    /// Least time before the contribution deadline, in seconds, beside the reference time of the category.
    pub spare: u64,
}

impl Terms {
    /// Whether the owner takes tasks of the deal.
    pub(crate) fn admit(&self, deal: &Deal) -> Result<(), Failure> {
        if self.max_stake.is_some_and(|most| deal.worker_stake > most) {
            return Err(Failure::StakeRefused);
        }
        if deal.workerpool.price < self.min_price || self.refused_apps.contains(&deal.app.pointer) {
            return Err(Failure::TermsRefused);
        }
        Ok(())
    }
}

/// What an assignment is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The task.
    pub task: TaskId,
    /// Its index.
    pub index: u64,
    /// Its deal.
    pub deal: &'a Deal,
    /// Reference time of the deal's category, in seconds.
    pub time_ref: u64,
    /// The pool's signature.
    pub authorization: &'a [u8],
    /// What the worker could lock: its balance, less what other tasks are going to lock.
    pub free: Nrlc,
    /// Now, in seconds since the epoch.
    pub now: u64,
}

/// Whether `worker`, of the pool at `workerpool`, takes the task; if not, why.
pub fn screen(
    offer: Offer<'_>,
    worker: Address,
    workerpool: Address,
    terms: &Terms,
) -> Result<(), Failure> {
    let Offer {
        task,
        index,
        deal,
        time_ref,
        authorization,
        free,
        now,
    } = offer;
    if deal.workerpool.pointer != workerpool || !deal.has_task(index) {
        return Err(Failure::DealForeign);
    }
    let digest = result::authorization_digest(worker, task, Address::ZERO);
    if !signature::verify(deal.scheduler(), digest, authorization).unwrap_or(false) {
        return Err(Failure::AuthorizationInvalid);
    }
    if deal.tag.is_tee() {
        return Err(Failure::RuntimeMissing);
    }
    // A run takes the reference time at most; the vote must still be in time then.
    let deadlines = Deadlines::of(deal.start_time, time_ref).map_err(|_| Failure::TooLate)?;
    let end = now.saturating_add(time_ref).saturating_add(terms.spare);
    if end > deadlines.contribution {
        return Err(Failure::TooLate);
    }
    terms.admit(deal)?;
    if deal.worker_stake > free {
        return Err(Failure::StakeTooLow);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use canut_protocol::{DealId, Resource, Tag};

    use super::*;

    const ME: Address = Address::repeat_byte(1);
    const POOL: Address = Address::repeat_byte(2);

    #[test]
    fn a_worker_trusts_no_word_of_its_pool() {
        let key = PrivateKeySigner::random();
        let workerpool = Resource {
            pointer: POOL,
            owner: key.address(),
            price: Nrlc::from(100),
        };
        let deal = Deal {
            workerpool,
            bot_size: 2,
            start_time: 1_000,
            worker_stake: Nrlc::from(30),
            ..Deal::default()
        };
        let task = TaskId::of(DealId::default(), 0);
        let sign = |worker| {
            let digest = result::authorization_digest(worker, task, Address::ZERO);
            key.sign_hash_sync(&digest).unwrap().as_bytes()
        };
        let authorization = sign(ME);
        let fair = Offer {
            task,
            index: 0,
            deal: &deal,
            time_ref: 300,
            authorization: &authorization,
            free: Nrlc::from(30),
            now: 1_000,
        };
        let terms = Terms {
            max_stake: Some(Nrlc::from(30)),
            min_price: Nrlc::from(100),
            refused_apps: [Address::repeat_byte(9)].into(),
            spare: 10,
        };
        let refused = |offer| screen(offer, ME, POOL, &terms).unwrap_err();
        assert_eq!(screen(fair, ME, POOL, &terms), Ok(()));
        assert_eq!(screen(fair, ME, ME, &terms), Err(Failure::DealForeign));
        assert_eq!(refused(Offer { index: 2, ..fair }), Failure::DealForeign);
        let stolen = sign(POOL);
        let with_stolen = Offer {
            authorization: &stolen,
            ..fair
        };
        assert_eq!(refused(with_stolen), Failure::AuthorizationInvalid);
        let free = Nrlc::from(29);
        assert_eq!(refused(Offer { free, ..fair }), Failure::StakeTooLow);
        let now = 1_000 + 6 * 300;
        assert_eq!(refused(Offer { now, ..fair }), Failure::TooLate);
        let dear = Deal {
            worker_stake: Nrlc::from(31),
            ..deal.clone()
        };
        let of = |deal| refused(Offer { deal, ..fair });
        assert_eq!(of(&dear), Failure::StakeRefused);
        let mut cheap = deal.clone();
        cheap.workerpool.price = Nrlc::from(99);
        assert_eq!(of(&cheap), Failure::TermsRefused);
        let mut unwanted = deal.clone();
        unwanted.app.pointer = Address::repeat_byte(9);
        assert_eq!(of(&unwanted), Failure::TermsRefused);
        let enclave = Deal {
            tag: Tag::TEE,
            ..deal.clone()
        };
        assert_eq!(of(&enclave), Failure::RuntimeMissing);
    }
}
