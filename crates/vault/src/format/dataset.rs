//! Encrypted datasets: AES-256-CBC, the vector in front; the key is base64 of 32 bytes (offchain.md, section 4.4).

use std::{
    fmt,
    io::{self, Read, Write},
    str::FromStr,
};

use alloy_primitives::B256;
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::stream::{BLOCK, DecryptError, KEY_BYTES, decrypt, encrypt};

/// The key of a dataset. It is never printed but by [`to_text`](Self::to_text).
#[derive(Clone, PartialEq, Eq)]
pub struct DatasetKey(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for DatasetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatasetKey(…)")
    }
}

/// A text is no key of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of a dataset is base64 of 32 bytes")]
pub struct DatasetKeyError;

impl FromStr for DatasetKey {
    type Err = DatasetKeyError;

    fn from_str(text: &str) -> Result<Self, DatasetKeyError> {
        let bytes = Zeroizing::new(
            BASE64_STANDARD
                .decode(text.trim())
                .map_err(|_| DatasetKeyError)?,
        );
        let key = bytes.as_slice().try_into().map_err(|_| DatasetKeyError)?;
        Ok(Self(Zeroizing::new(key)))
    }
}

impl DatasetKey {
    /// A new key.
    pub fn generate() -> io::Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        SysRng
            .try_fill_bytes(key.as_mut_slice())
            .map_err(io::Error::other)?;
        Ok(Self(key))
    }

    /// As it is kept in files and in the vault.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(*self.0))
    }
}

/// Encrypts a dataset. Returns the SHA-256 of the encrypted file: the checksum that is registered on the chain.
pub fn encrypt_dataset(key: &DatasetKey, source: impl Read, sink: impl Write) -> io::Result<B256> {
    let mut vector = [0; BLOCK];
    SysRng
        .try_fill_bytes(&mut vector)
        .map_err(io::Error::other)?;
    let mut hashed = Hashing {
        sink,
        hasher: Sha256::new(),
    };
    encrypt(&key.0, vector, source, &mut hashed)?;
    hashed.flush()?;
    Ok(B256::new(hashed.hasher.finalize().into()))
}

/// Decrypts a dataset. What is written when this fails is worth nothing; compare the encrypted file with the checksum on the
/// chain, as nothing else says whether it was changed.
pub fn decrypt_dataset(
    key: &DatasetKey,
    source: impl Read,
    sink: impl Write,
) -> Result<(), DecryptError> {
    decrypt(&key.0, source, sink)
}

/// Hashes what passes.
struct Hashing<W> {
    sink: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_comes_back_with_its_key_only() {
        let key = DatasetKey::generate().unwrap();
        let mut encrypted = Vec::new();
        let checksum = encrypt_dataset(&key, b"secret rows".as_slice(), &mut encrypted).unwrap();
        assert_eq!(checksum, B256::new(Sha256::digest(&encrypted).into()));
        let read: DatasetKey = key.to_text().parse().unwrap();
        let mut plain = Vec::new();
        decrypt_dataset(&read, encrypted.as_slice(), &mut plain).unwrap();
        assert_eq!(plain, b"secret rows");
        let mut again = Vec::new();
        encrypt_dataset(&key, b"secret rows".as_slice(), &mut again).unwrap();
        assert_ne!(encrypted, again, "the same rows twice look different");

        for junk in ["", "AAAA", "not base64 at all"] {
            assert_eq!(junk.parse::<DatasetKey>(), Err(DatasetKeyError), "{junk}");
        }
    }
}
