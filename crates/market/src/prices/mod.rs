//! What runs cost: trades, candles, and the two sides of the book.
//!
//! The price of a category is that of its workerpools: what the machines, the certification included, cost per run.

mod depth;
mod history;

pub(crate) use depth::{Depth, Level, depth};
pub(crate) use history::{Candle, History, Summary};
