//! Apps, datasets and workerpools.

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{App, Dataset, Hub, Receipt, events::AssetKind};
use canut_protocol::Location;
use canut_store::AddOptions;
use oci_spec::distribution::Reference;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::{Account, Client, Error, Result};

/// What the kind of a WebAssembly app is called on the chain.
const WASM: &str = "WASM";
/// What the kind of a container image is called there.
const IMAGE: &str = "OCI";
/// What iExec calls an image in a registry.
const DOCKER: &str = "DOCKER";
/// How a WebAssembly file begins.
const MAGIC: &[u8] = b"\0asm";
/// Where a tar archive, such as that of an image, says that it is one.
const MARK: (usize, &[u8]) = (257, b"ustar");

/// A file in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uploaded {
    /// Its CID.
    pub cid: String,
    /// Its SHA-256.
    pub checksum: B256,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// An asset on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// Its address.
    pub address: Address,
    /// The transaction that registered it; `None` when it was there already.
    pub transaction: Option<B256>,
    /// Where its content is, for apps and datasets.
    pub location: Option<String>,
    /// The block in which it was registered, if it was now.
    #[serde(skip)]
    pub block: Option<u64>,
}

impl Uploaded {
    /// Where it is.
    pub fn location(&self) -> Location {
        Location::Ipfs(self.cid.clone())
    }
}

impl Client {
    /// Puts a file in the store. Its CID is computed here, and the store must come to the same.
    pub async fn upload(&self, path: &Path) -> Result<Uploaded> {
        let (checksum, bytes) = sha256(path).await?;
        let cid = self.store()?.add_path(path, AddOptions::default()).await?;
        Ok(Uploaded {
            cid: cid.to_string(),
            checksum,
            bytes,
        })
    }

    /// The assets of an account, in the order in which it got them.
    pub async fn assets(&self, kind: AssetKind, owner: Address) -> Result<Vec<Address>> {
        let mut assets = Vec::new();
        for index in 0..self.hub().asset_count(kind, owner).await? {
            assets.push(self.hub().asset_at(kind, owner, index).await?);
        }
        Ok(assets)
    }

    /// The market must know an asset before it takes orders for it: waits until it followed the chain to `block`.
    pub async fn market_reached(&self, block: u64) -> Result<()> {
        let market = self.market()?;
        let mut tries = 0_u32;
        while market.head().await? < block && tries < 400 {
            tokio::time::sleep(self.follow().poll).await;
            tries += 1;
        }
        Ok(())
    }
}

/// What kind of app a file is, by its first bytes.
async fn kind_of(path: &Path) -> Result<&'static str> {
    let (at, mark) = MARK;
    let file = tokio::fs::File::open(path)
        .await
        .map_err(Error::file(path))?;
    let mut beginning = Vec::new();
    let mut file = file.take((at + mark.len()) as u64);
    file.read_to_end(&mut beginning)
        .await
        .map_err(Error::file(path))?;
    if beginning.starts_with(MAGIC) {
        Ok(WASM)
    } else if beginning.get(at..) == Some(mark) {
        Ok(IMAGE)
    } else {
        Err(Error::NoApp(path.to_owned()))
    }
}

impl Account {
    /// Puts an app, WebAssembly or the archive of a container image, in the store and registers it. Doing it again changes
    /// nothing.
    pub async fn deploy_app(&self, name: &str, file: &Path) -> Result<Deployed> {
        let kind = kind_of(file).await?;
        let uploaded = self.client().upload(file).await?;
        self.register_app(&App {
            name: name.to_owned(),
            kind: kind.to_owned(),
            multiaddr: uploaded.location().to_multiaddr().into(),
            checksum: uploaded.checksum,
            mrenclave: Bytes::new(),
        })
        .await
    }

    /// Registers a container image that is in a registry, at a reference such as `registry.example/team/app:tag@sha256:…`. The
    /// digest is what counts, and becomes the checksum of the app; a tag is for people. Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NoImage`] when `reference` is none, or has no SHA-256 digest.
    pub async fn register_image(&self, name: &str, reference: &str) -> Result<Deployed> {
        self.register_app(&App {
            name: name.to_owned(),
            kind: DOCKER.to_owned(),
            checksum: image_digest(reference)?,
            multiaddr: reference.as_bytes().to_vec().into(),
            mrenclave: Bytes::new(),
        })
        .await
    }

