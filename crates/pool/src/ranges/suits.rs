//! Which deals are served by votes on ranges.

use canut_protocol::{Deal, location::Location, range::Terms};
use serde_json::Value;

/// Whether workers can vote on ranges of the deal, whose category has a reference of `time_ref` seconds. The others go the open
/// way.
pub fn suits(deal: &Deal, time_ref: u64) -> bool {
    Terms::of(deal, time_ref).is_ok() && !deal.tag.is_tee() && has_fixed_inputs(deal)
}

/// Whether all inputs are what their addresses say, or nothing is at stake: whoever serves an input under another address could
/// serve every worker another one, and have those that differ slashed (§3.2).
pub fn has_fixed_inputs(deal: &Deal) -> bool {
    if deal.worker_stake.is_zero() {
        return true;
    }
    // Parameters that cannot be read name no inputs: every worker finds the same failure.
    let params: Value = serde_json::from_str(&deal.params).unwrap_or_default();
    let inputs = params.get("iexec_input_files").and_then(Value::as_array);
    let mut urls = inputs.into_iter().flatten().filter_map(Value::as_str);
    urls.all(|url| !matches!(url.parse(), Ok(Location::Url(_))))
}

#[cfg(test)]
mod tests {
    use canut_protocol::Nrlc;

    use super::*;

    #[test]
    fn inputs_that_can_change_go_the_open_way_unless_nothing_is_at_stake() {
        let with = |params: &str, stake: u64| Deal {
            params: params.into(),
            worker_stake: Nrlc::from(stake),
            ..Deal::default()
        };
        let url = r#"{"iexec_input_files":["https://example.org/a"]}"#;
        let cid = r#"{"iexec_input_files":["/ipfs/bafkreidivzimqfqtoqxkrpge6bjyhlvxqs3rhe73owtmdulaxr5do5in7u"]}"#;
        assert!(
            suits(&with(cid, 1), 300)
                && suits(&with("", 1), 300)
                && suits(&with("nonsense", 1), 300)
        );
        assert!(!suits(&with(url, 1), 300) && suits(&with(url, 0), 300));
        assert!(!suits(&with("", 1), 36_001));
        assert!(suits(&with(r#"{"iexec_result_encryption":true}"#, 1), 300));
    }
}
