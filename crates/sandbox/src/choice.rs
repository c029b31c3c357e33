//! Choosing the runtime by what an app is.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use crate::{Fault, Job, Kind, Limits, Run, Runtime};

/// Where a tar archive says that it is one, and how.
const MARK: (usize, &[u8]) = (257, b"ustar");

impl Kind {
    /// What runs the file at `path`: a tar archive, or a folder, is taken for a container image, anything else for WebAssembly.
    /// That says nothing of its worth, but every worker comes to the same.
    ///
    /// # Errors
    ///
    /// What the system says when the file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Oci);
        }
        let (at, mark) = MARK;
        let mut beginning = Vec::new();
        let length = (at + mark.len()) as u64;
        File::open(path)?.take(length).read_to_end(&mut beginning)?;
        Ok(match beginning.get(at..) {
            Some(found) if found == mark => Self::Oci,
            _ => Self::Wasm,
        })
    }
}

/// All runtimes of a machine as one.
#[derive(Debug, Clone, Default)]
pub struct Runtimes {
    all: Vec<Arc<dyn Runtime>>,
}

impl Runtimes {
    /// These runtimes, of which the first that runs an app is taken.
    pub fn new(all: Vec<Arc<dyn Runtime>>) -> Self {
        Self { all }
    }

    async fn choose(&self, job: &Job, limits: &Limits) -> Result<crate::Outcome, Fault> {
        let kind = Kind::of(&job.app).map_err(Fault::disk(&job.app))?;
        let runtime = self.all.iter().find(|runtime| runtime.runs(kind));
        runtime.ok_or(Fault::Missing)?.run(job, limits).await
    }
}

impl Runtime for Runtimes {
    fn runs(&self, kind: Kind) -> bool {
        self.all.iter().any(|runtime| runtime.runs(kind))
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(self.choose(job, limits))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_app_is_what_its_bytes_say() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("app");
        let mut tar = vec![0; 600];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, kind) in [
            (tar.as_slice(), Kind::Oci),
            (b"\0asm\x01\0\0\0", Kind::Wasm),
            (b"", Kind::Wasm),
            (&[0; 600], Kind::Wasm),
        ] {
            fs::write(&app, bytes).unwrap();
            assert_eq!(Kind::of(&app).unwrap(), kind);
        }
    }
}