    /// Registers an app. One that is there already is found.
    pub async fn register_app(&self, app: &App) -> Result<Deployed> {
        let address = self.hub().predict_app(self.address(), app).await?;
        let location = place(&app.multiaddr);
        match is_there(self.hub(), AssetKind::App, address).await? {
            true => Ok(found(address, location)),
            false => Ok(made(
                self.caller().create_app(self.address(), app).await?,
                location,
            )),
        }
    }

    /// Puts a dataset in the store as it is, and registers it. Doing it again changes nothing.
    pub async fn deploy_dataset(&self, name: &str, path: &Path) -> Result<Deployed> {
        let uploaded = self.client().upload(path).await?;
        self.register_dataset(&Dataset {
            name: name.to_owned(),
            multiaddr: uploaded.location().to_multiaddr().into(),
            checksum: uploaded.checksum,
        })
        .await
    }

    /// Registers a dataset. One that is there already is found.
    pub async fn register_dataset(&self, dataset: &Dataset) -> Result<Deployed> {
        let address = self.hub().predict_dataset(self.address(), dataset).await?;
        let location = place(&dataset.multiaddr);
        match is_there(self.hub(), AssetKind::Dataset, address).await? {
            true => Ok(found(address, location)),
            false => Ok(made(
                self.caller()
                    .create_dataset(self.address(), dataset)
                    .await?,
                location,
            )),
        }
    }

    /// Registers a workerpool. One that is there already is found.
    pub async fn register_workerpool(&self, description: &str) -> Result<Deployed> {
        let address = self
            .hub()
            .predict_workerpool(self.address(), description)
            .await?;
        match is_there(self.hub(), AssetKind::Workerpool, address).await? {
            true => Ok(found(address, None)),
            false => Ok(made(
                self.caller()
                    .create_workerpool(self.address(), description)
                    .await?,
                None,
            )),
        }
    }

    /// Gives an asset to another account. Its orders die with that.
    pub async fn transfer(&self, kind: AssetKind, asset: Address, to: Address) -> Result<Receipt> {
        Ok(self.caller().transfer_asset(kind, asset, to).await?)
    }
}

/// The digest in a reference to an image.
fn image_digest(reference: &str) -> Result<B256> {
    let parsed = Reference::try_from(reference).ok();
    let digest = parsed.and_then(|parsed| parsed.digest()?.strip_prefix("sha256:")?.parse().ok());
    digest.ok_or_else(|| Error::NoImage(reference.to_owned()))
}

async fn is_there(hub: &Hub, kind: AssetKind, address: Address) -> Result<bool> {
    Ok(hub.asset_owner(kind, address).await?.is_some())
}

fn place(multiaddr: &[u8]) -> Option<String> {
    Location::from_multiaddr(multiaddr)
        .ok()
        .map(|location| location.to_string())
}

const fn found(address: Address, location: Option<String>) -> Deployed {
    Deployed {
        address,
        transaction: None,
        location,
        block: None,
    }
}

fn made(receipt: Receipt<Address>, location: Option<String>) -> Deployed {
    Deployed {
        address: receipt.value,
        transaction: Some(receipt.transaction),
        location,
        block: Some(receipt.block),
    }
}

async fn sha256(path: &Path) -> Result<(B256, u64)> {
    let mut file = tokio::fs::File::open(path)
        .await
        .map_err(Error::file(path))?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer).await.map_err(Error::file(path))? {
            0 => return Ok((B256::new(hasher.finalize().into()), bytes)),
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_must_say_which_image_it_is() {
        let digest = "ab".repeat(32);
        for name in [
            "busybox",
            "busybox:1.36",
            "registry.example:5000/team/app:tag",
        ] {
            let whole = format!("{name}@sha256:{digest}");
            assert_eq!(image_digest(&whole).unwrap(), B256::repeat_byte(0xab));
            assert!(
                matches!(image_digest(name), Err(Error::NoImage(_))),
                "{name}"
            );
        }
        for wrong in [
            format!("busybox@sha512:{}", digest.repeat(2)),
            format!("Busy Box@sha256:{digest}"),
            String::new(),
        ] {
            assert!(image_digest(&wrong).is_err(), "{wrong}");
        }
    }
}
