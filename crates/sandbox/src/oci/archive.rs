//! An image as a file, a plain tar of an OCI image layout or what `docker save` writes; or as a folder, such a layout itself.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Take},
    path::Path,
    sync::Arc,
};

use oci_spec::image::{Arch, ImageConfiguration, Os};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::{
    Trouble,
    document::{BLOBS, Blob, DOCUMENT_BYTES, Document, DocumentError, LAYERS},
};
use crate::Fault;

/// Files of an image: three for each layer in the oldest format.
const FILES: usize = 1_024;
/// Documents from the first to the manifest.
const DOCUMENTS: usize = 3;
/// The document that a layout begins with.
const INDEX: &str = "index.json";

/// Where some bytes of an image are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: Arc<Path>,
    offset: u64,
    size: u64,
}

impl Place {
    /// The bytes.
    pub(super) fn open(&self) -> Result<Take<File>, Fault> {
        let bytes = File::open(&self.file).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            Ok(file.take(self.size))
        });
        bytes.map_err(Fault::disk(&*self.file))
    }
}

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
        let files = Files::of(path)?;
        let (config, layers) = if files.has(INDEX) {
            layout(&files)?
        } else {
            docker(&files)?
        };
        let bytes = read(&config)?;
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

fn layout(files: &Files) -> Result<(Place, Vec<Place>), Trouble> {
    let mut bytes = read(&files.place(INDEX)?)?;
    for _ in 0..DOCUMENTS {
        match Document::read(&bytes)? {
            Document::Index(next) => bytes = files.blob(&next)?,
            Document::Manifest { config, layers } => {
                files.blob(&config)?;
                let layers = layers.iter().map(|layer| files.place(&blob_name(layer)));
                let layers = layers.collect::<Result<_, _>>()?;
                return Ok((files.place(&blob_name(&config))?, layers));
            }
        }
    }
    Err(Trouble::image("its documents lead to no image"))
}

fn blob_name(blob: &Blob) -> String {
    format!("{BLOBS}/{}", blob.name())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

fn docker(files: &Files) -> Result<(Place, Vec<Place>), Trouble> {
    let bytes = read(&files.place("manifest.json")?)?;
    let saved: Vec<Saved> = parse(&bytes)?;
    let [image] = saved.as_slice() else {
        return Err(Trouble::image("it holds no image, or several"));
    };
    let layers = image.layers.iter().map(|layer| files.place(layer));
    let layers = layers.collect::<Result<_, _>>()?;
    Ok((files.place(&image.config)?, layers))
}

/// The files of an image, by name.
struct Files {
    places: BTreeMap<String, Place>,
    links: BTreeMap<String, String>,
}

impl Files {
    fn of(path: &Path) -> Result<Self, Trouble> {
        if path.is_dir() {
            Ok(Self::in_folder(path).map_err(Fault::disk(path))?)
        } else {
            Self::in_archive(path)
        }
    }

    /// The files of a layout that a worker made.
    fn in_folder(path: &Path) -> io::Result<Self> {
        let mut places = BTreeMap::new();
        let mut add = |name: String, path: &Path| -> io::Result<()> {
            let place = Place {
                file: path.into(),
                offset: 0,
                size: fs::metadata(path)?.len(),
            };
            places.insert(name, place);
            Ok(())
        };
        add(INDEX.to_owned(), &path.join(INDEX))?;
        for blob in fs::read_dir(path.join(BLOBS))? {
            let blob = blob?;
            let name = blob.file_name();
            add(format!("{BLOBS}/{}", name.to_string_lossy()), &blob.path())?;
        }
        Ok(Self {
            places,
            links: BTreeMap::new(),
        })
    }

    fn in_archive(path: &Path) -> Result<Self, Trouble> {
        let file = File::open(path).map_err(Fault::disk(path))?;
        let shared: Arc<Path> = path.into();
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
                    let place = Place {
                        file: Arc::clone(&shared),
                        offset: entry.raw_file_position(),
                        size: header.entry_size().map_err(unreadable)?,
                    };
                    places.insert(name, place);
                }
                EntryType::Symlink => {
                    let target = header.link_name_bytes().unwrap_or_default();
                    let target = clean(&target);
                    links.insert(name, target.trim_start_matches("../").to_owned());
                }
                _ => {}
            }
        }
        Ok(Self { places, links })
    }

    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    fn place(&self, name: &str) -> Result<Place, Trouble> {
        let name = self.links.get(name).map_or(name, String::as_str);
        self.places
            .get(name)
            .cloned()
            .ok_or_else(|| Trouble::Image(format!("it is no image archive: it holds no {name:?}")))
    }

    /// A document, with the digest it is known by.
    fn blob(&self, blob: &Blob) -> Result<Vec<u8>, Trouble> {
        let bytes = read(&self.place(&blob_name(blob))?)?;
        if Sha256::digest(&bytes)[..] != blob.digest[..] {
            return Err(Trouble::image(
                "a document has not the digest it is known by",
            ));
        }
        Ok(bytes)
    }
}

fn read(place: &Place) -> Result<Vec<u8>, Trouble> {
    if place.size > DOCUMENT_BYTES {
        return Err(Trouble::image(
            "its manifest or its configuration is too large",
        ));
    }
    let mut bytes = Vec::new();
    place.open()?.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

impl From<DocumentError> for Trouble {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Invalid(problem) => Self::Image(problem),
            DocumentError::Foreign => Fault::Foreign.into(),
        }
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
