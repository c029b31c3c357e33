//! Apps in containers, on every engine of this machine.

mod debian;
mod escapes;
mod images;
mod leftovers;
mod outcomes;
mod place;
mod traces;
