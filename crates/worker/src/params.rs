//! The parameters of a deal that a run depends on.

use canut_protocol::Failure;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most input files of a task.
const MAX_INPUTS: usize = 256;

/// What a requester asks of a run (offchain.md, section 6.6). Other keys are somebody else's affair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Params {
    /// Arguments of the app, to be split as a shell does.
    #[serde(default, rename = "iexec_args")]
    pub arguments: String,
    /// Where input files are.
    #[serde(default, rename = "iexec_input_files")]
    pub inputs: Vec<String>,
    /// Whether the result is for the beneficiary's eyes only.
    #[serde(default, rename = "iexec_result_encryption")]
    pub encrypted: bool,
}

impl Params {
    /// Reads the parameters of a deal; empty ones ask for nothing.
    pub fn read(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // An object first: a struct could be read from an array as well.
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| Failure::ParamsInvalid)?;
        let params =
            Self::deserialize(Value::Object(object)).map_err(|_| Failure::ParamsInvalid)?;
        if params.inputs.len() > MAX_INPUTS {
            return Err(Failure::ParamsInvalid);
        }
        Ok(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_depends_on_is_read() {
        let text = r#"{"iexec_args":"-n 3","iexec_input_files":["ipfs://Qm"],"iexec_result_encryption":true,"bulk_cid":"Qm"}"#;
        let params = Params {
            arguments: "-n 3".into(),
            inputs: vec!["ipfs://Qm".into()],
            encrypted: true,
        };
        assert_eq!(Params::read(text), Ok(params));
        assert_eq!(Params::read(" "), Ok(Params::default()));
        for text in ["-n 3", "[]", r#"{"iexec_args":3}"#] {
            assert_eq!(Params::read(text), Err(Failure::ParamsInvalid), "{text}");
        }
    }
}
