//! Fetching results, and verifying them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use canut_protocol::{Deal, Location, Task, TaskId, range::Leaf, result::callback_digest};
use canut_store::{directory, parse_cid};
use canut_vault::format::result::is_wanted;
use serde::{Deserialize, Serialize};

use crate::{
    CERTIFICATE, Certificate, Client, Error, Limits, Opened, Result, Settlement, TaskName, archive,
    http::excerpt, status::Located,
};

/// A result that was fetched and verified.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fetched {
    /// Its certificate, with its files.
    pub certificate: Certificate,
    /// The folder in which they are.
    pub folder: PathBuf,
}

/// What a scheduler publishes of a result (offchain.md, section 4.1).
#[derive(Deserialize)]
struct Link {
    storage: String,
    location: String,
}

/// Where a result is, as published; shortened.
pub(crate) fn location(results: &[u8]) -> Option<String> {
    let link: Link = serde_json::from_slice(results).ok()?;
    Some(excerpt(&link.location))
}

fn published(results: &[u8]) -> Option<String> {
    let link: Link = serde_json::from_slice(results).ok()?;
    (link.storage == "ipfs").then_some(link.location)
}

impl Client {
    /// Fetches the result of a completed task from the store, verifies it against the digest that its workers certified, and
    /// unpacks it into `folder`, which is made if missing; nothing in it is overwritten. Nothing is left there unless the
    /// result is the certified one. The certificate is written beside the files, as [`CERTIFICATE`].
    ///
    /// # Errors
    ///
    /// [`Error::NoResult`] when there is none; [`Error::Tampered`] when it is not the certified one; [`Error::Exists`] when a
    /// file would be overwritten; [`Error::Archive`] when the archive is none.
    pub async fn fetch(
        &self,
        name: impl Into<TaskName>,
        folder: &Path,
        limits: Limits,
    ) -> Result<Fetched> {
        let located = self.locate(name.into()).await?;
        let mut certificate = self.certificate_of(&located).await?;
        let deal = self.deal(located.deal).await?;
        let Located { id, ref task, .. } = located;
        let callback = certificate.callback;
        if callback && callback_digest(&task.results_callback) != task.result_digest {
            let found = callback_digest(&task.results_callback);
            return Err(Error::Tampered {
                task: id,
                certified: task.result_digest,
                found,
            });
        }
        let voted = self.voted_for(&located, &deal).await?;
        if let Some(leaf) = &voted {
            certificate.digest = Some(leaf.digest);
        }
        let parent = folder
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
        let desk = tempfile::Builder::new()
            .prefix(".canut-")
            .tempdir_in(parent)
            .map_err(Error::file(parent))?;
        let files = desk.path().join("files");
        let archive = self
            .plain_archive(&certificate, task, &deal, desk.path(), limits)
            .await?;
        if let Some(leaf) = voted {
            confirm(id, leaf, archive.clone()).await?;
        }
        let opened = unpack(archive, files.clone(), callback, limits).await?;
        // The digest of a range's task is not on the chain; but its archive is the one that was voted for.
        let certified = callback
            .then_some(task.result_digest)
            .or(certificate.digest);
        if certified.is_some_and(|certified| certified != opened.digest) {
            return Err(Error::Tampered {
                task: id,
                certified: certified.unwrap_or_default(),
                found: opened.digest,
            });
        }
        certificate.digest = Some(opened.digest);
        (certificate.files, certificate.failed) = (opened.files, opened.failed);
        write_certificate(&files, &certificate)?;
        settle(&files, folder)?;
        Ok(Fetched {
            certificate,
            folder: folder.to_owned(),
        })
    }

    /// Downloads a result to `desk`, and decrypts it. That it is the certified one is still to be seen.
    async fn plain_archive(
        &self,
        certificate: &Certificate,
        task: &Task,
        deal: &Deal,
        desk: &Path,
        limits: Limits,
    ) -> Result<PathBuf> {
        let archive = desk.join("result.zip");
        self.download(certificate, task, &archive).await?;
        self.unseal(certificate.task, deal, archive, desk, limits)
            .await
    }

    /// What the workers of a range found for its task, where the result is encrypted: the place of the archive says nothing
    /// then. `None` of all others.
    async fn voted_for(&self, located: &Located, deal: &Deal) -> Result<Option<Leaf>> {
        if !is_wanted(&deal.params) {
            return Ok(None);
        }
        let settlement = self.settlement(located.deal, located.index).await?;
        let Some(Settlement { settled, .. }) = settlement else {
            return Ok(None);
        };
        let leaves = self.leaves(located, &settled, deal).await?;
        let position = settled.range.position(located.index).map(usize::from);
        let leaf = position.and_then(|position| leaves.get(position));
        let missing = || Error::Unproven("the task is not in its range".into());
        leaf.copied().map(Some).ok_or_else(missing)
    }

