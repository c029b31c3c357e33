//! Control groups: who belongs to a run, whoever started whom.
//!
//! An engine starts in a group of its own, beside that of its container. A worker that was killed leaves an engine that may
//! still be making its container; whoever removed both groups, that of the engine first, knows that nobody goes on.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

const ROOT: &str = "/sys/fs/cgroup";
/// The file that lists the processes of a group, and takes new ones.
const MEMBERS: &str = "cgroup.procs";
/// What names of groups of engines end with.
const ENGINE: &str = "-engine";
/// How long killed processes may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a group that is not empty though nobody is in it: a process leaves it in several steps.
const MOMENT: Duration = Duration::from_millis(1);

/// Makes the group of the engine that starts the container `name`. Says which file the engine has to write `0` to, to be in it.
pub(super) fn make_for_engine(name: &str) -> io::Result<PathBuf> {
    let root = Path::new(ROOT);
    // Of several hierarchies any would do; this one is needed anyway.
    let root = if has_one_hierarchy() {
        root.to_owned()
    } else {
        root.join("pids")
    };
    let folder = root.join(engine_group(name));
    fs::create_dir(&folder)?;
    Ok(folder.join(MEMBERS))
}

/// Kills the engine of the container `name`, whatever it is doing. It does not come back.
pub(super) fn end_engine(name: &str) -> io::Result<()> {
    end(&engine_group(name))
}

/// Kills what is left of the container `name`.
pub(super) fn end_container(name: &str) -> io::Result<()> {
    end(name)
}

/// Containers whose groups, or those of their engines, have names that begin with `prefix`.
pub(super) fn beginning_with(prefix: &str) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for root in roots()? {
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) {
                names.insert(name.strip_suffix(ENGINE).unwrap_or(&name).to_owned());
            }
        }
    }
    Ok(names)
}

fn engine_group(name: &str) -> String {
    format!("{name}{ENGINE}")
}

/// The roots of all hierarchies, and files beside them.
fn roots() -> io::Result<Vec<PathBuf>> {
    if has_one_hierarchy() {
        return Ok(vec![ROOT.into()]);
    }
    let entries = match fs::read_dir(ROOT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn has_one_hierarchy() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

/// Removes the group from all hierarchies.
fn end(name: &str) -> io::Result<()> {
    roots()?
        .iter()
        .try_for_each(|root| remove(&root.join(name)))
}

/// Kills until the group can be removed: the kernel refuses while anybody is in it, and nobody can join what is removed.
fn remove(folder: &Path) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match fs::remove_dir(folder) {
            Ok(()) => return Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return Ok(()),
                io::ErrorKind::ResourceBusy if Instant::now() < end => {}
                _ => return Err(error),
            },
        }
        let killed = kill(folder)?;
        if killed.is_empty() {
            thread::sleep(MOMENT);
        }
        for process in &killed {
            wait(process, end.saturating_duration_since(Instant::now()))?;
        }
    }
}

/// Kills all members of a group.
fn kill(folder: &Path) -> io::Result<Vec<OwnedFd>> {
    let mut killed = Vec::new();
    for pid in members(folder)? {
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        // Asked again, as the number may have become somebody else's before it was held.
        if members(folder)?.contains(&pid) {
            match pidfd_send_signal(&process, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => killed.push(process),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(killed)
}

fn members(folder: &Path) -> io::Result<Vec<Pid>> {
    let listed = match fs::read_to_string(folder.join(MEMBERS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let numbers = listed.lines().filter_map(|line| line.parse().ok());
    Ok(numbers.filter_map(Pid::from_raw).collect())
}

/// Waits for the end of a process, not longer than told.
fn wait(process: &OwnedFd, patience: Duration) -> io::Result<()> {
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut watched = [PollFd::new(process, PollFlags::IN)];
    match poll(&mut watched, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command};

    use super::*;

    #[test]
    fn who_is_in_a_group_dies_with_it_and_nobody_joins_it_later() {
        let name = format!("canut-test-{}", std::process::id());
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let Ok(door) = make_for_engine(&name) else {
            let in_ci = std::env::var_os("CI").is_some();
            assert!(!in_ci, "control groups can be made here");
            return;
        };
        let join = |then: &str| {
            let mut shell = Command::new("/bin/sh");
            let script = format!("echo 0 > \"$0\" && {then}");
            shell.args(["-c", &script]).arg(&door);
            shell
        };
        let mut parent = join("{ sleep 1000 & sleep 1000; }").spawn().unwrap();
        let folder = door.parent().unwrap();
        assert!(beginning_with("canut-test-").unwrap().contains(&name));
        while members(folder).unwrap().len() < 3 {
            thread::yield_now();
        }
        end_engine(&name).unwrap();
        assert!(!folder.exists());
        assert!(!beginning_with("canut-test-").unwrap().contains(&name));
        assert_eq!(parent.wait().unwrap().signal(), Some(9));
        let late = join("exec sleep 1000").output().unwrap();
        assert!(!late.status.success());
        end_engine(&name).unwrap();
    }
}
