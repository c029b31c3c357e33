//! Conditional and partial requests (RFC 9110, sections 13 and 14).

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, header};
use http_range_header::{EndPosition, StartPosition, SyntacticallyCorrectRange};

use crate::{Error, Result};

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the client holds this representation already.
pub(super) fn unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let Some(known) = text(headers, header::IF_NONE_MATCH) else {
        return false;
    };
    known
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The one range asked for. Several at once, or a range of another representation, get the whole
/// file.
pub(super) fn range(headers: &HeaderMap, etag: &str, length: u64) -> Result<Option<Range<u64>>> {
    if text(headers, header::IF_RANGE).is_some_and(|tag| tag != etag) {
        return Ok(None);
    }
    let asked = text(headers, header::RANGE)
        .and_then(|text| http_range_header::parse_range_header(text).ok());
    let Some(asked) = asked.filter(|asked| asked.ranges.len() == 1) else {
        return Ok(None);
    };
    let Some(SyntacticallyCorrectRange { start, end }) = asked.ranges.first() else {
        return Ok(None);
    };
    // A suffix longer than the file is the file.
    let start = match start {
        StartPosition::Index(index) => *index,
        StartPosition::FromLast(count) => length.saturating_sub(*count),
    };
    let end = match end {
        EndPosition::Index(last) if *last < start => return Ok(None),
        EndPosition::Index(last) => last.saturating_add(1).min(length),
        EndPosition::LastByte => length,
    };
    if start < end {
        Ok(Some(start..end))
    } else {
        Err(Error::Range { length })
    }
}

/// Whether the client asks for this type by name.
pub(super) fn accepts(headers: &HeaderMap, mime: &str) -> bool {
    text(headers, header::ACCEPT).is_some_and(|accepted| {
        accepted.split(',').any(|item| {
            item.split(';')
                .next()
                .is_some_and(|name| name.trim() == mime)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn ranges() {
        let ask =
            |text: &'static str, length| range(&headers(&[(header::RANGE, text)]), "\"x\"", length);
        assert_eq!(ask("bytes=0-", 10).unwrap(), Some(0..10));
        assert_eq!(ask("bytes=2-3", 10).unwrap(), Some(2..4));
        assert_eq!(ask("bytes=2-300", 10).unwrap(), Some(2..10));
        assert_eq!(ask("bytes=-3", 10).unwrap(), Some(7..10));
        assert_eq!(ask("bytes=-300", 10).unwrap(), Some(0..10));
        // Unreadable, or in units nobody knows: as if it were not there.
        for text in [
            "bytes=x",
            "bytes=5-2",
            "bytes=-0",
            "lines=0-1",
            "bytes=0-1,4-5",
            "bytes=",
        ] {
            assert_eq!(ask(text, 10).unwrap(), None, "{text}");
        }
        for (text, length) in [("bytes=10-", 10), ("bytes=0-", 0), ("bytes=-5", 0)] {
            assert!(
                matches!(ask(text, length), Err(Error::Range { .. })),
                "{text} of {length}"
            );
        }
    }

    #[test]
    fn a_range_of_another_version_is_not_given() {
        let ask = |tag| {
            range(
                &headers(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, tag)]),
                "\"x\"",
                9,
            )
        };
        assert_eq!(ask("\"x\"").unwrap(), Some(0..2));
        assert_eq!(ask("\"y\"").unwrap(), None);
    }

    #[test]
    fn tags() {
        for (given, same) in [
            ("\"x\"", true),
            ("W/\"x\"", true),
            ("\"a\", \"x\"", true),
            ("*", true),
            ("\"y\"", false),
        ] {
            assert_eq!(
                unchanged(&headers(&[(header::IF_NONE_MATCH, given)]), "\"x\""),
                same,
                "{given}"
            );
        }
        assert!(!unchanged(&HeaderMap::new(), "\"x\""));
    }
}
