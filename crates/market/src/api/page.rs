//! Pages of lists.

use super::{error::ApiError, params::Uint};

const DEFAULT: u64 = 20;
const LEAST: u64 = 10;
const MOST: u64 = 1_000;

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) skip: u64,
    pub(super) limit: u64,
}

impl Range {
    /// From `pageSize`, `pageIndex` (from 0), and the older `page`, which is how many to skip.
    pub(super) fn read(
        size: Option<Uint>,
        index: Option<Uint>,
        skip: Option<Uint>,
    ) -> Result<Self, ApiError> {
        let limit = size.map_or(DEFAULT, |size| size.0);
        if !(LEAST..=MOST).contains(&limit) {
            return Err(ApiError::bad(format!(
                "`pageSize` is {limit}: ask for {LEAST} to {MOST}"
            )));
        }
        let skip = match (index, skip) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad("give `pageIndex` or `page`, not both"));
            }
            (None, skip) => skip.map_or(0, |skip| skip.0),
            (Some(index), None) => index.0.saturating_mul(limit),
        };
        Ok(Self { skip, limit })
    }

    /// What comes after a page of `shown`: nothing when it was not full.
    pub(super) const fn next(self, shown: u64) -> Option<u64> {
        if shown == self.limit {
            Some(self.skip.saturating_add(self.limit))
        } else {
            None
        }
    }
}
