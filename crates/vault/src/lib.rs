//! The vault: secrets of users, kept encrypted.
//!
//! - [`Server`] runs it: the HTTP API that iExec's SDK pushes secrets to (offchain.md, section 3), over a database.
//! - [`Secrets`] is what it keeps: each value encrypted under the key of a file, and the signature that its owner gave with it.
//!   No route reads a secret back. [`Secrets::read`] is for whoever hands secrets to the enclave of one task, after having
//!   verified what that enclave is.
//! - [`SecretId`] names a secret, and says what must be signed to put it there.
//! - [`Remote`] is a client. It believes no key that its owner did not sign.
//! - [`format`](mod@format) holds what travels encrypted outside: results for a beneficiary, datasets.

mod api;
pub mod format;
mod metrics;
mod remote;
mod secret;
mod secrets;
mod server;

pub use remote::{Remote, RemoteError};
pub use secret::{KEY_OF_RESULTS, MAX_VALUE, NameError, SecretId, SecretName, Value};
pub use secrets::{Key, KeyError, Secrets, SecretsError};
pub use server::{Config, Server, StartError};
