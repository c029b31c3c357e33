//! `canut dataset encrypt` and `decrypt`: the format of the iexec CLI.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use canut_client::write_private;
use canut_vault::format::{DatasetKey, decrypt_dataset, encrypt_dataset};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail};
use serde_json::json;
use tempfile::NamedTempFile;

use super::common::show;

/// Largest file of a key, in bytes.
const MAX_KEY: u64 = 1 << 10;

/// Encrypt a file, so that it can be stored where everybody reads.
///
/// AES-256-CBC under a new key, in the format of `iexec dataset encrypt`. Register the encrypted file with `canut dataset deploy`,
/// and give the key to the vault with `canut secret push --dataset`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut dataset encrypt rain.csv
      Writes rain.csv.enc and rain.csv.key. Keep the key: nothing opens the file without it.")]
pub(crate) struct Encrypt {
    /// The file
    file: PathBuf,
    /// The encrypted file [default: the file's name and .enc]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File for the new key [default: the file's name and .key]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Decrypt a file that `canut dataset encrypt` or `iexec dataset encrypt` encrypted.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  canut dataset decrypt rain.csv.enc --key-file rain.csv.key --out rain.csv"
)]
pub(crate) struct Decrypt {
    /// The encrypted file
    file: PathBuf,
    /// File of its key
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// The plain file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn encrypt(args: Encrypt) -> Result<()> {
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", args.file.display()));
    let out = args.out.unwrap_or_else(|| beside("enc"));
    let key_file = args.key_file.unwrap_or_else(|| beside("key"));
    if key_file.exists() {
        bail!(
            "{} is there already: something may be encrypted with it. Choose another --key-file",
            key_file.display()
        );
    }
    let source = open(&args.file)?;
    let key = DatasetKey::generate()?;
    let mut checksum = None;
    write(&out, |sink| {
        checksum = Some(encrypt_dataset(&key, source, sink)?);
        // The key first: an encrypted file without one is lost.
        Ok(write_private(&key_file, key.to_text().as_bytes())?)
    })?;
    let document = json!({ "encrypted": out, "key_file": key_file, "checksum": checksum });
    show(args.json, &document, || {
        format!(
            "Encrypted {}\nKey       {}\nSHA-256   {}",
            out.display(),
            key_file.display(),
            checksum.unwrap_or_default()
        )
    })
}

pub(crate) fn decrypt(args: Decrypt) -> Result<()> {
    let shown = args.key_file.display();
    let size = std::fs::metadata(&args.key_file).wrap_err_with(|| shown.to_string())?;
    if size.len() > MAX_KEY {
        bail!("{shown} is too large to be a key");
    }
    let text = std::fs::read_to_string(&args.key_file).wrap_err_with(|| shown.to_string())?;
    let key: DatasetKey = text.parse().wrap_err_with(|| shown.to_string())?;
    let source = open(&args.file)?;
    write(&args.out, |sink| {
        decrypt_dataset(&key, source, sink).wrap_err_with(|| args.file.display().to_string())
    })?;
    show(args.json, &json!({ "decrypted": args.out }), || {
        format!("Decrypted {}", args.out.display())
    })
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).wrap_err_with(|| path.display().to_string())?;
    Ok(BufReader::new(file))
}

/// Writes a new file, whole or not at all.
fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> Result<()>,
) -> Result<()> {
    let shown = || path.display().to_string();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut half = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).wrap_err_with(shown)?;
    let mut sink = BufWriter::new(&mut half);
    fill(&mut sink)?;
    sink.flush().wrap_err_with(shown)?;
    drop(sink);
    half.as_file().sync_all().wrap_err_with(shown)?;
    half.persist_noclobber(path)
        .map_err(|error| error.error)
        .wrap_err_with(|| format!("{} is not overwritten", path.display()))?;
    Ok(())
}
