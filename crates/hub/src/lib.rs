//! The chain as the market sees it: contract bindings, deployment, and a typed hub.
//!
//! ```text
//! connect ──▶ provider ──▶ deploy ──▶ Deployment
//!                │                        │
//!                ├──▶ Hub (read) ◀────────┤
//!                ├──▶ Sender (one key) ──▶ Caller (change)
//!                └──▶ Follower (watch) ◀──┘
//! ```
//!
//! - [`connect`] reaches a node over HTTP or WebSocket; any other `alloy` provider does as well.
//! - [`deploy()`] puts a market on a chain, or finishes one, and says where its contracts are: [`Deployment`].
//! - [`Hub`] reads it in the types of `canut_protocol`, and tells beforehand whether orders would match.
//! - [`Sender`] sends many transactions of one key at once; [`Caller`] calls the hub with it and returns typed [`Receipt`]s.
//!   A [`Refusal`] says what is wrong and what to do, also where the contract says nothing.
//! - [`Follower`] tells what happens, in order and exactly once, through lost connections and re-organisations.

pub mod bindings;
mod call;
mod caller;
mod connect;
mod convert;
pub mod deploy;
mod error;
pub mod events;
mod heads;
mod http;
mod hub;
mod refusal;
pub mod sender;

pub use caller::{Alone, Ballot, Caller, Delivered, Receipt};
pub use connect::{ConnectError, connect};
pub use deploy::{DeployError, Deployment, Plan, deploy};
pub use error::{Error, Result};
pub use events::{Event, Follower};
pub use hub::{App, Bond, Dataset, Hub, RangeRecord, RangeState, Workerpool};
pub use refusal::{RangeRefusal, Refusal};
pub use sender::{Sender, SenderConfig};
