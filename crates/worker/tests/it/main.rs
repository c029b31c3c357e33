//! A pool and its workers on a real chain, over real sockets.

#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod bag;
mod loom;
mod market;
mod node;
mod restarts;
