//! Moments and lengths of time, for people.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A moment, as `2026-01-31 12:00:00 UTC`; in seconds since 1970.
pub(crate) fn moment(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok().map(Timestamp::from_second);
    match known {
        Some(Ok(time)) => time.strftime("%F %T UTC").to_string(),
        _ => seconds.to_string(),
    }
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}

/// A moment, and how far it is from `now`.
pub(crate) fn deadline(seconds: u64, now: u64) -> String {
    let moment = moment(seconds);
    match seconds.checked_sub(now) {
        Some(0) => format!("{moment} (now)"),
        Some(left) => format!("{moment} (in {})", length(left)),
        None => format!("{moment} ({} ago)", length(now - seconds)),
    }
}

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// A length of time in its two largest units, as `2 h 30 min`.
pub(crate) fn length(seconds: u64) -> String {
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit && parts.len() < 2 {
            parts.push(format!("{} {name}", rest / unit));
        } else if !parts.is_empty() {
            // Only neighbours are told together.
            break;
        }
        rest %= unit;
    }
    if parts.is_empty() {
        return "0 s".to_owned();
    }
    parts.join(" ")
}

/// A length of time on the command line, as `90`, `15m`, `1h`, `1d` or `1w`; in seconds.
pub(crate) fn parse_length(text: &str) -> Result<u64, String> {
    let units = [
        ("s", 1),
        ("m", 60),
        ("h", 3_600),
        ("d", 86_400),
        ("w", 604_800),
    ];
    let unit = units.iter().find_map(|(unit, seconds)| {
        let digits = text.strip_suffix(unit)?;
        Some((digits, *seconds))
    });
    let (digits, seconds) = unit.unwrap_or((text, 1));
    let number = digits.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(seconds))
        .ok_or_else(|| format!("`{text}` is no length of time: write 90s, 15m, 1h, 1d or 1w"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_do() {
        assert_eq!(moment(1_769_860_800), "2026-01-31 12:00:00 UTC");
        assert_eq!(moment(u64::MAX), u64::MAX.to_string());
        assert_eq!(
            deadline(1_769_860_800, 1_769_851_790),
            "2026-01-31 12:00:00 UTC (in 2 h 30 min)"
        );
        assert!(deadline(100, 160).ends_with("(1 min ago)"));
        assert_eq!(length(90_061), "1 d 1 h");
        assert_eq!(length(86_405), "1 d");
        assert_eq!(length(0), "0 s");
    }

    #[test]
    fn lengths_are_read_with_their_unit() {
        assert_eq!(parse_length("90"), Ok(90));
        assert_eq!(parse_length("15m"), Ok(900));
        assert_eq!(parse_length("1w"), Ok(604_800));
        for wrong in [
            "",
            "h",
            "1y",
            "-1h",
            "99999999999999999999",
            "18446744073709551615w",
        ] {
            assert!(parse_length(wrong).unwrap_err().contains("1h"), "{wrong}");
        }
    }
}
