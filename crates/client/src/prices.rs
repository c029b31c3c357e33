//! What the market knows of prices, and what it tells as it happens.

use canut_protocol::Nrlc;
use futures::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{Market, Result, http::Question};

/// Largest message of the feed, in bytes: an order with its parameters.
const MAX_MESSAGE: usize = 1 << 20;

/// All orders of one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Price of a run.
    pub price: Nrlc,
    /// Runs at that price.
    pub volume: u64,
    /// Number of orders.
    pub orders: u64,
}

/// What is asked for and offered in a category, the best price first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// What requests pay at most to a workerpool.
    pub bids: Vec<Level>,
    /// What workerpools ask for.
    pub asks: Vec<Level>,
}

/// The latest of a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Price of a run in the last trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_price: Option<Nrlc>,
    /// When it was, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_time: Option<u64>,
    /// Runs traded in 24 hours.
    #[serde(rename = "volume24h")]
    pub volume_24h: u64,
    /// What they cost together.
    #[serde(rename = "turnover24h")]
    pub turnover_24h: Nrlc,
}

/// Trades of one interval. Prices are those of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Begin of the interval, in seconds since 1970.
    pub time: u64,
    /// Price of the first trade.
    pub open: Nrlc,
    /// Highest price.
    pub high: Nrlc,
    /// Lowest price.
    pub low: Nrlc,
    /// Price of the last trade.
    pub close: Nrlc,
    /// Runs traded.
    pub volume: u64,
    /// What they cost together.
    pub turnover: Nrlc,
    /// Number of trades.
    pub trades: u64,
}

/// Something that happened on the market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What, as `apporder_published`, `deal_created` or `task_finalized`.
    pub event: String,
    /// The order, deal or step of a task, in the market's own form.
    pub payload: Value,
}

impl Market {
    /// The best prices of a category, at most `levels` of each side (1 to 1000).
    pub async fn depth(&self, category: u64, levels: u64) -> Result<Depth> {
        let mut query = self.chain();
        query.push(("category", category.to_string()));
        query.push(("levels", levels.to_string()));
        self.http
            .ask(Question::get(&["prices", "depth"], &query))
            .await
    }

    /// The last price of a category, and the volume of a day.
    pub async fn summary(&self, category: u64) -> Result<Summary> {
        let mut query = self.chain();
        query.push(("category", category.to_string()));
        self.http
            .ask(Question::get(&["prices", "summary"], &query))
            .await
    }

    /// The newest candles of a category, the oldest of them first: at most `limit` (1 to 1000) of `interval` seconds each.
    /// Intervals without a trade are left out.
    pub async fn candles(&self, category: u64, interval: u64, limit: u64) -> Result<Vec<Candle>> {
        #[derive(Deserialize)]
        struct Answer {
            candles: Vec<Candle>,
        }
        let mut query = self.chain();
        query.push(("category", category.to_string()));
        query.push(("interval", interval.to_string()));
        query.push(("limit", limit.to_string()));
        let answer: Answer = self
            .http
            .ask(Question::get(&["prices", "candles"], &query))
            .await?;
        Ok(answer.candles)
    }

    /// Begins to listen to what happens. Topics are `orders`, `deals` and `tasks`; none are all.
    pub async fn listen(&self, topics: &[&str]) -> Result<Feed> {
        let mut query = self.chain();
        if !topics.is_empty() {
            query.push(("topics", topics.join(",")));
        }
        let stream = self.http.upgrade(&["feed"], &query).await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Ok(Feed {
            market: self.clone(),
            socket,
        })
    }
}

/// What happens on the market, from the moment it was listened to.
#[derive(Debug)]
pub struct Feed {
    market: Market,
    socket: WebSocketStream<TokioIo<Upgraded>>,
}

impl Feed {
    /// Waits for what happens next. It may be given up and asked again; nothing is lost by that. An error means that the
    /// market ended the feed, or that the line broke: what happened meanwhile is in the book.
    pub async fn next(&mut self) -> Result<Event> {
        let http = &self.market.http;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let read = serde_json::from_str(&text);
                    return read.map_err(|error| http.nonsense(error.to_string()));
                }
                Some(Ok(Message::Close(Some(end)))) => {
                    return Err(http.gone(format!("it ended the feed: {}", end.reason)));
                }
                Some(Ok(Message::Close(None))) | None => {
                    return Err(http.gone("it ended the feed"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(http.gone(error.to_string())),
            }
        }
    }
}
