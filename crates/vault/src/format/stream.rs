//! AES-256-CBC with PKCS#7 over streams, behind a vector of 16 bytes: `vector ‖ ciphertext`.
//!
//! Nothing authenticates such a ciphertext. Who decrypts compares the digest of what came out with the one that is certified,
//! or registered, before using it.

use std::io::{self, Read, Write};

use aes::Aes256;
use cbc::cipher::{
    BlockModeDecrypt, BlockModeEncrypt, KeyIvInit,
    block_padding::{Padding, Pkcs7},
};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a block, and of the vector.
pub(crate) const BLOCK: usize = 16;
/// Bytes worked on at a time: whole blocks.
const CHUNK: usize = 64 << 10;

/// Why a ciphertext cannot be decrypted.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// Reading or writing failed.
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// It is cut off.
    #[error("it is no encrypted file: its length is not that of one")]
    Length,
    /// Its end is not that of a plain text.
    #[error("the key is not the one it was encrypted with, or it is damaged")]
    Key,
}

/// Encrypts all of `source`. Returns the bytes written.
pub(crate) fn encrypt(
    key: &[u8; KEY_BYTES],
    vector: [u8; BLOCK],
    mut source: impl Read,
    mut sink: impl Write,
) -> io::Result<u64> {
    let mut cipher = cbc::Encryptor::<Aes256>::new(key.into(), &vector.into());
    sink.write_all(&vector)?;
    let mut written = BLOCK as u64;
    let mut buffer = vec![0; CHUNK + BLOCK];
    loop {
        let read = fill(&mut source, &mut buffer[..CHUNK])?;
        if read == CHUNK {
            encrypt_blocks(&mut cipher, &mut buffer[..CHUNK]);
            sink.write_all(&buffer[..CHUNK])?;
            written += CHUNK as u64;
            continue;
        }
        let last = cipher
            .encrypt_padded::<Pkcs7>(&mut buffer, read)
            .map_err(io::Error::other)?;
        sink.write_all(last)?;
        return Ok(written + last.len() as u64);
    }
}

/// Decrypts all of `source`. What is written when this fails is worth nothing.
pub(crate) fn decrypt(
    key: &[u8; KEY_BYTES],
    mut source: impl Read,
    mut sink: impl Write,
) -> Result<(), DecryptError> {
    let mut vector = [0; BLOCK];
    if fill(&mut source, &mut vector)? < BLOCK {
        return Err(DecryptError::Length);
    }
    let mut cipher = cbc::Decryptor::<Aes256>::new(key.into(), &vector.into());
    // The last block says how much of it counts, so it is held back until something follows.
    let mut held: Option<[u8; BLOCK]> = None;
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = fill(&mut source, &mut buffer)?;
        if !read.is_multiple_of(BLOCK) {
            return Err(DecryptError::Length);
        }
        if read > 0 {
            if let Some(block) = held.take() {
                sink.write_all(&block)?;
            }
            decrypt_blocks(&mut cipher, &mut buffer[..read]);
            let (whole, last) = buffer[..read].split_at(read - BLOCK);
            sink.write_all(whole)?;
            held = last.try_into().ok();
        }
        if read < CHUNK {
            break;
        }
    }
    let last = held.ok_or(DecryptError::Length)?;
    let last = cbc::cipher::Block::<cbc::Decryptor<Aes256>>::from(last);
    let plain = Pkcs7::unpad(&last).map_err(|_| DecryptError::Key)?;
    Ok(sink.write_all(plain)?)
}

fn encrypt_blocks(cipher: &mut cbc::Encryptor<Aes256>, bytes: &mut [u8]) {
    for block in bytes.as_chunks_mut::<BLOCK>().0 {
        cipher.encrypt_block(block.into());
    }
}

fn decrypt_blocks(cipher: &mut cbc::Decryptor<Aes256>, bytes: &mut [u8]) {
    for block in bytes.as_chunks_mut::<BLOCK>().0 {
        cipher.decrypt_block(block.into());
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::*;

    fn encrypted(key: &[u8; 32], plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let written = encrypt(key, [7; BLOCK], plain, &mut out).unwrap();
        assert_eq!(written, out.len() as u64);
        out
    }

    fn decrypted(key: &[u8; 32], cipher: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let mut out = Vec::new();
        decrypt(key, cipher, &mut out).map(|()| out)
    }

    /// NIST SP 800-38A, F.2.5: the first blocks; padding follows.
    #[test]
    fn it_is_the_cipher_of_the_standard() {
        let key = hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let vector = hex!("000102030405060708090a0b0c0d0e0f");
        let plain = hex!("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let mut out = Vec::new();
        encrypt(&key, vector, plain.as_slice(), &mut out).unwrap();
        let expected = hex!("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d");
        assert_eq!(out[..16], vector);
        assert_eq!(out[16..48], expected);
        assert_eq!(out.len(), 64);
        assert_eq!(decrypted(&key, &out).unwrap(), plain);
    }

    #[test]
    fn any_length_around_a_chunk_comes_back() {
        for length in [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let plain: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let cipher = encrypted(&[3; 32], &plain);
            assert_eq!(cipher.len(), BLOCK + (length / BLOCK + 1) * BLOCK);
            assert_eq!(decrypted(&[3; 32], &cipher).unwrap(), plain, "{length}");
        }
    }

    proptest! {
        #[test]
        fn junk_is_an_error_and_no_panic(junk in prop::collection::vec(any::<u8>(), 0..200), key: [u8; 32]) {
            let plain = decrypted(&key, &junk);
            if junk.len() % BLOCK != 0 || junk.len() < 2 * BLOCK {
                prop_assert!(matches!(plain, Err(DecryptError::Length)));
            }
        }
    }
}
