//! The embedded Ethereum node: one executor, one store, one JSON-RPC server, several orderings.
#![allow(dead_code, unused_imports)]

mod codec;
mod state;
mod store;
mod trie;
