//! Length-prefixed bytes: how blocks and state changes are written to the journal and the database.

use alloy::rlp::{Decodable, Encodable};
use alloy_primitives::{B256, Bytes};

/// Stored bytes that do not decode.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error(
    "stored bytes cannot be decoded: the database is damaged, or was written by another version"
)]
pub struct CodecError;

/// A value with one byte form.
pub(crate) trait Codec: Sized {
    /// Appends the bytes of `self`.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads a value from the front of `bytes`, and moves past it.
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError>;

    /// The bytes of `self`.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Reads a value that takes all of `bytes`.
    fn from_bytes(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let value = Self::read(&mut bytes)?;
        if bytes.is_empty() {
            Ok(value)
        } else {
            Err(CodecError)
        }
    }
}

/// Takes `n` bytes from the front.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8], CodecError> {
    let (head, rest) = bytes.split_at_checked(n).ok_or(CodecError)?;
    *bytes = rest;
    Ok(head)
}

/// Appends the RLP of `value`.
pub(crate) fn put_rlp(value: &impl Encodable, out: &mut Vec<u8>) {
    value.encode(out);
}

/// Reads an RLP value from the front.
pub(crate) fn get_rlp<T: Decodable>(bytes: &mut &[u8]) -> Result<T, CodecError> {
    T::decode(bytes).map_err(|_| CodecError)
}

impl Codec for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let word = take(bytes, 8)?.try_into().map_err(|_| CodecError)?;
        Ok(Self::from_be_bytes(word))
    }
}

impl Codec for B256 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_slice());
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        take(bytes, 32).map(Self::from_slice)
    }
}

impl Codec for Bytes {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        out.extend_from_slice(self);
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let length = usize::try_from(u64::read(bytes)?).map_err(|_| CodecError)?;
        take(bytes, length).map(Self::copy_from_slice)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        match take(bytes, 1)? {
            [0] => Ok(None),
            [1] => T::read(bytes).map(Some),
            _ => Err(CodecError),
        }
    }
}

impl<K: Codec + Ord, V: Codec> Codec for std::collections::BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }
    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let length = u64::read(bytes)?;
        // Nothing is reserved: a length that lies runs out of bytes first.
        (0..length)
            .map(|_| Ok((K::read(bytes)?, V::read(bytes)?)))
            .collect()
    }
}
