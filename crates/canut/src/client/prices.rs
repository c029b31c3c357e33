//! `canut market depth`, `candles` and `watch`: prices, and what happens.

use super::{
    clock,
    common::{self, Common, category_name},
    troubles::plain,
};
use canut_client::{Candle, Depth, Event, Level, Summary};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use eyre::Result;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::{Write as _, stdout},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the best prices asked for and offered.
    Depth(OfCategory),
    /// Show how the price moved.
    Candles(Candles),
    /// Tell what happens, as it happens: orders, deals, steps of tasks.
    Watch(Watch),
}

/// Show the best prices asked for and offered.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut market depth --category XS --levels 5")]
pub(crate) struct OfCategory {
    /// Category: a number, or XS, S, M, L, XL
    #[arg(long, default_value = "XS", value_parser = common::category)]
    category: u64,
    /// Prices of each side
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    levels: u64,
    #[command(flatten)]
    common: Common,
}

/// Shortest and longest interval that the market sums up, in seconds.
const INTERVALS: std::ops::RangeInclusive<u64> = 60..=31_536_000;

fn interval(text: &str) -> Result<u64, String> {
    let length = clock::parse_length(text)?;
    if INTERVALS.contains(&length) {
        return Ok(length);
    }
    Err("an interval is from 1m to 365d long".to_owned())
}

/// Show how the price moved: a line for each interval with a trade.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut market candles --category M --interval 1d
  canut market candles --interval 15m --limit 1000 --json")]
pub(crate) struct Candles {
    /// Category: a number, or XS, S, M, L, XL
    #[arg(long, default_value = "XS", value_parser = common::category)]
    category: u64,
    /// Length of an interval, from 1m to 365d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = interval)]
    interval: u64,
    /// Intervals shown at most, the newest
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    #[command(flatten)]
    common: Common,
}

/// Tell what happens, as it happens. Ctrl-C ends it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut market watch
  canut market watch --topics deals,tasks --json
      A line of JSON for each event: {\"event\", \"payload\"}.")]
pub(crate) struct Watch {
    /// Of what; all without it
    #[arg(long, value_delimiter = ',')]
    topics: Vec<Topic>,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Topic {
    Orders,
    Deals,
    Tasks,
}

impl Topic {
    const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Deals => "deals",
            Self::Tasks => "tasks",
        }
    }
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Depth(OfCategory {
            category,
            levels,
            common,
        }) => {
            let client = common.client().await?;
            let market = client.market()?;
            let depth = market.depth(category, levels).await?;
            let summary = market.summary(category).await?;
            let document = json!({ "category": category, "summary": summary, "bids": depth.bids, "asks": depth.asks });
            common.show(&document, || ladder(category, &summary, &depth))
        }
        Verb::Candles(Candles {
            category,
            interval,
            limit,
            common,
        }) => {
            let client = common.client().await?;
            let candles = client.market()?.candles(category, interval, limit).await?;
            common.show(&candles, || chart(category, &candles))
        }
        Verb::Watch(Watch { topics, common }) => {
            let client = common.client().await?;
            let names: Vec<_> = topics.into_iter().map(Topic::name).collect();
            let mut feed = client.market()?.listen(&names).await?;
            loop {
                let event = feed.next().await?;
                let line = if common.json {
                    serde_json::to_string(&event)?
                } else {
                    told(&event)
                };
                let mut out = stdout().lock();
                writeln!(out, "{line}")?;
                out.flush()?;
            }
        }
    }
}

