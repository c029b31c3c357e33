//! How much of a machine its owner lends, and what that makes of it.

use std::num::NonZeroUsize;

use canut_sandbox::Limits;

/// Memory that one run may take, in bytes: its own, and its files. It is the same for all workers, as a run that meets its
/// limits ends alike everywhere, so an owner lends memory for whole runs.
pub fn memory_of_a_run() -> u64 {
    let limits = Limits::default();
    limits.memory_bytes.saturating_add(limits.output_bytes)
}

/// Bytes of the disk that a slot needs at least for its work: a result, and the archive of it.
fn disk_of_a_run() -> u64 {
    Limits::default().output_bytes.saturating_mul(2)
}

/// Why a worker cannot work with what it is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLittle {
    /// Memory.
    #[error("{lent} GiB of memory are lent, {} may take {needed}", of(*slots))]
    Memory {
        /// Slots wanted.
        slots: usize,
        /// GiB that they need.
        needed: u64,
        /// GiB there are.
        lent: u64,
    },
    /// Disk.
    #[error("{lent} GiB of disk are lent, {} and what is kept may take {needed}", of(*slots))]
    Disk {
        /// Slots wanted.
        slots: usize,
        /// GiB that they need.
        needed: u64,
        /// GiB there are.
        lent: u64,
    },
}

impl TooLittle {
    /// What its owner can do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Memory { slots: 1, .. } => "give more --memory",
            Self::Memory { .. } => "give more --memory, or fewer --slots",
            Self::Disk { slots: 1, .. } => "give more --disk, or less --cache",
            Self::Disk { .. } => "give more --disk, less --cache, or fewer --slots",
        }
    }
}

fn of(slots: usize) -> String {
    match slots {
        1 => "a slot".to_owned(),
        slots => format!("{slots} slots"),
    }
}

const GIB: u64 = 1 << 30;

/// Slots on a machine of so many cores that lends `memory` bytes: as many as `wanted`, or else as cores and memory allow.
///
/// # Errors
///
/// [`TooLittle::Memory`] when there is not enough for those wanted, or for one.
pub fn slots(
    wanted: Option<NonZeroUsize>,
    cores: NonZeroUsize,
    memory: Option<u64>,
) -> Result<NonZeroUsize, TooLittle> {
    let Some(memory) = memory else {
        return Ok(wanted.unwrap_or(cores));
    };
    let most = usize::try_from(memory / memory_of_a_run()).unwrap_or(usize::MAX);
    let slots = wanted.map_or(cores.get().min(most), NonZeroUsize::get);
    let needed = memory_of_a_run().saturating_mul(slots.max(1) as u64);
    match NonZeroUsize::new(slots).filter(|slots| slots.get() <= most) {
        Some(slots) => Ok(slots),
        None => Err(TooLittle::Memory {
            slots: slots.max(1),
            needed: needed / GIB,
            lent: memory / GIB,
        }),
    }
}

/// How the disk of a worker is divided, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskShares {
    /// For unpacked images.
    pub images: u64,
    /// For fetched files, those on their way included.
    pub cache: u64,
    /// For everything else: inputs, results, records.
    pub work: u64,
}

impl DiskShares {
    /// The shares of `disk` bytes: half for images, if there are any, a quarter for the cache unless `cache` says otherwise,
    /// the rest for the work.
    ///
    /// # Errors
    ///
    /// [`TooLittle::Disk`] when the rest is not enough for `slots` runs.
    pub fn of(
        disk: u64,
        cache: Option<u64>,
        slots: NonZeroUsize,
        has_images: bool,
    ) -> Result<Self, TooLittle> {
        let images = if has_images { disk / 2 } else { 0 };
        let cache = cache.unwrap_or(disk / 4);
        let needed = disk_of_a_run().saturating_mul(slots.get() as u64);
        let kept = images.saturating_add(cache);
        match disk.checked_sub(kept) {
            Some(work) if work >= needed => Ok(Self {
                images,
                cache,
                work,
            }),
            _ => Err(TooLittle::Disk {
                slots: slots.get(),
                needed: kept.saturating_add(needed).div_ceil(GIB),
                lent: disk / GIB,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    #[test]
    fn memory_is_lent_for_whole_runs() {
        let run = memory_of_a_run();
        assert_eq!(slots(None, count(8), None), Ok(count(8)));
        assert_eq!(slots(None, count(8), Some(2 * run + 1)), Ok(count(2)));
        assert_eq!(slots(None, count(2), Some(9 * run)), Ok(count(2)));
        assert_eq!(slots(Some(count(3)), count(2), Some(3 * run)), Ok(count(3)));
        let refused = |wanted, memory| slots(wanted, count(8), Some(memory)).unwrap_err();
        let few = TooLittle::Memory {
            slots: 3,
            needed: 9,
            lent: 6,
        };
        assert_eq!(refused(Some(count(3)), 2 * run), few);
        assert!(matches!(
            refused(None, run - 1),
            TooLittle::Memory { slots: 1, .. }
        ));
    }

    proptest! {
        #[test]
        fn shares_of_a_disk_are_no_more_than_the_disk(
            disk in 0..u64::MAX, cache in proptest::option::of(0..u64::MAX), number in 1..64_usize, images: bool,
        ) {
            if let Ok(shares) = DiskShares::of(disk, cache, count(number), images) {
                let sum = u128::from(shares.images) + u128::from(shares.cache) + u128::from(shares.work);
                prop_assert_eq!(sum, u128::from(disk));
                prop_assert!(shares.work >= disk_of_a_run() * number as u64);
            }
        }
    }

    #[test]
    fn a_disk_too_small_for_its_slots_is_refused_with_what_is_needed() {
        let shares = DiskShares::of(16 * GIB, None, count(2), true);
        let expected = DiskShares {
            images: 8 * GIB,
            cache: 4 * GIB,
            work: 4 * GIB,
        };
        assert_eq!(shares, Ok(expected));
        let refused = DiskShares::of(8 * GIB, None, count(2), true);
        let needs = TooLittle::Disk {
            slots: 2,
            needed: 10,
            lent: 8,
        };
        assert_eq!(refused, Err(needs));
    }
}
