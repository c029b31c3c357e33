//! Creation codes, from the artifacts.

use alloy::primitives::{Address, Bytes};
use serde::Deserialize;

use super::DeployError;

#[derive(Deserialize)]
struct Artifact {
    bytecode: Bytes,
}

/// Defines a function per contract: its creation code with its constructor's arguments.
macro_rules! creation {
    ($($(#[$doc:meta])* $name:ident($file:literal);)*) => {
        $(
            $(#[$doc])*
            pub(super) fn $name(arguments: &[Address]) -> Result<Bytes, DeployError> {
                with_arguments($file, include_str!(concat!("../../../../contracts/artifacts/", $file)), arguments)
            }
        )*
    };
}

creation! {
    /// The token: whose is the supply.
    token("RLC.json");
    /// Registry of applications: its owner.
    app_registry("AppRegistry.json");
    /// Registry of datasets: its owner.
    dataset_registry("DatasetRegistry.json");
    /// Registry of workerpools: its owner.
    workerpool_registry("WorkerpoolRegistry.json");
    /// The last piece of the hub: nothing.
    views("Views.json");
    /// The third piece of the hub: the next one.
    certificates("Certificates.json");
    /// The second piece of the hub: the next one.
    market("Market.json");
    /// The hub: the next piece, and its owner.
    hub("Hub.json");
}

fn with_arguments(
    file: &'static str,
    text: &str,
    arguments: &[Address],
) -> Result<Bytes, DeployError> {
    let artifact: Artifact =
        serde_json::from_str(text).map_err(|error| DeployError::Artifact { file, error })?;
    let words = arguments.iter().flat_map(|address| address.into_word().0);
    Ok(artifact.bytecode.into_iter().chain(words).collect())
}
