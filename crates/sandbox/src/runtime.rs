use std::{fmt, future::Future, pin::Pin};

use crate::{Fault, Job, Limits, Outcome};

/// A way to run apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// WebAssembly, deterministic.
    Wasm,
    /// An OCI image in a container.
    Oci,
    /// WebAssembly in a trusted execution environment.
    Enclave,
}

/// A run under way. To drop it is to cancel it: the app is stopped at once, and its output folder is to be discarded.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Fault>> + Send + 'a>>;

/// Runs apps.
///
/// An [`Outcome`], good or bad, is a fact about the job: any honest worker finds the same, and it may be certified. A
/// [`Fault`] is a fact about this machine at this moment, and binds nobody.
pub trait Runtime: fmt::Debug + Send + Sync {
    /// Whether this runtime runs apps of that kind.
    fn runs(&self, kind: Kind) -> bool;

    /// Runs `job` under `limits` and leaves in its output folder what is to be archived ([`archive`](crate::archive)).
    ///
    /// # Errors
    ///
    /// A [`Fault`] when the machine, not the app, is why there is no result.
    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a>;
}
