//! The market: signed orders, the best price first.
//!
//! - [`Server`] runs it: an HTTP API that iExec's SDK speaks to, over a [`chain`] and a database (SQLite or PostgreSQL).
//! - The order book holds what people signed. Where an order stands follows from the chain, through deals, cancellations,
//!   sales and re-organisations; the database keeps only the signed orders and a copy of the chain's facts.
//! - [`matching`] finds the cheapest orders that fill a request, and says why others do not.
//! - Prices: candles, depth, and a feed of everything that happens.
//!
//! Every rule of the protocol is `canut_protocol`'s. The market holds no key, and cannot make a deal nobody signed.

mod api;
mod book;
pub mod chain;
mod engine;
mod feed;
pub mod matching;
mod metrics;
mod order;
mod prices;
mod server;
mod storage;

pub use order::{AnyOrder, Status};
pub use server::{Config, Server, StartError};
pub use storage::{StorageError, sqlite_url};
