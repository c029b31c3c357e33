//! What a deal has room for. PoCo 6.2.0 keeps every number in 256 bits; Canut's hub packs a deal, and refuses orders beyond
//! these bounds, all far above what exists: the whole supply of the token has 57 bits.

use alloy_primitives::U256;

use super::MatchError;
use crate::{Deal, Overflow};

/// Bits of a price, of a worker's stake, and of a trust level.
pub const AMOUNT_BITS: usize = 96;

/// Bits of a task's index, of a deal's size, and of a time.
pub const INDEX_BITS: usize = 40;

/// Bits of a category's id.
pub const CATEGORY_BITS: usize = 16;

/// Longest params of a deal, in bytes: they are stored as the code of a contract (EIP-170).
pub const MAX_PARAMS: usize = 24_191;

/// Whether the hub has room for `deal`.
pub(super) fn check(deal: &Deal) -> Result<(), MatchError> {
    if deal.params.len() > MAX_PARAMS {
        return Err(MatchError::ParamsTooLong {
            length: deal.params.len(),
        });
    }
    let amounts = [
        deal.app.price,
        deal.dataset.price,
        deal.workerpool.price,
        deal.worker_stake,
    ]
    .map(|amount| amount.0);
    // Past the last index, so that each one fits.
    let end = deal.bot_first.saturating_add(deal.bot_size);
    let indices = [end, deal.start_time].map(U256::from);
    let fits = |values: &[U256], bits| values.iter().all(|value| value.bit_len() <= bits);
    let all = fits(&amounts, AMOUNT_BITS)
        && fits(&[deal.trust.0], AMOUNT_BITS)
        && fits(&indices, INDEX_BITS)
        && fits(&[U256::from(deal.category)], CATEGORY_BITS);
    if all { Ok(()) } else { Err(Overflow.into()) }
}
