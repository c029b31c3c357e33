//! `computed.json`: what an app says of its result (offchain.md 6.6).

use alloy_primitives::{Bytes, hex};
use canut_protocol::declared::Declared;
use serde::Deserialize;

use crate::Delivery;

/// Its name, in `IEXEC_OUT`.
pub(crate) const FILE: &str = "computed.json";
/// Its largest size, in bytes. Callback data in hexadecimal must fit; a transaction carries less.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// What is wrong with a `computed.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComputedError {
    /// There is none.
    #[error("the app did not write it in IEXEC_OUT")]
    Missing,
    /// It is larger than a mebibyte.
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is no JSON object with strings under the known keys.
    #[error(
        "it is not a JSON object whose keys \"deterministic-output-path\" and \"callback-data\" hold strings"
    )]
    NotJson,
    /// The deal wants files and none are named.
    #[error("\"deterministic-output-path\" is missing")]
    NoPath,
    /// The deal wants callback data and there is none.
    #[error("\"callback-data\" is missing, and the deal has a callback")]
    NoCallback,
    /// The callback data is no hexadecimal string.
    #[error("\"callback-data\" is not a hexadecimal string")]
    BadCallback,
    /// The path leads out of `IEXEC_OUT`.
    #[error("\"deterministic-output-path\" is not under IEXEC_OUT")]
    Outside,
    /// The path leads nowhere, or to a folder without a file in it.
    #[error("\"deterministic-output-path\" names no file, and no folder with a file in it")]
    NoSuchPath,
}

/// A result that an app declared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Computed {
    /// A part of the output folder.
    Path(Declared),
    /// Bytes for the callback contract.
    Callback(Bytes),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Declaration {
    deterministic_output_path: Option<String>,
    callback_data: Option<String>,
}

/// Reads of `json` what `delivery` wants; other keys are the app's affair.
pub(crate) fn parse(json: &[u8], delivery: Delivery) -> Result<Computed, ComputedError> {
    let declaration: Declaration =
        serde_json::from_slice(json).map_err(|_| ComputedError::NotJson)?;
    match delivery {
        Delivery::Files => {
            let path = declaration.deterministic_output_path;
            let path = path.ok_or(ComputedError::NoPath)?;
            let declared = Declared::read(&path).ok_or(ComputedError::Outside)?;
            Ok(Computed::Path(declared))
        }
        Delivery::Callback => {
            let data = declaration.callback_data.ok_or(ComputedError::NoCallback)?;
            let data = hex::decode(data).map_err(|_| ComputedError::BadCallback)?;
            Ok(Computed::Callback(data.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(path: &str) -> Computed {
        Computed::Path(Declared::read(path).unwrap())
    }

    fn path(value: &str) -> Result<Computed, ComputedError> {
        parse(
            serde_json::json!({ "deterministic-output-path": value })
                .to_string()
                .as_bytes(),
            Delivery::Files,
        )
    }

    #[test]
    fn a_path_may_be_absolute_or_relative_but_stays_inside() {
        for inside in [
            "/iexec_out/a/b.txt",
            "a/b.txt",
            "./a//b.txt",
            "/iexec_out/./a/b.txt",
        ] {
            assert_eq!(path(inside), Ok(part("a/b.txt")), "{inside}");
        }
        for whole in ["/iexec_out", "/iexec_out/", ".", ""] {
            assert_eq!(path(whole), Ok(part("")), "{whole}");
        }
        for outside in [
            "/etc/passwd",
            "/",
            "..",
            "a/../../b",
            "/iexec_out/../iexec_in",
            "/iexec_outside/a",
            "a\0b",
        ] {
            assert_eq!(path(outside), Err(ComputedError::Outside), "{outside}");
        }
    }

    #[test]
    fn callback_data_is_hexadecimal() {
        let parsed = |json: &str| parse(json.as_bytes(), Delivery::Callback);
        assert_eq!(
            parsed(r#"{"callback-data":"0x00ff"}"#),
            Ok(Computed::Callback(vec![0, 255].into()))
        );
        assert_eq!(
            parsed(r#"{"callback-data":"","deterministic-output-path":7}"#),
            Err(ComputedError::NotJson)
        );
        assert_eq!(
            parsed(r#"{"callback-data":"0x0"}"#),
            Err(ComputedError::BadCallback)
        );
        assert_eq!(
            parsed(r#"{"deterministic-output-path":"a"}"#),
            Err(ComputedError::NoCallback)
        );
        assert_eq!(parsed("[1]"), Err(ComputedError::NotJson));
        assert_eq!(parse(b"{}", Delivery::Files), Err(ComputedError::NoPath));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(json in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&json, Delivery::Files);
        }
    }
}
