//! The documents that lead to the parts of an image: an index of its platforms, and its manifest (OCI image specification).

use std::{fs, io, path::Path};

use alloy_primitives::B256;
use oci_spec::image::{Arch, Descriptor, Digest, DigestAlgorithm, ImageIndex, ImageManifest, Os};
use serde_json::json;

/// Bytes of a manifest, an index or a configuration.
pub const DOCUMENT_BYTES: u64 = 4 << 20;
/// Layers of an image.
pub(super) const LAYERS: usize = 128;
/// Where blobs are in a layout.
pub(super) const BLOBS: &str = "blobs/sha256";

/// A part of an image: bytes known by their SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-256.
    pub digest: B256,
    /// How many bytes it is said to have.
    pub size: u64,
}

/// What a document says, to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// An index: the document of the image for this machine.
    Index(Blob),
    /// A manifest: the configuration, then the layers from the lowest on.
    Manifest {
        /// The configuration.
        config: Blob,
        /// At most 128.
        layers: Vec<Blob>,
    },
}

/// Why a document leads to no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// On no machine.
    #[error("{0}")]
    Invalid(String),
    /// It is for other machines.
    #[error("the image is for another kind of machine")]
    Foreign,
}

impl Document {
    /// Reads an index or a manifest.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] when it is neither, or knows no image for this machine.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() as u64 > DOCUMENT_BYTES {
            return Err(invalid("a document of it is too large"));
        }
        if let Ok(index) = serde_json::from_slice::<ImageIndex>(bytes) {
            return fitting(&index).and_then(blob).map(Self::Index);
        }
        let manifest: ImageManifest = serde_json::from_slice(bytes)
            .map_err(|error| invalid(&format!("a document of it cannot be read: {error}")))?;
        if manifest.layers().len() > LAYERS {
            return Err(invalid("it has too many layers"));
        }
        Ok(Self::Manifest {
            config: blob(manifest.config())?,
            layers: manifest
                .layers()
                .iter()
                .map(blob)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Blob {
    /// Its name among the blobs of a layout.
    pub fn name(&self) -> String {
        alloy_primitives::hex::encode(self.digest)
    }
}

/// Makes `folder` an image layout, but for its blobs. Those of the image, `manifest` included, belong to the folder that this
/// gives, under their [names](Blob::name). [`OciRuntime`](crate::OciRuntime) runs such a folder as it runs an archive.
///
/// # Errors
///
/// What the system says.
pub fn begin_layout(folder: &Path, manifest: &Blob) -> io::Result<std::path::PathBuf> {
    let blobs = folder.join(BLOBS);
    fs::create_dir_all(&blobs)?;
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", manifest.name()),
            "size": manifest.size,
        }],
    });
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    fs::write(folder.join("index.json"), index.to_string())?;
    Ok(blobs)
}

/// The manifest for this machine, or the only one.
fn fitting(index: &ImageIndex) -> Result<&Descriptor, DocumentError> {
    let all = index.manifests();
    let for_us = all.iter().find(|manifest| {
        manifest.platform().as_ref().is_some_and(|platform| {
            *platform.os() == Os::Linux && *platform.architecture() == Arch::default()
        })
    });
    match (for_us, all.as_slice()) {
        (Some(found), _) | (None, [found]) => Ok(found),
        (None, []) => Err(invalid("it holds no image")),
        (None, _) => Err(DocumentError::Foreign),
    }
}

fn blob(descriptor: &Descriptor) -> Result<Blob, DocumentError> {
    let digest: &Digest = descriptor.digest();
    let known = match digest.algorithm() {
        DigestAlgorithm::Sha256 => digest.digest().parse().ok(),
        _ => None,
    };
    Ok(Blob {
        digest: known.ok_or_else(|| invalid("a part of it is not known by its SHA-256"))?,
        size: descriptor.size(),
    })
}

fn invalid(problem: &str) -> DocumentError {
    DocumentError::Invalid(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(digit: char, platform: Option<&str>) -> serde_json::Value {
        let mut about = json!({
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "digest": format!("sha256:{}", digit.to_string().repeat(64)),
            "size": 7,
        });
        if let Some(architecture) = platform {
            about["platform"] = json!({ "os": "linux", "architecture": architecture });
        }
        about
    }

    fn read(document: serde_json::Value) -> Result<Document, DocumentError> {
        Document::read(document.to_string().as_bytes())
    }

    fn index(manifests: &[serde_json::Value]) -> serde_json::Value {
        json!({ "schemaVersion": 2, "manifests": manifests })
    }

    #[test]
    fn an_index_leads_to_the_image_for_this_machine() {
        let here = Arch::default().to_string();
        let ours = Blob {
            digest: B256::repeat_byte(0xbb),
            size: 7,
        };
        let all = [descriptor('a', Some("mips")), descriptor('b', Some(&here))];
        assert_eq!(read(index(&all)), Ok(Document::Index(ours)));
        let others = [descriptor('a', Some("mips")), descriptor('b', Some("wasm"))];
        assert_eq!(read(index(&others)), Err(DocumentError::Foreign));
        let only = [descriptor('b', None)];
        assert_eq!(read(index(&only)), Ok(Document::Index(ours)));
        assert!(matches!(read(index(&[])), Err(DocumentError::Invalid(_))));
    }

    #[test]
    fn a_manifest_names_a_bounded_number_of_parts_by_their_sha256() {
        let manifest = |layers: &[serde_json::Value]| json!({ "schemaVersion": 2, "config": descriptor('c', None), "layers": layers });
        let Ok(Document::Manifest { config, layers }) =
            read(manifest(&[descriptor('1', None), descriptor('2', None)]))
        else {
            panic!("a manifest");
        };
        assert_eq!(config.name(), "c".repeat(64));
        let named: Vec<_> = layers.iter().map(Blob::name).collect();
        assert_eq!(named, ["1".repeat(64), "2".repeat(64)]);
        let mut long = descriptor('1', None);
        long["digest"] = json!(format!("sha512:{}", "1".repeat(128)));
        let mut upwards = descriptor('1', None);
        upwards["digest"] = json!("sha256:../../etc/passwd");
        let mut negative = descriptor('1', None);
        negative["size"] = json!(-1);
        for bad in [
            manifest(&vec![descriptor('1', None); LAYERS + 1]),
            manifest(&[long]),
            manifest(&[upwards]),
            manifest(&[negative]),
            json!({ "schemaVersion": 1, "fsLayers": [] }),
            json!([]),
        ] {
            assert!(
                matches!(read(bad.clone()), Err(DocumentError::Invalid(_))),
                "{bad}"
            );
        }
        let large = vec![b' '; usize::try_from(DOCUMENT_BYTES).unwrap() + 1];
        assert!(Document::read(&large).is_err());
    }
}
