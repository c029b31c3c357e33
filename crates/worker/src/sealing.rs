//! Encrypting a result for its beneficiary, where the deal asks for it.

use std::{fs, path::Path};

use canut_protocol::{Deal, Failure};
use canut_vault::{
    RemoteError,
    format::{
        PublicKey,
        result::{encrypt_into, is_wanted, recipient},
    },
};
use tracing::info;

use crate::run::{Order, Runner, pack_all};

impl Runner {
    /// The key that the result of a deal is to be encrypted with; none when the deal asks for no encryption. Asked for before
    /// anything is computed: without the key nothing can be delivered.
    pub(crate) async fn key_for(&self, deal: &Deal) -> Result<Option<PublicKey>, Failure> {
        if !is_wanted(&deal.params) {
            return Ok(None);
        }
        let Some(vault) = &self.vault else {
            info!("the deal wants its results encrypted, and this worker was given no vault");
            return Err(Failure::VaultUnreachable);
        };
        let found = vault.key_of_results(recipient(deal)).await;
        let found = found.map_err(|error| {
            info!(%error, "there is no key to encrypt results with");
            match error {
                RemoteError::Unusable { .. } => Failure::KeyMissing,
                _ => Failure::VaultUnreachable,
            }
        });
        found?.map(Some).ok_or(Failure::KeyMissing)
    }
}

/// Puts the encrypted archive of a result in the place of the plain one, by way of `folder`, which is made.
pub(crate) async fn seal(order: &Order, folder: &Path, key: PublicKey) -> Result<(), Failure> {
    let (order, folder) = (order.clone(), folder.to_owned());
    let sealing = tokio::task::spawn_blocking(move || {
        fs::create_dir(&folder)?;
        encrypt_into(&folder, &order.archive, order.task, &key).map_err(std::io::Error::other)?;
        pack_all(&folder, &order)?;
        fs::remove_dir_all(&folder)
    });
    let sealed = sealing.await.map_err(|_| Failure::WorkerBroken)?;
    sealed.map_err(|error| {
        info!(%error, "a result cannot be encrypted");
        Failure::WorkerBroken
    })
}
