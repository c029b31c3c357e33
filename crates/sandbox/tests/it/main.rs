//! Apps run in the `wasm` runtime: what they can do, and all that they cannot.

mod apps;
mod cache;
mod determinism;
mod escapes;
mod guest;
mod limits;
mod loader;
mod outcomes;
