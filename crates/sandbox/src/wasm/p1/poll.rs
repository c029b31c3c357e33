//! Waiting. Files are always ready, and time passes at once.

use super::{Call, memory::offset, system::CLOCK_REALTIME};
use crate::vfs::{Errno, Error, Result, START_OF_TIME};

/// Subscriptions in one call at most.
const MAX_SUBSCRIPTIONS: u32 = 4096;

const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;

/// A subscription, read.
struct Subscription {
    user: u64,
    kind: u8,
    /// When it is ready, on the monotonic clock; or why it never is.
    ready: std::result::Result<u64, Errno>,
}

pub(super) fn poll_oneoff(
    call: &mut Call<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    result: u32,
) -> Result<()> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Invalid.into());
    }
    let now = call.guest.world.clock.monotonic();
    let mut waiting = Vec::new();
    for index in 0..count {
        waiting.push(subscription(
            call,
            offset(subscriptions, SUBSCRIPTION * index)?,
            now,
        )?);
    }
    let until = waiting
        .iter()
        .map(|subscription| subscription.ready.unwrap_or(now))
        .min()
        .unwrap_or(now);
    call.guest.world.clock.sleep_until(until);
    let mut written = 0;
    for subscription in waiting {
        let error = match subscription.ready {
            Ok(ready) if ready > until.max(now) => continue,
            Ok(_) => 0,
            Err(errno) => errno as u16,
        };
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&subscription.user.to_le_bytes());
        event[8..10].copy_from_slice(&error.to_le_bytes());
        event[10] = subscription.kind;
        event[16..24].copy_from_slice(&u64::from(subscription.kind != 0).to_le_bytes());
        call.memory
            .write(offset(events, EVENT * written)?, &event)?;
        written += 1;
    }
    call.memory.write_u32(result, written)
}

fn subscription(call: &mut Call<'_>, address: u32, now: u64) -> Result<Subscription> {
    let user = call.memory.read_u64(address)?;
    let kind = call.memory.slice(offset(address, 8)?, 1)?[0];
    let ready = match kind {
        0 => {
            let clock = call.memory.read_u32(offset(address, 16)?)?;
            let timeout = call.memory.read_u64(offset(address, 24)?)?;
            let absolute = call.memory.read_u32(offset(address, 40)?)? & 1 != 0;
            Ok(match (absolute, clock) {
                (false, _) => now.saturating_add(timeout),
                (true, CLOCK_REALTIME) => timeout.saturating_sub(START_OF_TIME),
                (true, _) => timeout,
            })
        }
        1 | 2 => {
            let fd = call.memory.read_u32(offset(address, 16)?)?;
            match call.guest.descriptors.get(fd) {
                Ok(_) => Ok(now),
                Err(Error::Errno(errno)) => Err(errno),
                Err(stop) => return Err(stop),
            }
        }
        _ => return Err(Errno::Invalid.into()),
    };
    Ok(Subscription { user, kind, ready })
}
