//! Where the results of a bag of tasks go.

use std::path::{Path, PathBuf};

/// Where one result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The folder of its files.
    pub folder: PathBuf,
    /// The file of its certificate.
    pub certificate: PathBuf,
}

/// Where the result of the task `index` goes: `out` itself when there is one task in all, else a folder in it named after
/// the index.
pub fn place(out: &Path, index: u64, alone: bool) -> Placed {
    let folder = if alone {
        out.to_owned()
    } else {
        out.join(index.to_string())
    };
    Placed {
        certificate: folder.join(crate::CERTIFICATE),
        folder,
    }
}
