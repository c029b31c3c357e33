//! Encrypted results: an archive that only its beneficiary opens (offchain.md, section 4.3).
//!
//! The archive is a zip of two files: [`KEY_FILE`], a fresh AES key encrypted with the beneficiary's RSA key (PKCS#1 v1.5), and
//! [`CONTENT_FILE`], the plain archive encrypted with that key.
//!
//! iExec draws the AES key, the vector and the padding at random. Here they are derived (HKDF-SHA256) from the plain archive,
//! the task and the beneficiary's key, so a worker that begins anew, and one that uploads in another's stead, put the same file
//! in the store. Nobody votes on it: the beneficiary may change the key at any time, and votes are for the plain archive. Who
//! does not know the plain archive cannot derive anything. Who can guess all of it can tell that the guess is right: the digest
//! that is published of every result tells as much.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use alloy_primitives::Address;
use canut_protocol::{Deal, TaskId};
use hkdf::HkdfExtract;
use rsa::{BoxedUint, Pkcs1v15Encrypt, hazmat::rsa_encrypt, traits::PublicKeyParts};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;
use zip::{CompressionMethod, ZipArchive, read::ZipFile, result::ZipError};

use super::{
    keys::{PrivateKey, PublicKey, RsaKeyError},
    stream::{BLOCK, DecryptError, KEY_BYTES, decrypt, encrypt},
};

/// The file of the encrypted key.
pub const KEY_FILE: &str = "aes-key.rsa";
/// The file of the encrypted archive.
pub const CONTENT_FILE: &str = "iexec_out.zip.aes";

/// Most bytes of the encrypted key that iExec's SDK takes; keys of 7 936 bits give as many.
const MAX_KEY_FILE: u64 = 1_000;

/// What separates these derivations from all others.
const SALT: &[u8] = b"canut.result-encryption.1";

