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
//! Every message is one text frame of JSON, at most [`MAX_FRAME`] bytes. What a message says binds nobody: a worker believes
//! the chain about deals and certified results, the pool believes the chain about votes. The two things that bind,
//! authorisations and votes, carry signatures of their own.

mod auth;
mod message;

pub use auth::{digest, is_signed};
pub use message::{ToPool, ToWorker};

/// Version of the messages. A pool and a worker of different versions part at once.
pub const VERSION: u32 = 1;

/// Largest frame, in bytes.
pub const MAX_FRAME: usize = 64 << 10;

/// Most tasks that a worker may say it holds.
pub const MAX_HOLDING: usize = 512;

/// Path of the sessions on the pool's port.
pub const PATH: &str = "/session";
