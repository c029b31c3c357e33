//! Unpacked images, kept by their ids.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, Permissions},
    io,
    os::unix::{ffi::OsStrExt, fs as unix, fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use oci_spec::image::ImageConfiguration;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use serde::{Deserialize, Serialize};

use super::{
    Trouble,
    archive::{Image, hex},
    document::BLOBS,
    layer::{self, Contents},
    tree::{Id, Kind, Meta, Node, Tree},
    user,
};
use crate::{Fault, IEXEC_IN, IEXEC_OUT, Limits};

/// First of the 65 536 users and groups of this machine that stand for those of a container. No distribution gives them out.
pub(super) const FIRST_ID: u32 = 0x7000_0000;
/// Users and groups of a container.
pub(super) const IDS: u32 = 0x1_0000;
/// Who owns what nobody of the container may own.
const NOBODY: u32 = 65_534;
/// Bytes of a block of the disk. A file takes whole ones.
const BLOCK: u64 = 4 << 10;
/// Bytes of `/etc/passwd` that are looked at.
const USERS: u64 = 1 << 20;

/// An unpacked image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unpacked {
    /// Folder of its files.
    #[serde(skip)]
    pub(super) root: PathBuf,
    bytes: u64,
    pub(super) entrypoint: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) environment: Vec<String>,
    pub(super) folder: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The images of one folder.
#[derive(Debug)]
pub(super) struct Images {
    folder: PathBuf,
    /// Bytes of the disk that they may take, that which is being unpacked included.
    limit: u64,
    known: Mutex<Known>,
    /// One image at a time.
    unpacking: Mutex<()>,
}

/// By id. The last used is the one with the highest number.
type Known = HashMap<[u8; 32], (u64, Arc<Unpacked>)>;

const ABOUT: &str = "image.json";

impl Images {
    /// The images in `folder`. What an interrupted worker left half unpacked is removed.
    pub(super) fn open(folder: PathBuf, limit: u64) -> Result<Self, Fault> {
        let images = Self {
            folder,
            limit,
            known: Mutex::default(),
            unpacking: Mutex::default(),
        };
        let folder = &images.folder;
        fs::create_dir_all(folder).map_err(Fault::disk(folder))?;
        for entry in fs::read_dir(folder).map_err(Fault::disk(folder))? {
            let path = entry.map_err(Fault::disk(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let mut id = [0; 32];
            let is_whole = alloy_primitives::hex::decode_to_slice(name.as_ref(), &mut id).is_ok()
                && images.find(id).is_ok_and(|found| found.is_some());
            if !is_whole {
                fs::remove_dir_all(&path).map_err(Fault::disk(&path))?;
            }
        }
        images.sweep(images.limit);
        Ok(images)
    }

    /// The image in the archive or the layout at `path`, unpacked now if it is new.
    pub(super) fn load(&self, path: &Path, limits: &Limits) -> Result<Arc<Unpacked>, Trouble> {
        if size(path).map_err(Fault::disk(path))? > limits.image_bytes {
            return Err(Trouble::TooLarge);
        }
        let image = Image::open(path)?;
        if let Some(found) = self.find(image.id)? {
            return Ok(found);
        }
        let _alone = self
            .unpacking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find(image.id)? {
            return Ok(found);
        }
        // Dropped half-way, it is removed.
        let half = tempfile::Builder::new()
            .prefix(".half-")
            .tempdir_in(&self.folder)
            .map_err(Fault::disk(&self.folder))?;
        // How much it takes is known when it is unpacked: half of all is there for it, as far as that is not in use.
        let taken = self.sweep(self.limit / 2);
        let room = self.limit.saturating_sub(taken);
        unpack(&image, half.path(), limits, room)?;
        let place = self.place(image.id);
        fs::rename(half.path(), &place).map_err(Fault::disk(&place))?;
        // There is nothing left under that name.
        let _ = half.keep();
        self.find(image.id)?
            .ok_or_else(|| Trouble::image("it is not where it was put"))
    }

    fn place(&self, id: [u8; 32]) -> PathBuf {
        self.folder.join(hex(&id))
    }

    fn find(&self, id: [u8; 32]) -> Result<Option<Arc<Unpacked>>, Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = known
            .values()
            .map(|(used, _)| *used)
            .max()
            .unwrap_or_default()
            + 1;
        if let Some((used, image)) = known.get_mut(&id) {
            *used = now;
            return Ok(Some(Arc::clone(image)));
        }
        let about = self.place(id).join(ABOUT);
        let bytes = match fs::read(&about) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::disk(about)(error)),
        };
        let mut image: Unpacked = serde_json::from_slice(&bytes)
            .map_err(|error| Fault::disk(&about)(io::Error::other(error)))?;
        image.root = self.place(id).join("root");
        let image = Arc::new(image);
        known.insert(id, (now, Arc::clone(&image)));
        Ok(Some(image))
    }

    /// Removes images that nobody runs, the least recently used first, until the rest has at most `limit` bytes, if so many can
    /// go. Gives the bytes of the rest.
    fn sweep(&self, limit: u64) -> u64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let total: u64 = known.values().map(|(_, image)| image.bytes).sum();
            let idle = known
                .iter()
                .filter(|(_, (_, image))| Arc::strong_count(image) == 1);
            let oldest = idle.min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            let Some(id) = oldest.filter(|_| total > limit) else {
                return total;
            };
            known.remove(&id);
            if let Err(error) = fs::remove_dir_all(self.place(id)) {
                tracing::warn!(%error, "an image that is not used cannot be removed");
            }
        }
    }
}

