//! Where workerpools answer.

use canut_market::chain::AssetKind;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{database::databases, world::*};

#[tokio::test]
async fn the_owner_of_a_workerpool_says_where_it_answers_and_nobody_else_does() {
    for database in databases().await {
        let mut world = World::on(&database.url).await;
        let path = format!("/{CHAIN}/workerpools/{POOL}");
        let (status, body) = world.get(&path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body["error"].as_str().unwrap().contains("nobody said"));

        let said = json!({ "apiUrl": "HTTPS://Pool.Example:8548/" });
        let refused = [
            (
                developer(),
                said.clone(),
                StatusCode::FORBIDDEN,
                "belongs to",
            ),
            (
                operator(),
                json!({ "apiUrl": "http://a/b" }),
                StatusCode::BAD_REQUEST,
                "apiUrl",
            ),
            (operator(), json!({}), StatusCode::BAD_REQUEST, "apiUrl"),
        ];
        for (wallet, body, status, words) in refused {
            let (found, body) = world.send(Method::PUT, &path, &wallet, &body).await;
            assert_eq!(found, status, "{body}");
            assert!(body["error"].as_str().unwrap().contains(words), "{body}");
        }
        for (nowhere, status) in [
            (format!("/1/workerpools/{POOL}"), StatusCode::BAD_REQUEST),
            (format!("/{CHAIN}/workerpools/{APP}"), StatusCode::NOT_FOUND),
            (format!("/{CHAIN}/workerpools/x"), StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(world.get(&nowhere).await.0, status, "{nowhere}");
        }

        for url in ["http://127.0.0.1:1", "HTTPS://Pool.Example:8548/"] {
            let said = json!({ "apiUrl": url });
            let (status, body) = world.send(Method::PUT, &path, &operator(), &said).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
        world = world.restarted().await;
        assert_eq!(world.ok(&path).await["apiUrl"], "https://pool.example:8548");

        let bought = own(AssetKind::Workerpool, POOL, &developer());
        world.mine(vec![bought]).await;
        assert_eq!(world.get(&path).await.0, StatusCode::NOT_FOUND);
        world.send(Method::PUT, &path, &developer(), &said).await;
        world.ok(&path).await;
    }
}
