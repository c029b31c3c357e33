//! The settings that make WebAssembly deterministic.

use std::path::Path;

use wasmtime::{Cache, CacheConfig, Config, Engine, OptLevel};

/// Native stack of an app, in bytes. Part of the protocol: it decides which recursion is too deep.
const STACK: usize = 1 << 20;

/// Native stack of what the host does for an app, in bytes: it comes on top of the app's.
const HOST_STACK: usize = 1 << 20;

/// An engine whose modules compute the same everywhere. Compiled code is kept in `cache`, if given.
pub(super) fn new(cache: Option<&Path>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        // One answer for the relaxed instructions; one NaN is the work of `nan`.
        .relaxed_simd_deterministic(true)
        // Work is counted, not timed.
        .consume_fuel(true)
        .max_wasm_stack(STACK)
        .async_stack_size(STACK + HOST_STACK)
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
