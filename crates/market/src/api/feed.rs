//! The push feed over WebSocket.

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{
            CloseFrame, Message as Frame, Utf8Bytes, WebSocket,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::IntoResponse,
};
use serde::Deserialize;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, interval, timeout},
};
use utoipa::IntoParams;

use super::{
    App,
    error::{ApiError, ErrorDocument},
    extract::Asked,
    params::shorten,
};
use crate::feed::Topic;

/// Listeners at most.
pub(super) const LISTENERS: usize = 1_024;

/// A listener is asked for a sign of life this often, and dropped after twice as long without one.
const PULSE: Duration = Duration::from_secs(30);

/// A listener that does not take a message for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a frame from a listener; it has nothing to say.
const FRAME: usize = 4_096;

/// WebSocket close codes (RFC 6455, section 7.4.1 and the registry of IANA).
const GOING_AWAY: u16 = 1_001;
const POLICY: u16 = 1_008;

/// What to listen to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedQuery {
    /// Id of the chain.
    #[expect(dead_code, reason = "compared before the rest is read")]
    chain_id: String,
    /// `orders`, `deals` and `tasks`, joined by commas; all if absent.
    topics: Option<String>,
}

/// Everything that happens from now on, as JSON texts `{"event", "payload"}` over WebSocket. Events are `{kind}_published`,
/// `{kind}_updated` (payload: the published order), `{kind}_unpublished` (its hash), `deal_created` (the deal),
/// `task_initialized`, `task_contributed`, `task_consensus`, `task_revealed`, `task_reopened`, `task_finalized` and
/// `task_claimed` (the step), and `rollback` (`blockNumber`: deals and steps above it are void). A listener that falls behind is closed with code 1008.
#[utoipa::path(get, path = "/feed", tag = "prices", params(FeedQuery),
    responses((status = 101, description = "The feed begins"), (status = 400, body = ErrorDocument), (status = 429, body = ErrorDocument)))]
pub(super) async fn listen(
    State(app): State<App>,
    Asked(query): Asked<FeedQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let topics = topics(query.topics.as_deref())?;
    let upgrade = upgrade.map_err(|_| ApiError::bad("this is a WebSocket: connect with ws://"))?;
    let Ok(place) = app.listeners.clone().try_acquire_owned() else {
        return Err(ApiError::new(
            axum::http::StatusCode::TOO_MANY_REQUESTS,
            format!("{LISTENERS} listen already: try again later"),
        ));
    };
    let upgrade = upgrade.max_message_size(FRAME).max_frame_size(FRAME);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _counted = app.market.metrics.listen();
        serve(&app, socket, &topics).await;
        drop(place);
    }))
}

fn topics(text: Option<&str>) -> Result<Vec<Topic>, ApiError> {
    let topic = |name: &str| match name {
        "orders" => Ok(Topic::Orders),
        "deals" => Ok(Topic::Deals),
        "tasks" => Ok(Topic::Tasks),
        other => Err(ApiError::bad(format!(
            "`{}` is no topic: ask for orders, deals and tasks, joined by commas",
            shorten(other)
        ))),
    };
    text.unwrap_or("orders,deals,tasks")
        .split(',')
        .map(topic)
        .collect()
}

async fn serve(app: &App, mut socket: WebSocket, topics: &[Topic]) {
    let mut feed = app.market.feed.listen();
    let (mut pulse, mut alive) = (interval(PULSE), Instant::now());
    loop {
        let frame = tokio::select! {
            message = feed.recv() => match message {
                Ok(message) if message.topics.iter().any(|topic| topics.contains(topic)) => Frame::text(Utf8Bytes::from(&*message.text)),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => {
                    return close(socket, POLICY, &format!("too slow: {missed} messages were missed, read the book and listen again")).await;
                }
                Err(RecvError::Closed) => return close(socket, GOING_AWAY, "the market is shutting down").await,
            },
            said = socket.recv() => match said {
                None | Some(Err(_) | Ok(Frame::Close(_))) => return,
                Some(Ok(_)) => {
                    alive = Instant::now();
                    continue;
                }
            },
            _ = pulse.tick() => {
                if alive.elapsed() > PULSE * 2 {
                    return close(socket, POLICY, "no sign of life").await;
                }
                Frame::Ping(Default::default())
            }
            () = app.stop.cancelled() => return close(socket, GOING_AWAY, "the market is shutting down").await,
        };
        if !matches!(timeout(PATIENCE, socket.send(frame)).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Says why, and waits until the listener has heard it: closing at once would take the words back.
async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let said = async {
        socket.send(Frame::Close(Some(frame))).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<_, axum::Error>(())
    };
    // Whoever is gone need not be told.
    let _ = timeout(PATIENCE, said).await;
}
