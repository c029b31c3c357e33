//! Orders as the market keeps them: one type for the four kinds, what is read from outside, and what is shown.

mod any;
mod entry;
mod read;

pub use any::AnyOrder;
pub(crate) use any::{KINDS, kind_name};
pub use entry::Status;
pub(crate) use entry::{Entry, Listed, iso};
pub(crate) use read::{MAX_INTEGER, read};
