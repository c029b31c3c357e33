//! A container image made on the spot: what `docker save` would write of one with a single static program.

use std::{fs::File, path::Path};

use alloy::primitives::hex;
use eyre::Result;
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

/// Writes the image whose only file, and entry point, is `program`.
pub(super) fn save(program: &[u8], to: &Path) -> Result<()> {
    let mut layer = Builder::new(Vec::new());
    append(&mut layer, "app", program)?;
    let layer = layer.into_inner()?;
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let digest = hex::encode(Sha256::digest(&layer));
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": ["/app"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    });
    let manifest = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]);
    let mut image = Builder::new(File::create(to)?);
    append(&mut image, "config.json", config.to_string().as_bytes())?;
    append(&mut image, "layer.tar", &layer)?;
    append(&mut image, "manifest.json", manifest.to_string().as_bytes())?;
    Ok(image.finish()?)
}

fn append<W: std::io::Write>(builder: &mut Builder<W>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(bytes.len() as u64);
    Ok(builder.append_data(&mut header, name, bytes)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_image_names_its_layer_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        save(b"a program", &path).unwrap();
        let mut files = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(File::open(path).unwrap())
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        let config: serde_json::Value = serde_json::from_slice(&files["config.json"]).unwrap();
        let digest = hex::encode(Sha256::digest(&files["layer.tar"]));
        assert_eq!(
            config["rootfs"]["diff_ids"],
            json!([format!("sha256:{digest}")])
        );
        let mut layer = tar::Archive::new(files["layer.tar"].as_slice());
        let mut app = layer.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(app.header().mode().unwrap(), 0o755);
        let mut bytes = Vec::new();
        app.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"a program");
    }
}
