//! What travels encrypted: results for a beneficiary, datasets (offchain.md, sections 4.3 and 4.4).

mod dataset;
mod keys;
pub mod result;
mod stream;

pub use dataset::{DatasetKey, decrypt_dataset, encrypt_dataset};
pub use keys::{PrivateKey, PublicKey, RsaKeyError};
pub use stream::{DecryptError, KEY_BYTES};
