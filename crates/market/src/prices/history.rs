//! Trades of the past.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use canut_protocol::Nrlc;
use serde::Serialize;
use utoipa::ToSchema;

use crate::chain::{Fact, Record};

/// A deal, seen as a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trade {
    time: u64,
    price: Nrlc,
    volume: u64,
}

/// The trades of each category, in the order of the chain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    trades: BTreeMap<u64, Vec<Trade>>,
}

/// Trades of one interval. Prices in nRLC per run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Candle {
    /// Begin of the interval, in seconds since the epoch.
    pub(crate) time: u64,
    /// Price of the first trade.
    #[schema(value_type = u64)]
    pub(crate) open: Nrlc,
    /// Highest price.
    #[schema(value_type = u64)]
    pub(crate) high: Nrlc,
    /// Lowest price.
    #[schema(value_type = u64)]
    pub(crate) low: Nrlc,
    /// Price of the last trade.
    #[schema(value_type = u64)]
    pub(crate) close: Nrlc,
    /// Runs traded.
    pub(crate) volume: u64,
    /// What they cost together, in nRLC.
    #[schema(value_type = u64)]
    pub(crate) turnover: Nrlc,
    /// Number of trades.
    pub(crate) trades: u64,
}

/// The latest of a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Price of the last trade, in nRLC per run; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub(crate) last_price: Option<Nrlc>,
    /// When it was, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_time: Option<u64>,
    /// Runs traded in the 24 hours before the newest block.
    pub(crate) volume_24h: u64,
    /// What they cost together, in nRLC.
    #[schema(value_type = u64)]
    pub(crate) turnover_24h: Nrlc,
}

/// Seconds of a day.
const DAY: u64 = 86_400;

impl History {
    /// Takes in one fact.
    pub(crate) fn apply(&mut self, record: &Record) {
        if let Fact::Matched {
            volume,
            category,
            price,
            ..
        } = &record.fact
        {
            let trade = Trade {
                time: record.timestamp,
                price: *price,
                volume: *volume,
            };
            self.trades.entry(*category).or_default().push(trade);
        }
    }

    fn of(&self, category: u64) -> &[Trade] {
        self.trades.get(&category).map_or(&[], Vec::as_slice)
    }

    /// The last `limit` trades of a category: time, price, volume; the oldest first.
    pub(crate) fn last(&self, category: u64, limit: usize) -> Vec<(u64, Nrlc, u64)> {
        let trades = self.of(category);
        let last = trades
            .get(trades.len().saturating_sub(limit)..)
            .unwrap_or_default();
        last.iter()
            .map(|trade| (trade.time, trade.price, trade.volume))
            .collect()
    }

    /// The candles of a category between two times, `from` included, the newest `limit` of them. Intervals start at
    /// multiples of `interval` seconds; those without a trade are left out.
    pub(crate) fn candles(
        &self,
        category: u64,
        interval: u64,
        from: u64,
        to: u64,
        limit: usize,
    ) -> Vec<Candle> {
        let interval = interval.max(1);
        let trades = self.of(category);
        let start = trades.partition_point(|trade| trade.time < from);
        let end = trades.partition_point(|trade| trade.time < to);
        let mut candles: Vec<Candle> = Vec::new();
        for trade in trades.get(start..end).unwrap_or_default().iter().rev() {
            let time = trade.time - trade.time % interval;
            if let Some(candle) = candles.last_mut().filter(|candle| candle.time == time) {
                candle.precede(trade);
            } else if candles.len() == limit {
                break;
            } else {
                candles.push(Candle::of(time, trade));
            }
        }
        candles.reverse();
        candles
    }

    /// The latest of a category at `now`, in seconds since the epoch.
    pub(crate) fn summary(&self, category: u64, now: u64) -> Summary {
        let trades = self.of(category);
        let start = trades.partition_point(|trade| trade.time + DAY <= now);
        let day = trades.get(start..).unwrap_or_default();
        let last = trades.last();
        Summary {
            last_price: last.map(|trade| trade.price),
            last_time: last.map(|trade| trade.time),
            volume_24h: day
                .iter()
                .fold(0, |sum, trade| sum.saturating_add(trade.volume)),
            turnover_24h: Nrlc(
                day.iter()
                    .map(Trade::turnover)
                    .fold(U256::ZERO, U256::saturating_add),
            ),
        }
    }
}

impl Trade {
    fn turnover(&self) -> U256 {
        self.price.0.saturating_mul(U256::from(self.volume))
    }
}

impl Candle {
    fn of(time: u64, trade: &Trade) -> Self {
        Self {
            time,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.volume,
            turnover: Nrlc(trade.turnover()),
            trades: 1,
        }
    }

    /// Adds a trade made before all in it.
    fn precede(&mut self, trade: &Trade) {
        self.open = trade.price;
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.volume = self.volume.saturating_add(trade.volume);
        self.turnover = Nrlc(self.turnover.0.saturating_add(trade.turnover()));
        self.trades += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn history(trades: &[(u64, u64, u64)]) -> History {
        let mut history = History::default();
        for (time, price, volume) in trades {
            let (price, volume) = (Nrlc::new(*price), *volume);
            let fact = Fact::Matched {
                orders: Default::default(),
                volume,
                category: 2,
                price,
            };
            history.apply(&Record {
                block: 0,
                timestamp: *time,
                fact,
            });
        }
        history
    }

    #[test]
    fn a_candle_tells_the_story_of_its_hour() {
        let history = history(&[
            (3_599, 7, 1),
            (3_600, 5, 1),
            (3_700, 9, 2),
            (7_199, 6, 3),
            (7_200, 1, 1),
        ]);
        let candles = history.candles(2, 3_600, 3_600, 7_200, 10);
        let [candle] = candles.as_slice() else {
            panic!("{candles:?}")
        };
        assert_eq!(
            [candle.open, candle.high, candle.low, candle.close].map(|p| p.0.to::<u64>()),
            [5, 9, 5, 6]
        );
        assert_eq!((candle.time, candle.volume, candle.trades), (3_600, 6, 3));
        assert_eq!(candle.turnover, Nrlc::new(5 + 18 + 18));
        assert_eq!(
            history.candles(2, 3_600, 0, u64::MAX, 2).len(),
            2,
            "the newest two"
        );
        assert_eq!(history.candles(2, 3_600, 0, u64::MAX, 2)[1].time, 7_200);
        assert!(history.candles(0, 3_600, 0, u64::MAX, 9).is_empty());
    }

    #[test]
    fn yesterday_does_not_count_for_the_day() {
        let history = history(&[(0, 5, 10), (100, 3, 1)]);
        let summary = history.summary(2, 86_400);
        assert_eq!(
            (summary.volume_24h, summary.last_price),
            (1, Some(Nrlc::new(3)))
        );
        assert_eq!(history.summary(1, 5), Summary::default());
    }

    proptest! {
        #[test]
        fn candles_lose_no_trade(mut trades in prop::collection::vec((0..5_000u64, 0..9u64, 1..9u64), 0..40), interval in 1..900u64) {
            trades.sort();
            let candles = history(&trades).candles(2, interval, 0, u64::MAX, usize::MAX);
            prop_assert_eq!(candles.iter().map(|c| c.volume).sum::<u64>(), trades.iter().map(|t| t.2).sum::<u64>());
            prop_assert!(candles.windows(2).all(|pair| pair[0].time < pair[1].time));
            prop_assert!(candles.iter().all(|c| c.low <= c.open && c.open <= c.high && c.low <= c.close && c.close <= c.high));
        }
    }
}
