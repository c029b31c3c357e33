//! The place of one run: a file system in memory, the container's name, its control group. Dropped, all of it goes.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    slice,
    sync::Arc,
};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

use super::{engine::Engine, group, images::FIRST_ID};
use crate::{Fault, Limits};

/// Files and folders, for each file that a result may hold.
const INODES: u64 = 2;
/// Bytes and files for the run itself: its configuration, the engine's log.
const OWN: u64 = 16 << 20;
const OWN_FILES: u64 = 256;

/// How near to its limit a peak counts as being there, in bytes.
const NEAR: u64 = 1 << 20;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Cell {
    /// Name of the container, and of its control group.
    pub(super) name: String,
    /// The bundle: `config.json`, and the folders below.
    pub(super) folder: PathBuf,
    /// The file through which the engine joins its control group.
    pub(super) door: PathBuf,
    engine: Arc<Engine>,
    /// Whether the container was made, and has ended by itself.
    ended: bool,
}

impl Cell {
    /// A file system of its own at `folder`, with room for the image at `rootfs` and the inputs at `in`, and another one
    /// at `files`, as large as the app's may be together.
    ///
    /// What belongs to the worker is shown there because the users of a container may not reach its folder.
    pub(super) fn make(
        engine: &Arc<Engine>,
        folder: PathBuf,
        name: String,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&folder)
            .map_err(Fault::disk(&folder))?;
        let mut cell = Self {
            name,
            folder,
            door: PathBuf::new(),
            engine: Arc::clone(engine),
            ended: false,
        };
        cell.door = group::make_for_engine(&cell.name)
            .map_err(|error| Fault::Resources(format!("no control group: {error}")))?;
        memory(&cell.folder, OWN, OWN_FILES, MountFlags::empty())?;
        for name in ["rootfs", "in", "log", "files"] {
            cell.create(name, None)?;
        }
        // Apart, so that an app that fills it leaves the engine room for its own.
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        let inodes = (limits.files as u64).saturating_mul(INODES) + 64;
        memory(
            &cell.folder.join("files"),
            limits.output_bytes,
            inodes,
            flags,
        )?;
        Ok(cell)
    }

    /// Shows the files at `from` as the folder `name` of this place, read-only.
    pub(super) fn show(&self, from: &Path, name: &str) -> Result<(), Fault> {
        let to = self.folder.join(name);
        // What the folder of the worker forbids beyond that, a container could not take over.
        mount_bind(from, &to)
            .and_then(|()| mount_remount(&to, MountFlags::BIND | MountFlags::RDONLY, ""))
            .map_err(|error| Fault::disk(from)(error.into()))
    }

    /// Makes a folder, for a user of the container if one is given.
    pub(super) fn create(&self, name: &str, owner: Option<(u32, u32)>) -> Result<PathBuf, Fault> {
        let path = self.folder.join(name);
        fs::create_dir(&path).map_err(Fault::disk(&path))?;
        if let Some((uid, gid)) = owner {
            chown(&path, Some(FIRST_ID + uid), Some(FIRST_ID + gid)).map_err(Fault::disk(&path))?;
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(Fault::disk(&path))?;
        Ok(path)
    }

    /// Writes down what the engine is told.
    pub(super) fn describe(&self, config: &serde_json::Value) -> Result<(), Fault> {
        let path = self.folder.join("config.json");
        fs::write(&path, config.to_string()).map_err(Fault::disk(path))
    }

    /// The engine made the container and saw its end.
    pub(super) fn has_ended(&mut self) {
        self.ended = true;
    }

    /// Whether the kernel killed in this place because its memory, not that of the machine, was used up.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let root = Path::new("/sys/fs/cgroup");
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        // Version 2 of control groups counts it. Version 1 counts all kills, so its peak must be at its limit.
        let events = read(root.join(&self.name).join("memory.events"));
        let first = root.join("memory").join(&self.name);
        let kills = read(first.join("memory.oom_control"));
        let bytes = |name| number(&read(first.join(name)));
        let at_limit = bytes("memory.max_usage_in_bytes")
            .zip(bytes("memory.limit_in_bytes"))
            .is_some_and(|(peak, limit)| peak.saturating_add(NEAR) >= limit);
        counts(&events, "oom ") || (counts(&kills, "oom_kill ") && at_limit)
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Whether the line that begins with `name` has a number other than nought.
fn counts(text: &str, name: &str) -> bool {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(number).is_some_and(|count| count > 0)
}

impl Drop for Cell {
    fn drop(&mut self) {
        let cleared = if self.ended {
            clear_ended(&self.engine, &self.name, &self.folder)
        } else {
            clear(
                slice::from_ref(self.engine.as_ref()),
                &self.name,
                &self.folder,
            )
        };
        if let Err(error) = cleared {
            tracing::warn!(name = self.name, %error, "what is left of a run cannot be removed now; it is at the next start");
        }
    }
}

/// Mounts a file system in memory, which goes when it is taken off, whatever is in it.
fn memory(at: &Path, bytes: u64, inodes: u64, flags: MountFlags) -> Result<(), Fault> {
    let options = format!("size={bytes},nr_inodes={inodes},mode=711");
    let failed = Fault::disk(at);
    let options = match CString::new(options) {
        Ok(options) => options,
        Err(error) => return Err(failed(error.into())),
    };
    mount("canut", at, "tmpfs", flags, options.as_c_str()).map_err(|error| failed(error.into()))
}

/// Ends the container `name`, though it may be half made, whichever of `engines` made it, and takes away `folder` with all that
/// is mounted there.
pub(super) fn clear(engines: &[Engine], name: &str, folder: &Path) -> io::Result<()> {
    let remove = || engines.iter().try_for_each(|engine| engine.remove(name));
    group::end_engine(name)?;
    remove()?;
    // An engine may have been in the group of the container, while it started it, and have written down more.
    group::end_container(name)?;
    remove()?;
    leave(folder)
}

/// Takes away what is left of the container `name`, which has ended by itself, and `folder` with all that is mounted there.
fn clear_ended(engine: &Engine, name: &str, folder: &Path) -> io::Result<()> {
    group::end_engine(name)?;
    group::end_container(name)?;
    engine.forget(name)?;
    leave(folder)
}

/// Takes away `folder` with all that is mounted there.
fn leave(folder: &Path) -> io::Result<()> {
    match unmount(folder, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        // Nothing is mounted there.
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