/// Why a result cannot be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// A file.
    #[error("a file of an encrypted result: {0}")]
    Io(#[from] io::Error),
    /// The archive is no zip.
    #[error("the archive is not a zip of stored files: {0}")]
    Zip(#[from] ZipError),
    /// The archive is no encrypted one.
    #[error("the archive is not an encrypted result: {0}")]
    Shape(&'static str),
    /// The beneficiary's key.
    #[error(transparent)]
    Key(#[from] RsaKeyError),
    /// The key cannot encrypt.
    #[error("the beneficiary's key cannot be used: {0}")]
    Rsa(#[from] rsa::Error),
    /// The result is for another key.
    #[error(
        "the result is encrypted for another key: give the private key whose public half was in the vault"
    )]
    OtherKey,
    /// The content cannot be decrypted.
    #[error("the encrypted result: {0}")]
    Content(#[from] DecryptError),
}

/// Whether the parameters of a deal ask for encrypted results.
pub fn is_wanted(params: &str) -> bool {
    let params: Option<Value> = serde_json::from_str(params).ok();
    params
        .as_ref()
        .and_then(|params| params.get("iexec_result_encryption")?.as_bool())
        .unwrap_or_default()
}

/// For whom the results of a deal are encrypted: its beneficiary, or who pays when it names none.
pub fn recipient(deal: &Deal) -> Address {
    if deal.beneficiary == Address::ZERO {
        deal.requester
    } else {
        deal.beneficiary
    }
}

/// Encrypts the archive of a task's result for a beneficiary: leaves the two files in `folder`, for an archive of their own.
/// Memory does not grow with the archive. Blocks.
pub fn encrypt_into(
    folder: &Path,
    archive: &Path,
    task: TaskId,
    beneficiary: &PublicKey,
) -> Result<(), ResultError> {
    let derived = Derived::of(archive, task, beneficiary)?;
    fs::write(
        folder.join(KEY_FILE),
        wrap(&derived.key, &derived.padding, beneficiary)?,
    )?;
    let mut sink = BufWriter::new(File::create(folder.join(CONTENT_FILE))?);
    let source = BufReader::new(File::open(archive)?);
    encrypt(&derived.key, derived.vector, source, &mut sink)?;
    Ok(sink.flush()?)
}

/// What an encryption would otherwise draw at random.
struct Derived {
    key: Zeroizing<[u8; KEY_BYTES]>,
    vector: [u8; BLOCK],
    /// Bytes for the padding, some of them zero.
    padding: Vec<u8>,
}

impl Derived {
    fn of(archive: &Path, task: TaskId, beneficiary: &PublicKey) -> Result<Self, ResultError> {
        let mut extract = HkdfExtract::<Sha256>::new(Some(SALT));
        let mut source = File::open(archive)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            extract.input_ikm(&buffer[..read]);
        }
        let (_, secret) = extract.finalize();
        let whom = beneficiary.to_der()?;
        let expand = |use_: &[u8], out: &mut [u8]| {
            secret
                .expand_multi_info(&[use_, task.0.as_slice(), &whom], out)
                .map_err(|_| RsaKeyError::Bits(beneficiary.0.n().bit_width()))
        };
        let (mut key, mut vector) = (Zeroizing::new([0; KEY_BYTES]), [0; BLOCK]);
        // One byte in 256 is zero and left out: twice what is needed is plenty.
        let mut padding = vec![0; 2 * beneficiary.0.size()];
        expand(b"key", key.as_mut_slice())?;
        expand(b"vector", &mut vector)?;
        expand(b"padding", &mut padding)?;
        Ok(Self {
            key,
            vector,
            padding,
        })
    }
}

/// RSAES-PKCS1-v1_5 (RFC 8017, 7.2.1) with that padding.
fn wrap(
    key: &[u8; KEY_BYTES],
    padding: &[u8],
    beneficiary: &PublicKey,
) -> Result<Vec<u8>, ResultError> {
    let size = beneficiary.0.size();
    let length = size
        .checked_sub(KEY_BYTES + 3)
        .ok_or(rsa::Error::MessageTooLong)?;
    let mut block = Zeroizing::new(vec![0, 2]);
    block.extend(padding.iter().filter(|byte| **byte != 0).take(length));
    block.push(0);
    block.extend(key);
    if block.len() != size {
        return Err(rsa::Error::MessageTooLong.into());
    }
    let message = BoxedUint::from_be_slice(&block, beneficiary.0.n().bits_precision())
        .map_err(|_| rsa::Error::MessageTooLong)?;
    let cipher = rsa_encrypt(&beneficiary.0, &message)?.to_be_bytes();
    // The number may be kept in more bytes than the modulus has; those in front are zero.
    let surplus = cipher.len().checked_sub(size).ok_or(rsa::Error::Internal)?;
    Ok(cipher[surplus..].to_vec())
}

/// Whether the archive has the form of an encrypted result of at most `limit` bytes. Only the beneficiary can tell more.
/// Blocks.
pub fn check_shape(archive: &Path, limit: u64) -> Result<(), ResultError> {
    let mut zip = ZipArchive::new(File::open(archive)?)?;
    if zip.len() != 2 {
        return Err(ResultError::Shape("it does not hold two files"));
    }
    let key = entry(&mut zip, KEY_FILE)?.size();
    if !(256..=MAX_KEY_FILE).contains(&key) {
        return Err(ResultError::Shape("its key has not the length of one"));
    }
    let content = entry(&mut zip, CONTENT_FILE)?.size();
    let least = 2 * BLOCK as u64;
    if content < least || !content.is_multiple_of(BLOCK as u64) {
        return Err(ResultError::Shape("its content has not the length of one"));
    }
    if content > limit {
        return Err(ResultError::Shape("it is larger than a result may be"));
    }
    Ok(())
}

/// Decrypts an encrypted result to `into`, the plain archive. What is written when this fails is worth nothing; compare the
/// digest of the plain archive with the certified one, as nothing else says whether it was changed. Blocks.
pub fn decrypt_to(
    into: &Path,
    archive: &Path,
    key: &PrivateKey,
    limit: u64,
) -> Result<(), ResultError> {
    check_shape(archive, limit)?;
    let mut zip = ZipArchive::new(File::open(archive)?)?;
    let mut wrapped = Vec::new();
    entry(&mut zip, KEY_FILE)?
        .take(MAX_KEY_FILE)
        .read_to_end(&mut wrapped)?;
    let unwrapped = key.0.decrypt(Pkcs1v15Encrypt, &wrapped);
    // A key that does not fit gives other bytes, not an error.
    let unwrapped = Zeroizing::new(unwrapped.map_err(|_| ResultError::OtherKey)?);
    let unwrapped = unwrapped.as_slice().try_into();
    let unwrapped = Zeroizing::new(unwrapped.map_err(|_| ResultError::OtherKey)?);
    let mut sink = BufWriter::new(File::create(into)?);
    decrypt(
        &unwrapped,
        entry(&mut zip, CONTENT_FILE)?.take(limit),
        &mut sink,
    )?;
    Ok(sink.flush()?)
}

fn entry<'a>(
    zip: &'a mut ZipArchive<File>,
    name: &'static str,
) -> Result<ZipFile<'a, File>, ResultError> {
    let entry = match zip.by_name(name) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => {
            return Err(ResultError::Shape(
                "a file of an encrypted result is missing",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    if entry.compression() != CompressionMethod::Stored {
        return Err(ResultError::Shape("it is compressed"));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const PRIVATE: &str = include_str!("beneficiary.pem");

    fn key() -> PrivateKey {
        PrivateKey::from_pem(PRIVATE).unwrap()
    }

    fn zip(path: &Path, files: &[(&str, Vec<u8>)]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in files {
            zip.start_file(*name, stored).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }

    /// The two files of an encryption of `plain`.
    fn encrypted(plain: &[u8], task: TaskId, key: &PublicKey) -> [Vec<u8>; 2] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("result.zip");
        fs::write(&archive, plain).unwrap();
        encrypt_into(folder.path(), &archive, task, key).unwrap();
        [KEY_FILE, CONTENT_FILE].map(|name| fs::read(folder.path().join(name)).unwrap())
    }

    fn task(number: u8) -> TaskId {
        TaskId(B256::repeat_byte(number))
    }

    #[test]
    fn workers_agree_on_every_byte_and_other_tasks_look_different() {
        let public = key().public();
        let first = encrypted(b"a result", task(1), &public);
        assert_eq!(first, encrypted(b"a result", task(1), &public));
        let [key, content] = encrypted(b"a result", task(2), &public);
        assert!(key != first[0] && content != first[1]);
        let [key, content] = encrypted(b"a resulT", task(1), &public);
        assert!(key != first[0] && content != first[1]);
    }

    #[test]
    fn the_beneficiary_opens_what_was_encrypted() {
        let key = key();
        let [wrapped, content] = encrypted(b"a result", task(1), &key.public());
        assert_eq!(wrapped.len(), 256);
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("encrypted.zip");
        let opened = folder.path().join("result.zip");
        let both = [(KEY_FILE, wrapped.clone()), (CONTENT_FILE, content.clone())];
        zip(&archive, &both);
        check_shape(&archive, 32).unwrap();
        decrypt_to(&opened, &archive, &key, 1 << 20).unwrap();
        assert_eq!(fs::read(&opened).unwrap(), b"a result");

        let mut changed = wrapped.clone();
        changed[100] ^= 1;
        zip(&archive, &[(KEY_FILE, changed), both[1].clone()]);
        let opened = decrypt_to(&opened, &archive, &key, 1 << 20);
        assert!(matches!(
            opened,
            Err(ResultError::OtherKey | ResultError::Content(_))
        ));
    }

    #[test]
    fn what_is_no_encrypted_result_is_told_by_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("junk.zip");
        let (wrapped, content) = (vec![1; 256], vec![2; 48]);
        let shape = |files: &[(&str, Vec<u8>)]| {
            zip(&path, files);
            check_shape(&path, 48)
        };
        let good = [(KEY_FILE, wrapped.clone()), (CONTENT_FILE, content.clone())];
        assert!(shape(&good).is_ok());
        for bad in [
            vec![good[0].clone()],
            vec![good[0].clone(), ("other", content.clone())],
            vec![(KEY_FILE, vec![1; 1_001]), good[1].clone()],
            vec![(KEY_FILE, vec![1; 32]), good[1].clone()],
            vec![good[0].clone(), (CONTENT_FILE, vec![2; 47])],
            vec![good[0].clone(), (CONTENT_FILE, vec![2; 16])],
            vec![good[0].clone(), (CONTENT_FILE, vec![2; 64])],
            vec![good[0].clone(), good[1].clone(), ("third", vec![])],
        ] {
            let checked = shape(&bad);
            assert!(matches!(checked, Err(ResultError::Shape(_))), "{bad:?}");
        }
        fs::write(&path, "PK junk").unwrap();
        assert!(matches!(check_shape(&path, 48), Err(ResultError::Zip(_))));
    }

    #[test]
    fn params_ask_for_encryption_by_a_plain_true() {
        assert!(is_wanted(r#"{"iexec_result_encryption":true}"#));
        for params in ["", "[]", r#"{"iexec_result_encryption":"true"}"#, "{}"] {
            assert!(!is_wanted(params), "{params}");
        }
    }
}
