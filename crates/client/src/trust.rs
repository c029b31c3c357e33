//! Trust as people write it.

use canut_protocol::Trust;

/// A text that is no trust level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no trust level: write how sure you want to be, as `99%` or `99.9%`, or one over the risk, as `100` or `1000`; 100 % \
     cannot be had"
)]
pub struct ParseTrustError(String);

/// Reads a trust level: a number, or a percentage of certainty. `99%` accepts one wrong result in a hundred, hence trust 100.
/// What lies between two numbers is rounded up.
pub fn parse_trust(text: &str) -> Result<Trust, ParseTrustError> {
    let text = text.trim();
    let read = match text.strip_suffix('%') {
        Some(percent) => of_percentage(percent.trim_end()),
        None => digits(text),
    };
    read.map(Trust::new)
        .ok_or_else(|| ParseTrustError(text.chars().take(80).collect()))
}

/// `⌈1 / (1 − percent / 100)⌉`, exactly.
fn of_percentage(percent: &str) -> Option<u64> {
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
    if decimals.len() > 12 {
        return None;
    }
    let unit = 10u64.pow(u32::try_from(decimals.len()).ok()?);
    let value = digits(whole)?
        .checked_mul(unit)?
        .checked_add(digits(decimals)?)?;
    let all = unit * 100;
    let risk = all.checked_sub(value).filter(|risk| *risk > 0)?;
    Some(all.div_ceil(risk))
}

fn digits(text: &str) -> Option<u64> {
    let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    decimal.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_percentage_is_a_risk_upside_down() {
        for (text, trust) in [
            ("1", 1),
            ("100", 100),
            ("0%", 1),
            ("50%", 2),
            ("90 %", 10),
            ("99%", 100),
            ("99.9%", 1_000),
            ("99.99%", 10_000),
            ("66.7%", 4),
        ] {
            assert_eq!(parse_trust(text), Ok(Trust::new(trust)), "{text}");
        }
        for text in [
            "",
            "%",
            "100%",
            "101%",
            "-1",
            "1.5",
            "99,9%",
            "1e3",
            "99.9999999999999%",
            "+5",
        ] {
            assert!(parse_trust(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_trust_is_never_below_what_was_asked(tenths in 0..1_000u64) {
            let trust = parse_trust(&format!("{}.{}%", tenths / 10, tenths % 10)).unwrap();
            let level: u64 = trust.0.to();
            // 1 − 1/T ≥ tenths / 1000, and T − 1 would not do.
            prop_assert!((level - 1) * 1_000 >= tenths * level);
            prop_assert!(level == 1 || (level - 2) * 1_000 < tenths * (level - 1));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            let _ = parse_trust(&text);
        }
    }
}
