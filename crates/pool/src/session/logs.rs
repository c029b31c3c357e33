//! The ends of logs that fit in a message.

/// Most bytes of a log that are told, as JSON writes them. Two fit in a frame.
pub const MAX_LOG: usize = 100 << 10;

/// The end of a log: as many of its last characters as JSON writes in [`MAX_LOG`] bytes.
pub fn tail(log: &str) -> &str {
    let mut left = MAX_LOG;
    let mut from = log.len();
    for (at, character) in log.char_indices().rev() {
        let written = match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => character.len_utf8(),
        };
        if written > left {
            break;
        }
        left -= written;
        from = at;
    }
    &log[from..]
}

/// Whether both logs are as short as [`tail`] leaves them.
pub fn is_short(stdout: &str, stderr: &str) -> bool {
    [stdout, stderr]
        .iter()
        .all(|log| tail(log).len() == log.len())
}

#[cfg(test)]
mod tests {
    use canut_protocol::TaskId;
    use proptest::prelude::*;

    use super::*;
    use crate::session::{MAX_FRAME, ToPool};

    proptest! {
        #[test]
        fn two_ends_fit_in_a_frame(log in prop::collection::vec(any::<char>(), 0..4_000)) {
            let log: String = log.into_iter().collect();
            let end = tail(&log);
            prop_assert!(log.ends_with(end));
            prop_assert!(is_short(end, end));
            let (stdout, stderr) = (end.to_owned(), end.to_owned());
            let message = ToPool::Logs { task: TaskId::default(), stdout, stderr };
            prop_assert!(serde_json::to_string(&message).unwrap().len() <= MAX_FRAME);
        }
    }

    #[test]
    fn the_end_counts() {
        assert_eq!(tail("short"), "short");
        let long = "\0".repeat(40_000) + "é the end";
        let end = tail(&long);
        assert!(end.ends_with("é the end") && end.len() < 20_000);
        assert!(!is_short(&long, ""));
    }
}
