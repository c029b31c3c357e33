//! Sessions between a pool and its workers: one WebSocket each, opened by the worker.
//!
//! ```text
//! worker ──────── connects ────────▶ pool
//!        ◀─ Challenge (nonce, hub) ─
//!        ── Hello (signature, …) ──▶
//!        ◀──────── Welcome ─────────
//!        ◀─ Assign, Reveal, … ──────   ── Computed, Uploaded, … ─▶
//! ```
//!
//! In the certificate way, for each range:
//!
//! ```text
//! worker ◀───────── Offer ────────── pool        binds nobody
//!        ── Ready (hash of a vote) ─▶
//!        ◀─────── Assignment ──────              binds the pool
//!        ─────── Commitment ──────▶              binds the worker
//!        ◀────── Roster (all votes)
//!        ──────── Opening ────────▶              one is enough
//!        ◀──────── Settled ────────
//! ```
//!
//! Every message is one text frame of JSON, at most [`MAX_FRAME`] bytes. What a message says binds nobody: a worker believes
//! the chain about deals and certified results, the pool believes the chain about votes. The two things that bind,
//! authorisations and votes, carry signatures of their own.

mod auth;
mod logs;
mod message;

pub use auth::{digest, is_signed};
pub use logs::{MAX_LOG, is_short, tail};
pub use message::{Listed, ToPool, ToWorker};

/// Version of the messages. A pool and a worker of different versions part at once.
pub const VERSION: u32 = 5;

/// Largest frame, in bytes: room for what was found for 4 096 tasks.
pub const MAX_FRAME: usize = 1 << 20;

/// Most tasks that a worker may say it holds.
pub const MAX_HOLDING: usize = 512;

/// Path of the sessions on the pool's port.
pub const PATH: &str = "/session";