/// Bytes of the archive, or of the parts of the layout, at `path`.
fn size(path: &Path) -> io::Result<u64> {
    if !path.is_dir() {
        return Ok(fs::metadata(path)?.len());
    }
    let blobs = fs::read_dir(path.join(BLOBS))?;
    let sizes = blobs.map(|blob| Ok(blob?.metadata()?.len()));
    sizes.sum()
}

/// Bytes that a file of `bytes` takes on the disk, with its name.
pub(super) const fn blocks(bytes: u64) -> u64 {
    (bytes.saturating_add(BLOCK) / BLOCK * BLOCK).saturating_add(BLOCK)
}

/// Unpacks the layers of `image` into `folder/root`, which takes at most `room` bytes of the disk, and says in
/// `folder/image.json` how to run it.
fn unpack(image: &Image, folder: &Path, limits: &Limits, room: u64) -> Result<(), Trouble> {
    let mut contents = Contents {
        folder: folder.join("contents"),
        next: 0,
        room: limits.image_bytes,
        disk: room,
    };
    fs::create_dir(&contents.folder).map_err(Fault::disk(&contents.folder))?;
    let mut tree = Tree::new(limits.image_files);
    for (place, expected) in image.layers.iter().zip(image.config.rootfs().diff_ids()) {
        let found = layer::read(place, &mut tree, &mut contents)?;
        if *expected != format!("sha256:{}", hex(&found)) {
            return Err(Trouble::image("a layer has not the digest it is known by"));
        }
    }
    for place in ["/proc", "/dev", "/tmp", IEXEC_IN, IEXEC_OUT] {
        tree.ensure_folder(place)?;
    }
    let mut about = about(&image.config, &tree, &contents)?;
    about.bytes = room - contents.disk;
    let mut writer = Writer {
        tree: &tree,
        contents: &contents,
        written: BTreeMap::new(),
    };
    let root = folder.join("root");
    writer
        .write(&root)
        .map_err(|error| Fault::disk(&root)(error))?;
    fs::remove_dir_all(&contents.folder).map_err(Fault::disk(&contents.folder))?;
    let json = serde_json::to_vec(&about).map_err(|error| Trouble::Image(error.to_string()))?;
    let path = folder.join(ABOUT);
    fs::write(&path, json).map_err(Fault::disk(path))?;
    fs::set_permissions(folder, Permissions::from_mode(0o711)).map_err(Fault::disk(folder))?;
    Ok(())
}

fn about(
    config: &ImageConfiguration,
    tree: &Tree,
    contents: &Contents,
) -> Result<Unpacked, Trouble> {
    let config = config.config().clone().unwrap_or_default();
    let text = |path: &str| {
        let node = tree.find(path.as_bytes()).and_then(|id| tree.node(id))?;
        let Kind::File(number) = node.kind else {
            return None;
        };
        let place = contents.place(number);
        let size = fs::metadata(&place).ok()?.len();
        let bytes = fs::read(place).ok().filter(|_| size <= USERS)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let wanted = config.user().clone().unwrap_or_default();
    let (uid, gid) = user::find(&wanted, &text("/etc/passwd"), &text("/etc/group")).ok_or(
        Trouble::image("it wants to run as a user that it does not know"),
    )?;
    Ok(Unpacked {
        root: PathBuf::new(),
        bytes: 0,
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        command: config.cmd().clone().unwrap_or_default(),
        environment: config.env().clone().unwrap_or_default(),
        folder: config
            .working_dir()
            .clone()
            .filter(|folder| folder.starts_with('/'))
            .unwrap_or_else(|| "/".to_owned()),
        uid,
        gid,
    })
}

/// Writes a tree to the disk. Every folder on a path is one it has just made, so no link is ever followed.
struct Writer<'a> {
    tree: &'a Tree,
    contents: &'a Contents,
    /// Where a file was put first.
    written: BTreeMap<Id, PathBuf>,
}

impl Writer<'_> {
    fn write(&mut self, root: &Path) -> io::Result<()> {
        let mut rest = vec![(Tree::ROOT, root.to_owned())];
        let mut folders = Vec::new();
        while let Some((id, path)) = rest.pop() {
            let Some(node) = self.tree.node(id) else {
                continue;
            };
            match &node.kind {
                Kind::Folder(children) => {
                    fs::create_dir(&path)?;
                    for (name, child) in children {
                        rest.push((*child, path.join(std::ffi::OsStr::from_bytes(name))));
                    }
                    folders.push((path, node.meta));
                }
                Kind::File(number) => self.file(id, *number, node, path)?,
                Kind::Link(target) => {
                    unix::symlink(std::ffi::OsStr::from_bytes(target), &path)?;
                    finish(&path, node.meta, false)?;
                }
            }
        }
        // Times of folders last: making what is in them changes them.
        folders
            .iter()
            .try_for_each(|(path, meta)| finish(path, *meta, true))
    }

    fn file(&mut self, id: Id, number: u64, node: &Node, path: PathBuf) -> io::Result<()> {
        if let Some(first) = self.written.get(&id) {
            return fs::hard_link(first, path);
        }
        fs::rename(self.contents.place(number), &path)?;
        finish(&path, node.meta, true)?;
        self.written.insert(id, path);
        Ok(())
    }
}

fn finish(path: &Path, meta: Meta, has_mode: bool) -> io::Result<()> {
    let shifted = |id: u32| FIRST_ID + if id < IDS { id } else { NOBODY };
    unix::lchown(path, Some(shifted(meta.uid)), Some(shifted(meta.gid)))?;
    if has_mode {
        fs::set_permissions(path, Permissions::from_mode(meta.mode))?;
    }
    let time = Timespec {
        tv_sec: i64::try_from(meta.modified).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
