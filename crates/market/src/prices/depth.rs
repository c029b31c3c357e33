//! The two sides of the book of one category.

use std::sync::Arc;

use canut_protocol::{Nrlc, order::OrderKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    book::{Book, Facet},
    order::Listed,
};

/// All orders of one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Level {
    /// Price of a run, in nRLC.
    #[schema(value_type = u64)]
    pub(crate) price: Nrlc,
    /// Runs at that price.
    pub(crate) volume: u64,
    /// Number of orders.
    pub(crate) orders: u64,
}

/// What is offered and asked for in a category, best price first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Depth {
    /// What requests pay at most to a workerpool: the first is the best bid.
    pub(crate) bids: Vec<Level>,
    /// What workerpools ask for: the first is the best ask.
    pub(crate) asks: Vec<Level>,
}

/// The `levels` best prices of each side.
pub(crate) fn depth(book: &Book, category: u64, levels: usize) -> Depth {
    let side = |kind| sum(book.open().orders(kind, Facet::Category(category)), levels);
    Depth {
        bids: side(OrderKind::Request),
        asks: side(OrderKind::Workerpool),
    }
}

fn sum<'a>(orders: impl Iterator<Item = &'a Arc<Listed>>, levels: usize) -> Vec<Level> {
    let mut sums: Vec<Level> = Vec::new();
    for listed in orders {
        let (price, volume) = (listed.entry.order.price(), listed.remaining);
        if let Some(level) = sums.last_mut().filter(|level| level.price == price) {
            level.volume = level.volume.saturating_add(volume);
            level.orders += 1;
        } else if sums.len() == levels {
            break;
        } else {
            sums.push(Level {
                price,
                volume,
                orders: 1,
            });
        }
    }
    sums
}
