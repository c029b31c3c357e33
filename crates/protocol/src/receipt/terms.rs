//! A deal, as the hub keeps it: the code of a contract that never runs.
//!
//! STOP, then twelve words, then the params. A word is often an address above a number of 96 bits. Words beyond the end are zero.

use alloy_primitives::{Address, B256, U256, b256};
use serde::{Deserialize, Serialize};

use crate::{Deal, DealId, Nrlc, Resource, Tag, Trust};

/// The hash of the creation code that all deals of a hub share (`contracts/src/Blob.sol`).
pub const BLOB_CODE_HASH: B256 =
    b256!("1e6b902a6567e3fa66edf8bfe6c13fbfecf683d36075c0373b36bb6b72733b44");

const WORDS: usize = 12;

/// What a deal says, with what its views leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DealTerms {
    /// The deal.
    pub deal: Deal,
    /// Reference time of its category when it was made, in seconds.
    pub time_ref: u64,
    /// Whether its request bore the [mark](crate::range::mark) of the certificate way.
    pub marked: bool,
}

/// Where a hub keeps a deal: an address that follows from both alone (EIP-1014).
pub fn address(hub: Address, deal: DealId) -> Address {
    hub.create2(deal.0, BLOB_CODE_HASH)
}

/// Reads a deal from its code; `None` when that is of another deal, or of none.
pub fn decode(id: DealId, code: &[u8]) -> Option<DealTerms> {
    let (stop, bytes) = code.split_first()?;
    let words: [U256; WORDS] = std::array::from_fn(|at| word(bytes, at));
    if *stop != 0 || B256::from(words[0]) != id.0 {
        return None;
    }
    let params = bytes.get(32 * WORDS..).unwrap_or_default();
    let (app, app_price) = split(words[1]);
    let (app_owner, times) = split(words[2]);
    let (workerpool, workerpool_price) = split(words[3]);
    let (scheduler, worker_stake) = split(words[4]);
    let (requester, trust) = split(words[5]);
    let (dataset_owner, sizes) = split(words[6]);
    let (dataset, dataset_price) = split(words[7]);
    let sponsor = split(words[9]).0;
    let resource = |pointer, owner, price| Resource {
        pointer,
        owner,
        price: Nrlc(price),
    };
    let deal = Deal {
        app: resource(app, app_owner, app_price),
        dataset: resource(dataset, dataset_owner, dataset_price),
        workerpool: resource(workerpool, scheduler, workerpool_price),
        trust: Trust(trust),
        category: bits(sizes, 80, 16),
        tag: Tag(words[8].into()),
        requester,
        beneficiary: split(words[10]).0,
        callback: split(words[11]).0,
        params: String::from_utf8_lossy(params).into_owned(),
        start_time: bits(times, 0, 40),
        bot_first: bits(sizes, 0, 40),
        bot_size: bits(sizes, 40, 40),
        worker_stake: Nrlc(worker_stake),
        scheduler_reward_ratio: u8::try_from(bits(times, 80, 8)).ok()?,
        sponsor: if sponsor.is_zero() {
            requester
        } else {
            sponsor
        },
    };
    Some(DealTerms {
        deal,
        time_ref: bits(times, 40, 40),
        marked: bits(times, 88, 8) != 0,
    })
}

fn word(bytes: &[u8], at: usize) -> U256 {
    let from = bytes.len().min(32 * at);
    let to = bytes.len().min(32 * at + 32);
    let mut word = [0; 32];
    let part = bytes.get(from..to).unwrap_or_default();
    for (slot, byte) in word.iter_mut().zip(part) {
        *slot = *byte;
    }
    U256::from_be_bytes(word)
}

fn split(word: U256) -> (Address, U256) {
    let high: U256 = word >> 96;
    let low = word & ((U256::ONE << 96) - U256::ONE);
    (Address::from_word(high.into()), low)
}

fn bits(packed: U256, from: usize, count: usize) -> u64 {
    let part: U256 = (packed >> from) & ((U256::ONE << count) - U256::ONE);
    part.saturating_to()
}