    /// The archive of a result as the store has it. Its CID is verified, and the path to it.
    async fn download(&self, certificate: &Certificate, task: &Task, into: &Path) -> Result<()> {
        let elsewhere = || Error::Elsewhere {
            task: certificate.task,
            location: excerpt(&String::from_utf8_lossy(&task.results)),
        };
        let location = match certificate.range {
            // The votes name the place; what the hub shows of it is for other clients.
            Some(_) => certificate.location.clone(),
            None => published(&task.results),
        };
        let place = location.and_then(|location| location.parse().ok());
        let Some(Location::Ipfs(path)) = place else {
            return Err(elsewhere());
        };
        let store = self.store()?;
        let (root, below) = path.split_once('/').unwrap_or((&path, ""));
        let mut cid = parse_cid(root)?;
        if !below.is_empty() {
            cid = store.resolve(&cid, below).await?;
        }
        store.download(&cid, into).await?;
        Ok(())
    }
}

/// That an archive is the one which was voted for.
async fn confirm(task: TaskId, leaf: Leaf, archive: PathBuf) -> Result<()> {
    let counting = tokio::task::spawn_blocking(move || {
        canut_store::cid_of(&archive)
            .map(|cid| directory::content(&cid))
            .map_err(Box::new)
    });
    let counted = counting
        .await
        .map_err(|error| Error::Thread(error.to_string()))?;
    match counted.map_err(|error| *error)? {
        Some(found) if found == leaf.content => Ok(()),
        found => Err(Error::Tampered {
            task,
            certified: leaf.content.sha256,
            found: found.map_or(B256::ZERO, |found| found.sha256),
        }),
    }
}

/// Unpacks an archive to `files`, which is made.
async fn unpack(
    archive: PathBuf,
    files: PathBuf,
    callback: bool,
    limits: Limits,
) -> Result<Opened> {
    fs::create_dir(&files).map_err(Error::file(&files))?;
    let opening =
        tokio::task::spawn_blocking(move || archive::open(&archive, &files, callback, limits));
    Ok(opening
        .await
        .map_err(|error| Error::Thread(error.to_string()))??)
}

/// Moves a folder to where nothing is yet, in one step: it is whole there, or not there. Where there is a folder with other
/// files, moves what is in it, if none of it is there yet.
fn settle(from: &Path, to: &Path) -> Result<()> {
    match fs::remove_dir(to) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => merge(from, to),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(to)(error)),
        _ => fs::rename(from, to).map_err(Error::file(to)),
    }
}

fn merge(from: &Path, to: &Path) -> Result<()> {
    let read = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| (entry.path(), to.join(entry.file_name())))
    };
    let moves: Vec<_> = fs::read_dir(from)
        .and_then(|entries| entries.map(read).collect())
        .map_err(Error::file(from))?;
    let taken = moves
        .iter()
        .map(|(_, target)| target)
        .find(|target| target.symlink_metadata().is_ok());
    if let Some(taken) = taken {
        return Err(Error::Exists(taken.clone()));
    }
    for (source, target) in moves {
        fs::rename(source, &target).map_err(Error::file(target))?;
    }
    Ok(())
}

fn write_certificate(folder: &Path, certificate: &Certificate) -> Result<()> {
    let path = folder.join(CERTIFICATE);
    // Plain fields always serialise.
    let text = serde_json::to_string_pretty(certificate).unwrap_or_default();
    fs::write(&path, text + "\n").map_err(Error::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        for folder in [&from, &to] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(from.join("a"), "new").unwrap();
        fs::write(from.join("b"), "new").unwrap();
        fs::write(to.join("b"), "old").unwrap();
        assert!(matches!(settle(&from, &to), Err(Error::Exists(path)) if path.ends_with("b")));
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "old");
        assert!(!to.join("a").exists(), "all or nothing");
        fs::remove_file(to.join("b")).unwrap();
        settle(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a")).unwrap(), "new");
    }

    #[test]
    fn a_result_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        for empty in [false, true] {
            fs::create_dir(&from).unwrap();
            fs::write(from.join("a"), "new").unwrap();
            if empty {
                fs::create_dir(&to).unwrap();
            }
            settle(&from, &to).unwrap();
            assert!(to.join("a").exists() && !from.exists());
            fs::remove_dir_all(&to).unwrap();
        }
    }

    #[tokio::test]
    async fn another_archive_than_the_one_voted_for_is_no_result() {
        let root = tempfile::tempdir().unwrap();
        let (right, wrong) = (root.path().join("right"), root.path().join("wrong"));
        fs::write(&right, "right").unwrap();
        fs::write(&wrong, "wrong").unwrap();
        let leaf = Leaf {
            digest: B256::ZERO,
            content: directory::content(&canut_store::cid_of(&right).unwrap()).unwrap(),
        };
        let task = TaskId(B256::ZERO);
        confirm(task, leaf, right).await.unwrap();
        let swapped = confirm(task, leaf, wrong).await;
        assert!(
            matches!(swapped, Err(Error::Tampered { .. })),
            "{swapped:?}"
        );
    }

    #[test]
    fn a_location_is_read_from_what_schedulers_publish() {
        assert_eq!(
            location(br#"{"storage":"ipfs","location":"/ipfs/Qm"}"#).as_deref(),
            Some("/ipfs/Qm")
        );
        assert_eq!(location(b""), None);
    }
}
