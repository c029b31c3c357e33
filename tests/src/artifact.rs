//! Compiled contracts, as JSON files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, Bytes, hex};
use serde_json::Value;

/// Why a compiled contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file is not there.
    #[error("{path}: {source}; run tests/setup to fetch PoCo, and see contracts/ for Canut's own")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a compiled contract.
    #[error("{path} is not a compiled contract: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// A compiled contract: its interface and its creation code.
#[derive(Clone, Debug)]
pub struct Artifact {
    path: PathBuf,
    /// The interface.
    pub abi: JsonAbi,
    /// Creation code in hexadecimal, without `0x`; library addresses may be missing in it.
    code: String,
    /// Where each library's address belongs in the code, in bytes from its start.
    links: BTreeMap<String, Vec<usize>>,
}

impl Artifact {
    /// Reads `path`, in Hardhat's form: `abi`, `bytecode` and perhaps `linkReferences`.
    ///
    /// # Errors
    ///
    /// When the file is missing or is something else.
    pub fn load(path: &Path) -> Result<Self, ArtifactError> {
        let text = std::fs::read_to_string(path).map_err(|source| ArtifactError::Missing {
            path: path.into(),
            source,
        })?;
        let malformed = |what: &str| ArtifactError::Malformed {
            path: path.into(),
            what: what.into(),
        };
        let json: Value =
            serde_json::from_str(&text).map_err(|e| malformed(&format!("not JSON: {e}")))?;
        let abi = serde_json::from_value(json["abi"].clone())
            .map_err(|e| malformed(&format!("abi: {e}")))?;
        // An interface alone has no code.
        let code = json["bytecode"].as_str().unwrap_or_default();
        let code = code.strip_prefix("0x").unwrap_or(code).to_owned();
        let links = links(&json["linkReferences"]).ok_or_else(|| malformed("linkReferences"))?;
        Ok(Self {
            path: path.into(),
            abi,
            code,
            links,
        })
    }

    /// Reads one of the contracts that tests set against the hub (`contracts/mocks`).
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn mock(name: &str) -> Result<Self, ArtifactError> {
        Self::load(&root().join(format!("../contracts/artifacts/mocks/{name}.json")))
    }

    /// The creation code, with the libraries it calls put in their places.
    ///
    /// # Errors
    ///
    /// When a library is missing or the code is not hexadecimal.
    pub fn code(&self, libraries: &[(&str, Address)]) -> Result<Bytes, ArtifactError> {
        let mut code = self.code.clone();
        for (library, at) in &self.links {
            let address = libraries
                .iter()
                .find(|(name, _)| name == library)
                .map(|(_, address)| hex::encode(address))
                .ok_or_else(|| self.malformed(format!("wants library {library}")))?;
            for start in at {
                code.replace_range(start * 2..start * 2 + 40, &address);
            }
        }
        hex::decode(code)
            .map(Bytes::from)
            .map_err(|e| self.malformed(format!("bytecode: {e}")))
    }

    fn malformed(&self, what: String) -> ArtifactError {
        ArtifactError::Malformed {
            path: self.path.clone(),
            what,
        }
    }
}

fn links(json: &Value) -> Option<BTreeMap<String, Vec<usize>>> {
    let mut links = BTreeMap::new();
    if json.is_null() {
        return Some(links);
    }
    for library in json.as_object()?.values().map(Value::as_object) {
        for (name, places) in library? {
            let starts = places
                .as_array()?
                .iter()
                .map(|place| place["start"].as_u64());
            let starts = starts
                .map(|start| usize::try_from(start?).ok())
                .collect::<Option<_>>()?;
            links.insert(name.clone(), starts);
        }
    }
    Some(links)
}

/// The folder of this crate, beside which `contracts/` lies.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
