//! The settings that make WebAssembly deterministic.

use std::path::Path;

use wasmtime::{Cache, CacheConfig, Config, Engine, OptLevel};

/// Native stack of an app, in bytes. Part of the protocol: it decides which recursion is too deep.
pub(super) const STACK: usize = 1 << 20;

/// An engine whose modules compute the same everywhere. Compiled code is kept in `cache`, if given.
pub(super) fn new(cache: Option<&Path>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        // One answer for the relaxed instructions; one NaN is the work of `nan`.
        .relaxed_simd_deterministic(true)
        // Work is counted, not timed; the epoch is the last resort.
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .wasm_memory64(false)
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        // The environment of the worker must not change what a failed run reports.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    if let Some(folder) = cache {
        let mut settings = CacheConfig::new();
        settings.with_directory(std::path::absolute(folder)?);
        config.cache(Some(Cache::new(settings)?));
    }
    Engine::new(&config)
}
