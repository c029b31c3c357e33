//! What the contracts answer, typed: the calls, events, errors and structs that the tests speak.
//!
//! Written from the reference, and checked by a test against the artifacts of both sides.
#![allow(
    missing_docs,
    clippy::too_many_arguments,
    reason = "the names are those of the reference, which explains them"
)]

mod assets;
mod hub;
mod tokens;

pub use assets::{Asset, Registry};
pub use hub::*;
pub use tokens::{Mocks, Token};
