//! An image archive: a plain tar that holds an OCI image layout, or what `docker save` writes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use oci_spec::image::{Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, Os};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::Trouble;
use crate::Fault;

/// Files of an archive: three for each layer in the oldest format.
const FILES: usize = 1_024;
/// Bytes of a manifest, and of a configuration.
const DOCUMENT: u64 = 4 << 20;
/// Layers of an image.
const LAYERS: usize = 128;

/// Place of some bytes in the archive: offset and length.
type Place = (u64, u64);

/// What an archive says of its image.
#[derive(Debug)]
pub(super) struct Image {
    /// SHA-256 of the configuration, which names the contents of all layers.
    pub(super) id: [u8; 32],
    pub(super) config: ImageConfiguration,
    pub(super) layers: Vec<Place>,
}

impl Image {
    /// Reads the documents of the archive at `path`, not its layers.
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let mut files = Files::list(path)?;
        let (config, layers) = if files.has("index.json") {
            layout(&mut files)?
        } else {
            docker(&mut files)?
        };
        let bytes = files.read(config)?;
        let image = Self {
            id: Sha256::digest(&bytes).into(),
            config: parse(&bytes)?,
            layers,
        };
        if image.layers.len() > LAYERS
            || image.config.rootfs().diff_ids().len() != image.layers.len()
        {
            return Err(Trouble::image("its configuration is not of its layers"));
        }
        if *image.config.os() != Os::Linux || *image.config.architecture() != Arch::default() {
            return Err(Fault::Foreign.into());
        }
        Ok(image)
    }
}

fn layout(files: &mut Files) -> Result<(Place, Vec<Place>), Trouble> {
    let place = files.place("index.json")?;
    let bytes = files.read(place)?;
    let mut chosen = fitting(&parse(&bytes)?)?;
    let mut bytes = files.blob(&chosen)?;
    // An index of the platforms that an image is made for.
    if let Ok(index) = parse::<ImageIndex>(&bytes) {
        chosen = fitting(&index)?;
        bytes = files.blob(&chosen)?;
    }
    let manifest: ImageManifest = parse(&bytes)?;
    files.blob(manifest.config())?;
    let config = files.place(&blob_name(manifest.config()))?;
    let layers = manifest.layers().iter();
    let layers = layers.map(|layer| files.place(&blob_name(layer)));
    Ok((config, layers.collect::<Result<_, _>>()?))
}

/// The manifest for this machine, or the only one.
fn fitting(index: &ImageIndex) -> Result<Descriptor, Trouble> {
    let all = index.manifests();
    let for_us = all.iter().find(|manifest| {
        manifest.platform().as_ref().is_some_and(|platform| {
            *platform.os() == Os::Linux && *platform.architecture() == Arch::default()
        })
    });
    match (for_us, all.as_slice()) {
        (Some(found), _) | (None, [found]) => Ok(found.clone()),
        (None, []) => Err(Trouble::image("it holds no image")),
        (None, _) => Err(Fault::Foreign.into()),
    }
}

fn blob_name(descriptor: &Descriptor) -> String {
    format!(
        "blobs/{}",
        descriptor.digest().to_string().replacen(':', "/", 1)
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

fn docker(files: &mut Files) -> Result<(Place, Vec<Place>), Trouble> {
    let place = files.place("manifest.json")?;
    let bytes = files.read(place)?;
    let saved: Vec<Saved> = parse(&bytes)?;
    let [image] = saved.as_slice() else {
        return Err(Trouble::image("it holds no image, or several"));
    };
    let layers = image.layers.iter().map(|layer| files.place(layer));
    let layers = layers.collect::<Result<_, _>>()?;
    Ok((files.place(&image.config)?, layers))
}

/// The files of an archive, by name.
struct Files {
    file: File,
    places: BTreeMap<String, Place>,
    links: BTreeMap<String, String>,
}

impl Files {
    fn list(path: &Path) -> Result<Self, Trouble> {
        let file = File::open(path).map_err(Fault::disk(path))?;
        let (mut places, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut archive = Archive::new(&file);
        for (count, entry) in archive
            .entries_with_seek()
            .map_err(unreadable)?
            .raw(true)
            .enumerate()
        {
            let entry = entry.map_err(unreadable)?;
            if count >= FILES {
                return Err(Trouble::image(
                    "it is no image archive: it holds too many files",
                ));
            }
            let header = entry.header();
            let name = clean(&header.path_bytes());
            match header.entry_type() {
                EntryType::Regular => {
                    let size = header.entry_size().map_err(unreadable)?;
                    places.insert(name, (entry.raw_file_position(), size));
                }
                EntryType::Symlink => {
                    let target = header.link_name_bytes().unwrap_or_default();
                    let target = clean(&target);
                    links.insert(name, target.trim_start_matches("../").to_owned());
                }
                _ => {}
            }
        }
        Ok(Self {
            file,
            places,
            links,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    fn place(&self, name: &str) -> Result<Place, Trouble> {
        let name = self.links.get(name).map_or(name, String::as_str);
        self.places
            .get(name)
            .copied()
            .ok_or_else(|| Trouble::Image(format!("it is no image archive: it holds no {name:?}")))
    }

    fn read(&mut self, (offset, size): Place) -> Result<Vec<u8>, Trouble> {
        if size > DOCUMENT {
            return Err(Trouble::image(
                "its manifest or its configuration is too large",
            ));
        }
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(offset))
            .map_err(unreadable)?;
        let mut part = (&self.file).take(size);
        part.read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    /// A document whose digest is that of `descriptor`.
    fn blob(&mut self, descriptor: &Descriptor) -> Result<Vec<u8>, Trouble> {
        let place = self.place(&blob_name(descriptor))?;
        let bytes = self.read(place)?;
        let found = format!("sha256:{}", hex(&Sha256::digest(&bytes).into()));
        if found != descriptor.digest().to_string() {
            return Err(Trouble::image(
                "a document has not the digest it is known by",
            ));
        }
        Ok(bytes)
    }
}

fn clean(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    path.trim_start_matches("./")
        .trim_end_matches('/')
        .to_owned()
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(bytes)
        .map_err(|error| Trouble::Image(format!("a document of it cannot be read: {error}")))
}

fn unreadable(error: std::io::Error) -> Trouble {
    Trouble::Image(format!("it is no image archive: {error}"))
}

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    alloy_primitives::hex::encode(bytes)
}
