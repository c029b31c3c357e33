//! A vault over a node of its own, spoken to over sockets.

mod api;
mod world;
