//! The HTTP API. It speaks to iExec's SDK as iExec's market does; what goes beyond has routes of its own.

mod compass;
mod deals;
mod error;
mod extract;
mod feed;
mod matching;
mod orders;
mod page;
mod params;
mod prices;
mod reply;
mod schema;
mod service;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, routing::get};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use canut_gate::{Challenges, Gate, Limits};

use crate::engine::Market;
use error::ApiError;

/// What every route can reach. Clones are cheap.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) market: Market,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) stop: CancellationToken,
    listeners: Arc<Semaphore>,
    openapi: Arc<str>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "The market of Canut",
        description = "Signed orders for computing, applications and datasets; what fills a request; prices. Amounts are in nRLC.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&Challenge),
)]
struct Document;

/// How requests are authorised.
struct Challenge;

impl utoipa::Modify for Challenge {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
        let header = ApiKeyValue::with_description(
            "authorization",
            "`{digest}_{signature}_{address}` of a challenge of GET /challenge",
        );
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("challenge", SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}

/// The routes.
pub(crate) fn router(market: Market, limits: Limits, stop: CancellationToken) -> Router {
    let (routes, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(service::challenge))
        .routes(routes!(service::version))
        .routes(routes!(service::counts))
        .routes(routes!(service::prometheus))
        .routes(routes!(service::health))
        .routes(routes!(deals::list))
        .routes(routes!(deals::show))
        .routes(routes!(deals::categories))
        .routes(routes!(deals::category))
        .routes(routes!(prices::ohlc))
        .routes(routes!(prices::candles))
        .routes(routes!(prices::levels))
        .routes(routes!(prices::summary))
        .routes(routes!(matching::find))
        .routes(routes!(feed::listen))
        .routes(routes!(orders::list, orders::publish, orders::unpublish))
        .routes(routes!(orders::show))
        .routes(routes!(compass::show, compass::announce))
        .split_for_parts();
    let gate = Gate::new(limits, market.metrics.answers());
    let openapi = serde_json::to_string(&document).unwrap_or_default();
    let app = App {
        challenges: Arc::new(Challenges::new("iExec Gateway", market.domain.chain_id)),
        market,
        stop,
        listeners: Arc::new(Semaphore::new(feed::LISTENERS)),
        openapi: openapi.into(),
    };
    let router = routes
        .route("/openapi.json", get(service::openapi))
        .route("/docs", get(service::docs))
        .fallback(|| async { no_route() })
        .method_not_allowed_fallback(|| async {
            let sentence = "this route does not know that method: see GET /openapi.json";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
        })
        .layer(DefaultBodyLimit::max(extract::MAX_BODY))
        .with_state(app);
    gate.around(router)
}

fn no_route() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "there is no such route: see GET /openapi.json",
    )
}
