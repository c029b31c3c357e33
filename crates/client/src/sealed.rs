//! Opening results that are encrypted for their beneficiary.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use canut_protocol::{Deal, TaskId};
use canut_vault::format::{
    PrivateKey,
    result::{check_shape, decrypt_to, is_wanted, recipient},
};
use zeroize::Zeroizing;

use crate::{Client, Error, Limits, Result};

/// Largest file of a private key, in bytes.
const MAX_KEY: u64 = 16 << 10;

/// The file, in a folder of private keys, of the one that opens results for `beneficiary`; named as the iexec CLI names it.
pub fn key_file(folder: &Path, beneficiary: Address) -> PathBuf {
    folder.join(format!("{beneficiary}_key"))
}

impl Client {
    /// The plain archive of a result: decrypted to `desk` where it is encrypted, else as it is. What comes out is as
    /// trustworthy as what went in.
    pub(crate) async fn unseal(
        &self,
        task: TaskId,
        deal: &Deal,
        archive: PathBuf,
        desk: &Path,
        limits: Limits,
    ) -> Result<PathBuf> {
        if !is_wanted(&deal.params) {
            return Ok(archive);
        }
        let limit = limits.bytes.saturating_mul(2);
        let plain = desk.join("plain.zip");
        let beneficiary = recipient(deal);
        let file = self
            .keys_of_results()
            .map(|folder| key_file(folder, beneficiary));
        let opening = tokio::task::spawn_blocking(move || {
            // A failure that was certified before the app ran has nothing to hide.
            if check_shape(&archive, limit).is_err() {
                return Ok(archive);
            }
            let missing = || Error::Sealed { task, beneficiary };
            let file = file.filter(|file| file.exists()).ok_or_else(missing)?;
            decrypt_to(&plain, &archive, &read_key(&file)?, limit)?;
            Ok(plain)
        });
        opening
            .await
            .map_err(|error| Error::Thread(error.to_string()))?
    }
}

fn read_key(path: &Path) -> Result<PrivateKey> {
    let bytes = fs::metadata(path).map_err(Error::file(path))?.len();
    if bytes > MAX_KEY {
        let (path, limit) = (path.to_owned(), MAX_KEY);
        return Err(Error::TooLarge { path, bytes, limit });
    }
    let pem = Zeroizing::new(fs::read_to_string(path).map_err(Error::file(path))?);
    Ok(PrivateKey::from_pem(&pem).map_err(crate::SecretError::from)?)
}
