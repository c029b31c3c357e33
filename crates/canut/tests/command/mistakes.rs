//! What people are told when what they type is wrong, of orders, secrets and tasks.

use serde_json::{Value, json};

use crate::run::{Terminal, app};

/// Writes a file, and gives its name.
fn file<'a>(terminal: &Terminal, name: &'a str, content: &str) -> &'a str {
    std::fs::write(terminal.home.path().join(name), content).unwrap();
    name
}

fn has(told: &str, words: &[&str]) {
    assert!(words.iter().all(|word| told.contains(word)), "{told}");
}

#[test]
fn orders_that_cannot_be_are_explained() {
    let terminal = Terminal::open();
    let stats = app("csv-stats.wasm");
    let made = terminal.json(&["app", "deploy", &stats, "--name", "stats", "--json"]);
    let address = made["address"].as_str().unwrap();
    let draft = json!({ "app": address, "appprice": 7, "volume": 12 }).to_string();
    let draft = file(&terminal, "draft.json", &draft);
    let signed = terminal.json(&["order", "sign", "app", draft, "--json"]);
    let signed = file(&terminal, "signed.json", &signed.to_string());

    let sign = |content: &str| {
        let odd = file(&terminal, "odd.json", content);
        terminal.refused(&["order", "sign", "app", odd])
    };
    has(&sign(r#"{"app":"0x12"}"#), &["`app` of the order"]);
    has(&sign(r#"{"volume":2}"#), &["give it `app`"]);
    has(&sign("junk"), &["odd.json holds no order"]);
    let publish = |kind, name| terminal.refused(&["order", "publish", kind, name]);
    has(
        &publish("app", draft),
        &["not signed", "canut order sign app FILE"],
    );
    has(&publish("workerpool", signed), &["no workerpool order"]);
    let mistyped = "0x6FbDB2315678afecb367f032d93F642f64180aa3";
    has(
        &terminal.refused(&["orderbook", "app", mistyped]),
        &["capitals do not fit"],
    );
    has(
        &terminal.refused(&["orderbook", "app", "0x12"]),
        &["40 hexadecimal digits"],
    );
    has(
        &terminal.refused(&["order", "show", "app", "0x12"]),
        &["64 hexadecimal digits"],
    );
    has(
        &terminal.refused(&["market", "candles", "--interval", "1s"]),
        &["1m to 365d"],
    );

    for volume in 1..=11 {
        let more = json!({ "app": address, "volume": volume }).to_string();
        let more = file(&terminal, "more.json", &more);
        let more = terminal.json(&["order", "sign", "app", more, "--json"]);
        let more = file(&terminal, "more.json", &more.to_string());
        terminal.json(&["order", "publish", "app", more, "--json"]);
    }
    let few = ["orderbook", "app", address, "--limit", "3", "--json"];
    let listed = terminal.json(&few);
    assert_eq!(listed["count"], 11);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));

    let cancel = |named| terminal.json(&["order", "cancel", "app", named, "--json"]);
    let first = cancel(signed);
    assert!(first["transaction"].is_string(), "{first}");
    let again = cancel(signed);
    assert_eq!(
        (&again["order"], &again["transaction"]),
        (&first["order"], &Value::Null)
    );
    let told = terminal.refused(&["order", "cancel", "app", "0x12"]);
    has(&told, &["neither the hash of an order", "nor a file"]);
}

#[test]
fn secrets_that_are_set_or_of_somebody_else_are_explained() {
    let terminal = Terminal::open();
    let stats = app("csv-stats.wasm");
    let ready: Value = serde_json::from_str(&terminal.market.said).unwrap();
    let made = terminal.json(&["app", "deploy", &stats, "--name", "stats", "--json"]);
    let address = made["address"].as_str().unwrap();
    let value = file(&terminal, "value", "hush");
    let push = |words: &[&'static str]| [&["secret", "push", "--file", value], words].concat();
    terminal.json(&push(&["--requester", "api-key", "--json"]));
    let told = terminal.refused(&push(&["--requester", "api-key"]));
    has(&told, &["set already", "choose another name"]);
    let told = terminal.refused(&push(&["--requester", "api-key", "--replace"]));
    has(&told, &["cannot be used with"]);
    terminal.json(&push(&["--account", "git", "--json"]));
    has(
        &terminal.refused(&push(&["--account", "git"])),
        &["give --replace"],
    );
    terminal.json(&push(&["--account", "git", "--replace", "--json"]));

    let of_app = ["secret", "push", "--file", value, "--app", address];
    let stranger = terminal
        .command(&of_app)
        .env("CANUT_PRIVATE_KEY", format!("0x{:064x}", 7))
        .output()
        .unwrap();
    has(
        &String::from_utf8_lossy(&stranger.stderr),
        &["only its owner"],
    );
    let of_none = ["secret", "push", "--file", value, "--dataset", address];
    has(&terminal.refused(&of_none), &["there is no dataset at"]);
    let told = terminal.refused(&["secret", "push-key"]);
    has(&told, &["canut secret generate-key"]);

    let run = ["task", "create", &stats, "--yes", "--json"];
    let deal = terminal.json(&run)["deals"][0]["deal"].clone();
    let deal = deal.as_str().unwrap();
    let told = terminal.refused(&["task", "show", deal]);
    has(&told, &["is a deal", "canut deal show"]);
    let pool = ready["workerpool"].as_str().unwrap();
    let told = terminal.refused(&["worker", "unbond", "--workerpool", pool]);
    has(&told, &["--hub ADDRESS"]);
}
