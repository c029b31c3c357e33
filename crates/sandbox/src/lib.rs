//! Runs an app over inputs under limits, and says what came out.
//!
//! A worker fetches an app and its inputs, prepares two folders, and hands a [`Job`] with its [`Limits`] to a [`Runtime`].
//! It gets an [`Outcome`]: the result and its digest, or a [`Failure`] of the app that has a digest as well, since it is
//! just as true; either may be voted for and certified. Or it gets a [`Fault`] of its own machine, which concerns nobody
//! else. The output folder then holds what goes into the canonical [`archive`].
//!
//! There are two runtimes. Apps of [`WasmRuntime`] are deterministic: honest workers agree bit for bit. [`OciRuntime`] runs
//! container images, whose authors must see to that themselves. What an app sees is that of iExec's worker (offchain.md 6.6): `/iexec_in`, `/iexec_out`, its arguments and the `IEXEC_*` variables;
//! what it must leave is `computed.json`.
//!
//! Keys, the chain and the network have no place here.

mod alone;
pub mod archive;
mod choice;
mod computed;
mod job;
mod limits;
mod oci;
mod outcome;
mod result;
mod runtime;
mod vfs;
mod wasm;

pub use alone::alone_in;
pub use choice::Runtimes;
pub use computed::ComputedError;
pub use job::{Bag, Dataset, Delivery, IEXEC_IN, IEXEC_OUT, Job, split_arguments};
pub use limits::{FUEL_PER_SECOND, Limits};
pub use oci::{
    Blob, DOCUMENT_BYTES, Document, DocumentError, EngineKind, OciRuntime, Unavailable,
    begin_layout,
};
pub use outcome::{Captured, Failure, Fault, Outcome, Success};
pub use result::{ResultFile, list};
pub use runtime::{Kind, Run, Runtime};
pub use wasm::WasmRuntime;
