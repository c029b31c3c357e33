//! Arguments, environment, clocks, random numbers; and the sockets that are not there.

use rand_core::Rng;

use super::{Call, memory::offset};
use crate::{
    vfs::{Errno, Result, Stop},
    wasm::clock::Clock,
};

/// Realtime, monotonic, and the two clocks of processor time, which are the monotonic one here.
pub(super) const CLOCK_REALTIME: u32 = 0;
const CLOCKS: u32 = 4;

pub(super) fn args_get(call: &mut Call<'_>, pointers: u32, buffer: u32) -> Result<()> {
    let strings = arguments(call);
    put(call, &strings, pointers, buffer)
}

pub(super) fn args_sizes_get(call: &mut Call<'_>, count: u32, size: u32) -> Result<()> {
    let strings = arguments(call);
    put_sizes(call, &strings, count, size)
}

pub(super) fn environ_get(call: &mut Call<'_>, pointers: u32, buffer: u32) -> Result<()> {
    let strings = environment(call);
    put(call, &strings, pointers, buffer)
}

pub(super) fn environ_sizes_get(call: &mut Call<'_>, count: u32, size: u32) -> Result<()> {
    let strings = environment(call);
    put_sizes(call, &strings, count, size)
}

/// Strings as C wants them, ending in a zero.
fn arguments(call: &Call<'_>) -> Vec<String> {
    call.guest
        .world
        .arguments
        .iter()
        .map(|argument| format!("{argument}\0"))
        .collect()
}

fn environment(call: &Call<'_>) -> Vec<String> {
    call.guest
        .world
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}\0"))
        .collect()
}

fn put(call: &mut Call<'_>, strings: &[String], mut pointers: u32, mut buffer: u32) -> Result<()> {
    for string in strings {
        call.memory.write_u32(pointers, buffer)?;
        call.memory.write(buffer, string.as_bytes())?;
        pointers = offset(pointers, 4)?;
        buffer = offset(buffer, string.len() as u32)?;
    }
    Ok(())
}

fn put_sizes(call: &mut Call<'_>, strings: &[String], count: u32, size: u32) -> Result<()> {
    let bytes = strings.iter().map(String::len).sum::<usize>();
    call.memory.write_u32(count, strings.len() as u32)?;
    call.memory
        .write_u32(size, u32::try_from(bytes).map_err(|_| Errno::Overflow)?)
}

pub(super) fn clock_res_get(call: &mut Call<'_>, clock: u32, result: u32) -> Result<()> {
    if clock >= CLOCKS {
        return Err(Errno::Invalid.into());
    }
    call.memory.write_u64(result, Clock::resolution())
}

pub(super) fn clock_time_get(
    call: &mut Call<'_>,
    clock: u32,
    _precision: u64,
    result: u32,
) -> Result<()> {
    let now = match clock {
        CLOCK_REALTIME => call.guest.world.clock.wall(),
        1..CLOCKS => call.guest.world.clock.monotonic(),
        _ => return Err(Errno::Invalid.into()),
    };
    call.memory.write_u64(result, now)
}

pub(super) fn random_get(call: &mut Call<'_>, buffer: u32, length: u32) -> Result<()> {
    call.guest
        .world
        .random
        .fill_bytes(call.memory.slice_mut(buffer, length)?);
    Ok(())
}

pub(super) fn sched_yield(_call: &mut Call<'_>) -> Result<()> {
    Ok(())
}

/// A signal ends the program, with the status that a shell gives it.
pub(super) fn proc_raise(_call: &mut Call<'_>, signal: u32) -> Result<()> {
    Err(Stop::Exit(signal.saturating_add(128)).into())
}

pub(super) fn sock_accept(call: &mut Call<'_>, fd: u32, _flags: u32, _result: u32) -> Result<()> {
    no_socket(call, fd)
}

pub(super) fn sock_recv(
    call: &mut Call<'_>,
    fd: u32,
    _iovecs: u32,
    _count: u32,
    _flags: u32,
    _size: u32,
    _result: u32,
) -> Result<()> {
    no_socket(call, fd)
}

pub(super) fn sock_send(
    call: &mut Call<'_>,
    fd: u32,
    _iovecs: u32,
    _count: u32,
    _flags: u32,
    _size: u32,
) -> Result<()> {
    no_socket(call, fd)
}

pub(super) fn sock_shutdown(call: &mut Call<'_>, fd: u32, _how: u32) -> Result<()> {
    no_socket(call, fd)
}

fn no_socket(call: &Call<'_>, fd: u32) -> Result<()> {
    call.guest.descriptors.get(fd)?;
    Err(Errno::NotSocket.into())
}
