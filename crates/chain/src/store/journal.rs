//! The journal: steps in the order they happened, appended and synced before anyone is told of
//! them.
//!
//! A file is a sequence of `length (u32) ‖ crc32 (u32) ‖ bytes`. Appending is one write and one
//! `fdatasync`, whatever the number of records. A crash can leave a torn record at the end of the
//! newest file: it was never acknowledged, and is cut off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// No record is larger: a length above is damage, not data.
const MAX_RECORD: usize = 1 << 30;

/// An open journal: a folder of files named for the first step in them.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    file: File,
    /// Bytes in the current file.
    length: u64,
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens the journal in `dir`, gives every whole record in it to `each`, oldest first, and cuts
    /// off a torn end. `each` answers the number of the step after the record's.
    pub(crate) fn open<E: From<io::Error>>(
        dir: &Path,
        mut next: u64,
        mut each: impl FnMut(&[u8]) -> Result<u64, E>,
    ) -> Result<Self, E> {
        fs::create_dir_all(dir)?;
        let files = files(dir)?;
        for (i, path) in files.iter().enumerate() {
            let bytes = fs::read(path)?;
            let mut rest = bytes.as_slice();
            while let Some(record) = next_record(&mut rest) {
                next = each(record)?;
            }
            if rest.is_empty() {
                continue;
            }
            if i + 1 < files.len() {
                let text = format!(
                    "{} is damaged: restore the folder from a backup",
                    path.display()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
            }
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len((bytes.len() - rest.len()) as u64)?;
            file.sync_all()?;
        }
        Ok(Self::start(dir, next)?)
    }

    fn start(dir: &Path, first: u64) -> Result<Self, io::Error> {
        let path = dir.join(format!("{first:016x}.journal"));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // The file's name must survive as well as its bytes.
        File::open(dir)?.sync_all()?;
        let length = file.metadata()?.len();
        Ok(Self {
            dir: dir.to_owned(),
            file,
            length,
            buffer: Vec::new(),
        })
    }

    /// Adds one record to those that [`Self::write`] writes.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 8]);
        write(&mut self.buffer);
        let (head, bytes) = self.buffer[start..].split_at_mut(8);
        head[..4].copy_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        head[4..].copy_from_slice(&crc32fast::hash(bytes).to_be_bytes());
    }

    /// Gives what was pushed to the operating system; it survives a crash after [`Self::sync`].
    pub(crate) fn write(&mut self) -> Result<(), io::Error> {
        self.file.write_all(&self.buffer)?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// On return, what was written survives a crash.
    pub(crate) fn sync(&self) -> Result<(), io::Error> {
        self.file.sync_data()
    }

    /// Bytes in the current file.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Goes on in a new file, so that older ones can be dropped. `first` is the next step.
    pub(crate) fn rotate(&mut self, first: u64) -> Result<(), io::Error> {
        *self = Self::start(&self.dir, first)?;
        Ok(())
    }

    /// Deletes the files that hold only steps before `first`.
    pub(crate) fn drop_before(dir: &Path, first: u64) -> Result<(), io::Error> {
        for path in files(dir)? {
            if started(&path).is_some_and(|start| start < first) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn started(path: &Path) -> Option<u64> {
    (path.extension()? == "journal").then_some(())?;
    u64::from_str_radix(path.file_stem()?.to_str()?, 16).ok()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, io::Error> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| started(path).is_some());
    files.sort();
    Ok(files)
}

/// The next whole record; `None` at the end, or where the file is torn.
fn next_record<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut head, after) = rest.split_at_checked(8)?;
    let mut word = [0; 4];
    head.read_exact(&mut word).ok()?;
    let length = u32::from_be_bytes(word) as usize;
    head.read_exact(&mut word).ok()?;
    if length > MAX_RECORD {
        return None;
    }
    let (record, after) = after.split_at_checked(length)?;
    if crc32fast::hash(record) != u32::from_be_bytes(word) {
        return None;
    }
    *rest = after;
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(dir: &Path) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        Journal::open::<io::Error>(dir, 0, |record| {
            records.push(record.to_vec());
            Ok(records.len() as u64)
        })
        .unwrap();
        records
    }

    proptest! {
        /// However the newest file is cut, every record that was whole is read, now and after
        /// another start.
        #[test]
        fn a_torn_end_loses_only_itself(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20), cut in any::<prop::sample::Index>())
        {
            let dir = tempfile::tempdir().unwrap();
            let mut journal = Journal::open::<io::Error>(dir.path(), 0, |_| Ok(0)).unwrap();
            let mut ends = vec![0];
            for record in &records {
                journal.push(|out| out.extend_from_slice(record));
                journal.write().unwrap();
                journal.sync().unwrap();
                ends.push(journal.len());
            }
            let cut = cut.index(journal.len() as usize + 1) as u64;
            let file = OpenOptions::new().write(true).open(dir.path().join("0000000000000000.journal")).unwrap();
            file.set_len(cut).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            prop_assert_eq!(read(dir.path()), records[..whole].to_vec());
            prop_assert_eq!(read(dir.path()), records[..whole].to_vec());
        }
    }

    #[test]
    fn damage_in_an_older_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open::<io::Error>(dir.path(), 0, |_| Ok(0)).unwrap();
        journal.push(|out| out.extend_from_slice(b"first"));
        journal.write().unwrap();
        journal.rotate(1).unwrap();
        fs::write(dir.path().join("0000000000000000.journal"), b"torn").unwrap();
        assert!(Journal::open::<io::Error>(dir.path(), 0, |_| Ok(0)).is_err());
    }
}
