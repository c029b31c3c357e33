//! The machine itself.

use std::{num::NonZeroUsize, path::Path, thread};

use alloy::signers::local::PrivateKeySigner;
use canut_protocol::Domain;
use canut_sandbox::WasmRuntime;

use super::{
    Check, State,
    containers::{self, Containers},
};
use crate::{
    benchmark,
    lending::{DiskShares, TooLittle, memory_of_a_run},
    machine::{Machine, available_memory, free_disk},
};

/// Room on the disk below which little works, in bytes.
const ROOM: u64 = 10 << 30;

/// What the owner lends of the machine, as the worker reads it.
#[derive(Clone, Debug)]
pub struct Lent {
    /// Tasks at the same time.
    pub slots: Result<NonZeroUsize, TooLittle>,
    /// Bytes of memory, if they are limited.
    pub memory: Option<u64>,
    /// How the disk is divided, if it is limited.
    pub disk: Result<Option<DiskShares>, TooLittle>,
    /// Whether apps may be containers.
    pub containers: Containers,
}

/// Looks at processor, memory, disk and runtimes. The worker's folder is, or will be, at `folder`.
pub async fn examine(folder: &Path, lent: &Lent) -> Vec<Check> {
    let mut checks = vec![slots(lent), memory(lent), disk(folder, lent), wasm()];
    checks.extend(containers::examine(&lent.containers).await);
    checks
}

/// What the machine was measured to do, as its worker's folder has it.
pub fn benchmark(folder: &Path, key: &PrivateKeySigner, domain: &Domain) -> Check {
    match benchmark::known(folder, key, domain) {
        Some(known) => {
            let single = known.benchmark.single / 1_000_000;
            let found = format!("{single} million WebAssembly instructions a second on one core");
            Check::good("benchmark", found)
        }
        None => Check::not(
            State::Less,
            "benchmark",
            "not measured as it is now",
            "`canut worker benchmark` does it, and so does the worker when it starts",
        ),
    }
}

fn slots(lent: &Lent) -> Check {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    match &lent.slots {
        Ok(slots) => Check::good("slots", format!("{slots}, on {cores} cores")),
        Err(little) => too_little("slots", little),
    }
}

fn too_little(name: &'static str, little: &TooLittle) -> Check {
    Check::not(State::Bad, name, little.to_string(), little.remedy())
}

fn memory(lent: &Lent) -> Check {
    let Some(free) = available_memory() else {
        return Check::not(State::Less, "memory", "unknown", "look at /proc/meminfo");
    };
    let run = memory_of_a_run();
    let fit = free / run;
    let wanted = lent.slots.as_ref().map_or(1, |slots| slots.get() as u64);
    let found = format!(
        "{} MiB available, enough for {fit} of the largest runs at once",
        free >> 20
    );
    let all = Machine::here().memory;
    if let Some(lent) = lent.memory.filter(|lent| *lent > all) {
        let found = format!(
            "{} GiB are lent, the machine has {} MiB",
            lent >> 30,
            all >> 20
        );
        return Check::not(State::Less, "memory", found, "give less --memory");
    }
    if fit >= wanted {
        return Check::good("memory", found);
    }
    let most = fit.max(1);
    let remedy = format!(
        "a run may take {} GiB: give --memory {} (or --slots {most}), and close what else runs",
        run >> 30,
        most * (run >> 30),
    );
    Check::not(State::Less, "memory", found, remedy)
}

fn disk(folder: &Path, lent: &Lent) -> Check {
    let lent = match &lent.disk {
        Ok(shares) => *shares,
        Err(little) => return too_little("disk", little),
    };
    match free_disk(folder) {
        Ok((free, there)) => {
            let mut found = format!("{} MiB free at {}", free >> 20, there.display());
            let mut needed = ROOM;
            if let Some(shares) = lent {
                found += &format!(
                    "; lent: {} GiB for images, {} for fetched files, {} for work",
                    shares.images >> 30,
                    shares.cache >> 30,
                    shares.work >> 30,
                );
                needed = shares
                    .images
                    .saturating_add(shares.cache)
                    .saturating_add(shares.work);
            }
            if free < needed {
                Check::not(
                    State::Less,
                    "disk",
                    found,
                    "apps, inputs and images need room: choose another --dir, or a smaller --disk; what is there of the worker counts as used",
                )
            } else {
                Check::good("disk", found)
            }
        }
        Err(error) => Check::not(
            State::Bad,
            "disk",
            error.to_string(),
            "choose another --dir",
        ),
    }
}

fn wasm() -> Check {
    match WasmRuntime::new(None) {
        Ok(_) => Check::good("wasm", "works"),
        Err(fault) => Check::not(
            State::Bad,
            "wasm",
            fault.to_string(),
            "use a 64-bit processor of Intel, AMD or ARM",
        ),
    }
}
