//! Reading one layer of an image: a tar archive, perhaps compressed.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::PathBuf,
};

use sha2::{Digest, Sha256};
use tar::{Archive, EntryType, Header, PaxExtensions};

use super::{
    Trouble,
    archive::Place,
    images::blocks,
    tree::{Kind, Meta, Tree, TreeError},
};
use crate::Fault;

/// Bytes of a long name, or of a set of extended attributes.
const EXTENSION: u64 = 64 << 10;
/// Bytes of the header of an entry.
const HEADER: u64 = 512;

/// Where the contents of files go, and how much of them there may be.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) folder: PathBuf,
    /// The number of the next.
    pub(super) next: u64,
    /// Bytes that may still come.
    pub(super) room: u64,
    /// Bytes of this disk that may still be taken.
    pub(super) disk: u64,
}

impl Contents {
    pub(super) fn place(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// Counts an entry with so many bytes of content.
    fn take(&mut self, content: u64) -> Result<(), Trouble> {
        let room = self.room.checked_sub(HEADER.saturating_add(content));
        self.room = room.ok_or(Trouble::image(
            "it unpacks to more bytes than an image may have",
        ))?;
        let disk = self.disk.checked_sub(blocks(content));
        self.disk =
            disk.ok_or_else(|| Fault::disk(&self.folder)(io::ErrorKind::QuotaExceeded.into()))?;
        Ok(())
    }

    fn write(&mut self, mut from: impl Read) -> Result<u64, Trouble> {
        let number = self.next;
        self.next += 1;
        let path = self.place(number);
        let mut file = BufWriter::new(File::create(&path).map_err(Fault::disk(&path))?);
        copy(&mut from, |part| {
            file.write_all(part).map_err(Fault::disk(&path))
        })?;
        file.flush().map_err(Fault::disk(&path))?;
        Ok(number)
    }
}

/// Puts the layer at `place` into `tree`. Gives the SHA-256 of its tar archive, which is its `diff_id`.
pub(super) fn read(
    place: &Place,
    tree: &mut Tree,
    contents: &mut Contents,
) -> Result<[u8; 32], Trouble> {
    let mut tar = Hashing {
        inner: plain(BufReader::new(place.open()?))?,
        hash: Sha256::new(),
    };
    let mut layer = Archive::new(&mut tar);
    tree.next_layer();
    let mut extended = Extended::default();
    // Raw entries: the names before an entry are read here, so that they are bounded.
    for entry in layer.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        let header = entry.header().clone();
        let size = header.entry_size().map_err(unreadable)?;
        contents.take(size)?;
        let kind = header.entry_type();
        if extended.takes(kind) {
            extended.read(kind, size, &mut entry)?;
            continue;
        }
        let named = std::mem::take(&mut extended);
        put(&header, named, &mut entry, tree, contents)?;
    }
    // What follows the end of the archive is of the layer too.
    let mut rest = 0;
    copy(&mut tar, |part| {
        rest += part.len() as u64;
        if rest > EXTENSION {
            return Err(Trouble::image("a layer goes on behind its end"));
        }
        Ok(())
    })?;
    Ok(tar.hash.finalize().into())
}

fn put(
    header: &Header,
    named: Extended,
    entry: &mut impl Read,
    tree: &mut Tree,
    contents: &mut Contents,
) -> Result<(), Trouble> {
    let meta = Meta {
        mode: header.mode().map_err(unreadable)? & 0o777,
        uid: named.uid.unwrap_or(number(header.uid())),
        gid: named.gid.unwrap_or(number(header.gid())),
        modified: header.mtime().unwrap_or_default(),
    };
    let path = named
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let target = named
        .link
        .or_else(|| header.link_name_bytes().map(|link| link.into_owned()))
        .unwrap_or_default();
    match header.entry_type() {
        EntryType::Directory => tree.folder(&path, meta)?,
        EntryType::Regular | EntryType::Continuous => {
            let content = contents.write(entry)?;
            tree.put(&path, meta, Kind::File(content))?;
        }
        EntryType::Symlink => tree.put(&path, meta, Kind::Link(target))?,
        EntryType::Link => tree.hard_link(&path, &target)?,
        // A container gets its devices from its engine.
        EntryType::Char | EntryType::Block | EntryType::Fifo => {}
        EntryType::XGlobalHeader => {}
        _ => {
            return Err(Trouble::image(
                "a layer holds a kind of file that nobody knows",
            ));
        }
    }
    Ok(())
}

/// What stands before an entry because it does not fit in its header.
#[derive(Debug, Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Extended {
    fn takes(&self, kind: EntryType) -> bool {
        matches!(
            kind,
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader
        )
    }

    fn read(&mut self, kind: EntryType, size: u64, entry: &mut impl Read) -> Result<(), Trouble> {
        if size > EXTENSION {
            return Err(Trouble::image("a name in a layer is too long"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
        let text = || bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match kind {
            EntryType::GNULongName => self.path = Some(text().to_owned()),
            EntryType::GNULongLink => self.link = Some(text().to_owned()),
            _ => {
                for attribute in PaxExtensions::new(&bytes) {
                    let attribute = attribute.map_err(unreadable)?;
                    self.note(attribute.key_bytes(), attribute.value_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, key: &[u8], value: &[u8]) -> Result<(), Trouble> {
        let number = || std::str::from_utf8(value).ok()?.parse().ok();
        match key {
            b"path" => self.path = Some(value.to_owned()),
            b"linkpath" => self.link = Some(value.to_owned()),
            b"uid" => self.uid = number(),
            b"gid" => self.gid = number(),
            // Readers would not agree on where the next entry begins.
            b"size" => return Err(Trouble::image("a layer gives a size beside its header")),
            _ => {}
        }
        Ok(())
    }
}

/// The bytes of a layer without its compression, told by its first bytes.
fn plain(mut bytes: impl Read + 'static) -> Result<Box<dyn Read>, Trouble> {
    let mut magic = [0; 4];
    let mut read = 0;
    while read < magic.len() {
        match bytes.read(&mut magic[read..]).map_err(unreadable)? {
            0 => break,
            more => read += more,
        }
    }
    let whole = io::Cursor::new(magic[..read].to_vec()).chain(bytes);
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(whole).map_err(unreadable)?),
        _ => Box::new(whole),
    })
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn copy<E>(from: &mut impl Read, mut to: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), Trouble>
where
    Trouble: From<E>,
{
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

fn number(field: io::Result<u64>) -> u32 {
    field
        .ok()
        .and_then(|number| number.try_into().ok())
        .unwrap_or(u32::MAX)
}

/// Reading an archive fails when its bytes are wrong: the file is on this disk, and was verified by whoever fetched it.
fn unreadable(error: io::Error) -> Trouble {
    Trouble::Image(format!("a layer cannot be read: {error}"))
}

impl From<TreeError> for Trouble {
    fn from(error: TreeError) -> Self {
        Self::image(error.0)
    }
}
