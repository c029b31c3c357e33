//! The canonical archive of a result (certificate.md 2.3): equal files give equal bytes.
//!
//! A zip whose entries are the files sorted by the bytes of their paths: stored, dated 1980-01-01, mode 0644, names in
//! UTF-8, without extra fields, data descriptors or comments. Empty folders do not appear. It is written here and not by a
//! library because its bytes are certified: the next version of a library must not change them.

use std::{
    io::{self, Read, Seek, Write},
    path::Path,
};

use crate::ResultFile;

/// 1980-01-01 in the format of MS-DOS, the earliest date of a zip.
const DATE: u16 = 1 << 5 | 1;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// Made by version 2.0, on Unix.
const MADE_BY: u16 = 3 << 8 | 20;
/// Needs version 2.0.
const NEEDS: u16 = 20;
/// A regular file of mode 0644.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// Writes the archive of the `files` of a run whose output folder is `folder`, and returns its size in bytes.
///
/// Memory does not grow with the files; each is read twice, as its checksum stands before its bytes.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] when the result is too large for a plain zip (65 535 files, 4 GiB), which
/// [`Limits`](crate::Limits) forbid. [`io::ErrorKind::InvalidData`] when a file changes while it is read. Otherwise what the
/// system said.
pub fn write(folder: &Path, files: &[ResultFile], mut out: impl Write) -> io::Result<u64> {
    let mut files: Vec<_> = files.iter().collect();
    files.sort_unstable();
    let mut directory = Vec::new();
    let mut offset = 0_u32;
    let mut buffer = vec![0; 64 << 10];
    for file in &files {
        let mut source = file.open(folder)?;
        let size = small(file.size())?;
        let entry = Entry {
            name: &file.path,
            size,
            checksum: checksum(&mut source, file.size(), &mut buffer)?,
        };
        entry.central(offset, &mut directory)?;
        let mut header = Vec::new();
        entry.local(&mut header)?;
        out.write_all(&header)?;
        source.rewind()?;
        copy(&mut source, file.size(), &mut buffer, |bytes| {
            out.write_all(bytes)
        })?;
        offset = small(u64::from(offset) + header.len() as u64 + file.size())?;
    }
    let count = u16::try_from(files.len()).map_err(|_| too_large())?;
    let size = small(directory.len() as u64)?;
    out.write_all(&directory)?;
    let mut end = Vec::new();
    end.extend(0x0605_4b50_u32.to_le_bytes());
    end.extend([0; 4]);
    end.extend(count.to_le_bytes());
    end.extend(count.to_le_bytes());
    end.extend(size.to_le_bytes());
    end.extend(offset.to_le_bytes());
    end.extend([0; 2]);
    out.write_all(&end)?;
    Ok(u64::from(offset) + u64::from(size) + end.len() as u64)
}

struct Entry<'a> {
    name: &'a str,
    size: u32,
    checksum: u32,
}

impl Entry<'_> {
    /// The header before the bytes of a file (PKWARE APPNOTE 4.3.7).
    fn local(&self, header: &mut Vec<u8>) -> io::Result<()> {
        header.extend(0x0403_4b50_u32.to_le_bytes());
        self.common(header)?;
        header.extend(self.name.as_bytes());
        Ok(())
    }

    /// The record in the central directory (PKWARE APPNOTE 4.3.12).
    fn central(&self, offset: u32, directory: &mut Vec<u8>) -> io::Result<()> {
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(MADE_BY.to_le_bytes());
        self.common(directory)?;
        directory.extend([0; 6]); // comment, disk, internal attributes
        directory.extend(ATTRIBUTES.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(self.name.as_bytes());
        Ok(())
    }

    fn common(&self, header: &mut Vec<u8>) -> io::Result<()> {
        header.extend(NEEDS.to_le_bytes());
        header.extend(FLAGS.to_le_bytes());
        header.extend([0; 4]); // stored, midnight
        header.extend(DATE.to_le_bytes());
        header.extend(self.checksum.to_le_bytes());
        header.extend(self.size.to_le_bytes());
        header.extend(self.size.to_le_bytes());
        header.extend(
            u16::try_from(self.name.len())
                .map_err(|_| too_large())?
                .to_le_bytes(),
        );
        header.extend([0; 2]); // no extra field
        Ok(())
    }
}

fn checksum(source: &mut impl Read, bytes: u64, buffer: &mut [u8]) -> io::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    copy(source, bytes, buffer, |part| {
        hasher.update(part);
        Ok(())
    })?;
    Ok(hasher.finalize())
}

/// Hands the first `bytes` of `source` to `sink`.
fn copy(
    source: &mut impl Read,
    bytes: u64,
    buffer: &mut [u8],
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        let wanted = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = source.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a file of the result shrank while it was archived",
            ));
        }
        sink(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(())
}

fn small(bytes: u64) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the result is too large for its archive: 65535 files, 4 GiB",
    )
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::*;
    use crate::{Limits, list};

    fn archive(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let mut bytes = Vec::new();
        let size = write(
            folder.path(),
            &list(folder.path(), &Limits::default()).unwrap(),
            &mut bytes,
        )
        .unwrap();
        assert_eq!(size, bytes.len() as u64);
        bytes
    }

    #[test]
    fn its_bytes_never_change() {
        let bytes = archive(&BTreeMap::from([("é.txt".to_owned(), b"abc".to_vec())]));
        let expected = concat!(
            "504b030414000008000000002100c24124350300000003000000060000",
            "00c3a92e747874",
            "616263",
            "504b0102140314000008000000002100c24124350300000003000000060000",
            "00000000000000",
            "0000a481",
            "00000000",
            "c3a92e747874",
            "504b05060000000001000100",
            "34000000",
            "27000000",
            "0000",
        );
        assert_eq!(hex::encode(bytes), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_unzip_reads_it_back(files in prop::collection::btree_map("([a-zé]{1,4}/){0,2}[a-zé]{1,4}\\.[a-z]", prop::collection::vec(any::<u8>(), 0..99), 0..6)) {
            let bytes = archive(&files);
            prop_assert_eq!(&bytes, &archive(&files));
            let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
            prop_assert_eq!(zip.len(), files.len());
            for (index, (name, content)) in files.iter().enumerate() {
                let mut entry = zip.by_index(index).unwrap();
                prop_assert_eq!(entry.name().unwrap(), name.as_str());
                prop_assert_eq!(entry.unix_mode(), Some(0o100_644));
                let mut read = Vec::new();
                entry.read_to_end(&mut read).unwrap();
                prop_assert_eq!(&read, content);
            }
        }
    }
}
