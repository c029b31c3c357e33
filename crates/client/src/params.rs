//! What a run is given: arguments and input files.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use canut_protocol::matching::MAX_PARAMS;
use serde::Serialize;

use crate::{Client, Error, Result};

/// How the address of an input begins that workers can fetch.
const SCHEMES: [&str; 4] = ["https://", "http://", "ipfs://", "/ipfs/"];

/// An input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A local file, to be put in the store.
    File(PathBuf),
    /// Where workers find it: a URL, or a path in IPFS.
    Url(String),
}

impl FromStr for Input {
    type Err = Infallible;

    /// What begins with a scheme or with `/ipfs/` is somewhere else; all other text is a local file.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text.contains("://") || text.starts_with("/ipfs/") {
            Self::Url(text.to_owned())
        } else {
            Self::File(text.into())
        })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Params {
    /// Arguments of the app, split as a shell does.
    #[serde(rename = "iexec_args", skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// Where its input files are.
    #[serde(rename = "iexec_input_files", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Whether results are encrypted for the beneficiary.
    #[serde(rename = "iexec_result_encryption", skip_serializing_if = "is_false")]
    pub encrypted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Params {
    /// As a request carries them; empty when there is nothing to say.
    pub fn to_text(&self) -> Result<String> {
        if *self == Self::default() {
            return Ok(String::new());
        }
        // Strings always serialise.
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() > MAX_PARAMS {
            return Err(Error::ParamsTooLong(text.len(), MAX_PARAMS));
        }
        Ok(text)
    }
}

impl Client {
    /// Puts local inputs in the store, and says where each input is.
    pub async fn place_inputs(&self, inputs: &[Input]) -> Result<Vec<String>> {
        let mut places = Vec::new();
        for input in inputs {
            places.push(match input {
                Input::Url(url) => {
                    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
                        return Err(Error::InputScheme(url.chars().take(80).collect()));
                    }
                    url.clone()
                }
                Input::File(path) => {
                    let about = tokio::fs::metadata(path).await.map_err(Error::file(path))?;
                    if !about.is_file() {
                        let kind = std::io::ErrorKind::IsADirectory;
                        return Err(Error::file(path)(std::io::Error::new(
                            kind,
                            "an input is a file: archive the folder",
                        )));
                    }
                    format!("ipfs://{}", self.upload(path).await?.cid)
                }
            });
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_files_unless_they_say_where_they_are() {
        for (text, url) in [
            ("data.csv", false),
            ("./a b", false),
            ("/ipfs/Qm", true),
            ("ipfs://Qm", true),
            ("https://x.org/y", true),
            ("/ipfsx", false),
        ] {
            let Ok(input) = text.parse::<Input>();
            assert_eq!(matches!(input, Input::Url(_)), url, "{text}");
        }
    }

    #[test]
    fn params_are_those_of_the_sdk() {
        let params = Params {
            arguments: "-n 3".into(),
            inputs: vec!["ipfs://Qm".into()],
            encrypted: true,
        };
        assert_eq!(
            params.to_text().unwrap(),
            r#"{"iexec_args":"-n 3","iexec_input_files":["ipfs://Qm"],"iexec_result_encryption":true}"#
        );
        assert_eq!(Params::default().to_text().unwrap(), "");
        let long = Params {
            arguments: "x".repeat(30_000),
            ..Params::default()
        };
        assert!(matches!(long.to_text(), Err(Error::ParamsTooLong(..))));
    }
}