fn ladder(category: u64, summary: &Summary, depth: &Depth) -> String {
    let mut text = format!("Category {}", category_name(category));
    match (summary.last_price, summary.last_time) {
        (Some(price), Some(time)) => {
            let _ = write!(text, ", last price {price} at {}", clock::moment(time));
        }
        _ => text += ", no trade yet",
    }
    let (volume, turnover) = (summary.volume_24h, summary.turnover_24h);
    let _ = writeln!(text, "; {volume} runs for {turnover} in 24 h");
    // As in every exchange: the best of both sides meet in the middle.
    for level in depth.asks.iter().rev() {
        step(&mut text, "ask", level);
    }
    for level in &depth.bids {
        step(&mut text, "bid", level);
    }
    if depth.asks.is_empty() && depth.bids.is_empty() {
        text += "Nobody asks, nobody offers: see the other categories.\n";
    }
    text
}

fn step(text: &mut String, side: &str, level: &Level) {
    let Level {
        price,
        volume,
        orders,
    } = level;
    let price = price.to_string();
    let _ = writeln!(
        text,
        "{side}  {price:>18}  {volume:>12} runs in {orders} orders"
    );
}

fn chart(category: u64, candles: &[Candle]) -> String {
    if candles.is_empty() {
        return format!("No trade yet in category {}.", category_name(category));
    }
    let mut text = String::from(
        "begin                           open         high          low        close    runs\n",
    );
    for candle in candles {
        let [open, high, low, close] =
            [candle.open, candle.high, candle.low, candle.close].map(|price| price.to_string());
        let (begin, runs) = (clock::moment(candle.time), candle.volume);
        let _ = writeln!(
            text,
            "{begin:23} {open:>12} {high:>12} {low:>12} {close:>12} {runs:>7}"
        );
    }
    text
}

/// An event in a line.
fn told(event: &Event) -> String {
    let Event { event, payload } = event;
    // The market's words drive no terminal.
    let word = |text: &str| -> String { plain(text).chars().take(80).collect() };
    let mut line = format!("{:24}", word(event));
    let id = ["orderHash", "dealid", "taskid"]
        .iter()
        .find_map(|name| payload[name].as_str())
        .or_else(|| payload.as_str());
    let order = &payload["order"];
    let price = [
        "appprice",
        "datasetprice",
        "workerpoolprice",
        "workerpoolmaxprice",
    ]
    .iter()
    .find_map(|name| order[name].as_u64())
    .or_else(|| payload["workerpool"]["price"].as_u64());
    let known = [
        ("", id.map(str::to_owned)),
        (
            "price ",
            price.map(|price| canut_protocol::Nrlc::new(price).to_string()),
        ),
        ("left ", number(&payload["remaining"])),
        ("runs ", number(&payload["volume"])),
        (
            "category ",
            number(&payload["category"]).or_else(|| number(&order["category"])),
        ),
        ("worker ", payload["worker"].as_str().map(str::to_owned)),
        ("block ", number(&payload["blockNumber"])),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            let _ = write!(line, "  {name}{}", word(&value));
        }
    }
    line
}

fn number(value: &Value) -> Option<String> {
    value.as_u64().map(|number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use canut_protocol::Nrlc;

    #[test]
    fn the_best_prices_meet_in_the_middle() {
        let level = |price| Level {
            price: Nrlc::rlc(price),
            volume: 3,
            orders: 1,
        };
        let depth = Depth {
            bids: vec![level(2), level(1)],
            asks: vec![level(3), level(4)],
        };
        let shown = ladder(0, &Summary::default(), &depth);
        let prices: Vec<_> = shown
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert_eq!(prices, ["4", "3", "2", "1"]);
        assert!(
            shown.starts_with("Category 0 (XS), no trade yet; 0 runs"),
            "{shown}"
        );
    }

    #[test]
    fn an_event_is_a_line_whatever_the_market_says() {
        let event = Event {
            event: "deal_\u{7}created".into(),
            payload: json!({ "dealid": "0x12\u{1b}[2J\n", "volume": 4, "category": 1, "workerpool": { "price": 1_000_000_000 } }),
        };
        let line = told(&event);
        assert!(
            line.contains("0x12[2J  price 1 RLC  runs 4  category 1"),
            "{line}"
        );
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}
