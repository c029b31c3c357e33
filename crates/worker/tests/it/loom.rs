//! A runtime for tests: deterministic, quick, and no engine to compile.

use std::{fs, path::PathBuf};

use alloy_primitives::B256;
use canut_sandbox::{
    Captured, Delivery, Fault, Job, Kind, Limits, Outcome, Run, Runtime, Success, list,
};
use sha2::{Digest, Sha256};

/// Writes down what it was given: its app, arguments, inputs and place in the bag.
#[derive(Clone, Copy, Debug)]
pub struct Loom;

impl Runtime for Loom {
    fn runs(&self, kind: Kind) -> bool {
        kind == Kind::Wasm
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(async move {
            let disk = |source| Fault::Disk {
                path: PathBuf::from("loom"),
                source,
            };
            let app = fs::read_to_string(&job.app).map_err(disk)?;
            let mut cloth = format!("{app} {} {:?}\n", job.bag.index, job.arguments);
            for input in &job.inputs {
                cloth += &fs::read_to_string(job.input.join(input)).map_err(disk)?;
            }
            fs::write(job.output.join("cloth.txt"), &cloth).map_err(disk)?;
            let (computed, digest, callback) = match job.delivery {
                Delivery::Files => {
                    let computed = r#"{"deterministic-output-path":"/iexec_out/cloth.txt"}"#;
                    (
                        computed.to_owned(),
                        B256::new(Sha256::digest(&cloth).into()),
                        None,
                    )
                }
                Delivery::Callback => {
                    let data = alloy_primitives::Bytes::from(cloth.into_bytes());
                    let digest = alloy_primitives::keccak256(&data);
                    (
                        format!(r#"{{"callback-data":"{data}"}}"#),
                        digest,
                        Some(data),
                    )
                }
            };
            fs::write(job.output.join("computed.json"), computed).map_err(disk)?;
            Ok(Outcome {
                verdict: Ok(Success { callback }),
                digest,
                files: list(&job.output, limits)?,
                fuel_used: None,
                stdout: Captured::default(),
                stderr: Captured::default(),
                detail: None,
            })
        })
    }
}
