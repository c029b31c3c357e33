//! What a pool says went wrong at its workers.

use serde_json::Value;

/// What went wrong at workers, as the pool tells it.
pub(crate) fn of(pool: &Value) -> String {
    let replicates = pool
        .get("replicates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let lines = replicates.filter_map(|replicate| {
        let cause = replicate.get("cause").filter(|cause| !cause.is_null())?;
        let word = |value: &Value, name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .map(plain)
                .unwrap_or_default()
        };
        Some(format!(
            "  {} gave up: {}; {}\n",
            word(replicate, "walletAddress"),
            word(cause, "meaning"),
            word(cause, "remedy")
        ))
    });
    lines.collect()
}

/// A service's words, unable to drive a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .take(300)
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pool_says_who_gave_up_and_why() {
        let pool = json!({ "replicates": [
            { "walletAddress": "0xab", "cause": null },
            { "walletAddress": "0xcd", "cause": { "meaning": "the \u{1b}[2Jdisk is full", "remedy": "free some" } },
        ]});
        assert_eq!(
            of(&pool),
            "  0xcd gave up: the [2Jdisk is full; free some\n"
        );
        assert_eq!(of(&json!(7)), "");
    }
}
