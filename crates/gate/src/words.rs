//! Words that come from elsewhere, fit to be shown.

use std::error::Error;

/// Somebody's words: so many characters of them, unable to drive a terminal.
pub fn excerpt(text: &str, length: usize) -> String {
    let harmless = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().take(length).map(harmless).collect()
}

/// The last cause of an error: of a client of HTTP the one that says what happened.
pub fn last_cause(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn words_are_short_and_harmless_and_an_error_says_what_happened() {
        assert_eq!(excerpt("a\u{1b}[2Jbcd", 5), "a [2J");
        #[derive(Debug, thiserror::Error)]
        #[error("it failed")]
        struct Failed(#[source] io::Error);
        let failed = Failed(io::Error::other("the cable"));
        assert_eq!(last_cause(&failed), "the cable");
    }
}
