//! Result digests (offchain.md 6.7).

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use alloy_primitives::B256;
use canut_protocol::result::folder_digest;
use sha2::{Digest, Sha256};

/// The SHA-256 of a file.
pub(crate) fn file(path: &Path) -> io::Result<B256> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = [0; 8 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(B256::new(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// The digest of a result: of a file, its SHA-256; of a folder, see [`folder_digest`]. A folder without a file in it is as good
/// as none, since an archive does not hold it: `NotFound`.
pub(crate) fn of(path: &Path) -> io::Result<B256> {
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "there is no file in it");
    part(path)?.ok_or_else(nothing)
}

/// `None` of a folder without a file in it.
fn part(path: &Path) -> io::Result<Option<B256>> {
    if !path.symlink_metadata()?.is_dir() {
        return file(path).map(Some);
    }
    let mut children = Vec::new();
    for entry in path.read_dir()? {
        let entry = entry?;
        if let Some(digest) = part(&entry.path())? {
            children.push((entry.file_name(), digest));
        }
    }
    let named = children.iter().map(|(name, digest)| match name.to_str() {
        Some(name) => Ok((name, *digest)),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            "a name is not UTF-8",
        )),
    });
    let named = named.collect::<io::Result<Vec<_>>>()?;
    Ok((!named.is_empty()).then(|| folder_digest(named)))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, keccak256};

    use super::*;

    #[test]
    fn a_file_is_its_sha_256_and_a_folder_the_keccak_of_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.txt"), "abc").unwrap();
        std::fs::write(at("a.txt"), "").unwrap();
        let abc = b256!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let empty = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(&at("b.txt")).unwrap(), abc);
        assert_eq!(of(folder.path()).unwrap(), keccak256([empty, abc].concat()));

        std::fs::create_dir(at("aa")).unwrap();
        std::fs::write(at("aa/x"), "abc").unwrap();
        assert_eq!(
            of(folder.path()).unwrap(),
            keccak256([empty, keccak256(abc), abc].concat())
        );
    }

    #[test]
    fn folders_without_files_leave_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        assert_eq!(
            of(folder.path()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        std::fs::write(at("c"), "abc").unwrap();
        let alone = keccak256(file(&at("c")).unwrap());
        assert_eq!(of(folder.path()).unwrap(), alone);
    }
}
