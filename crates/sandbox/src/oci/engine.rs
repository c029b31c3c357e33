//! The programs that start containers: gVisor's `runsc`, `runc` and `crun`, driven by their common command line.

use std::{
    collections::BTreeSet,
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Fault;

/// The file of a bundle with what the engine prints in the trial.
pub(super) const PRINTED: &str = "printed";

/// A program that starts containers. The first is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// gVisor: the app talks to a kernel of its own, written in Go, and not to that of the machine.
    Runsc,
    /// The reference, in Go.
    Runc,
    /// The same in C.
    Crun,
}

impl EngineKind {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 3] = [Self::Runsc, Self::Runc, Self::Crun];

    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runsc => "runsc",
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }

    /// Where the program is, if it is on this machine.
    pub fn find(self) -> Option<PathBuf> {
        let folders = env::var_os("PATH").unwrap_or_default();
        // A service may be started with a short path.
        let known = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
        env::split_paths(&folders)
            .chain(known.map(PathBuf::from))
            .map(|folder| folder.join(self.name()))
            .find(|path| path.is_file())
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine, and where it keeps what it must remember.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) kind: EngineKind,
    pub(super) program: PathBuf,
    pub(super) state: PathBuf,
}

impl Engine {
    /// Processes that it needs beside the app's. Each thread of gVisor's kernel, and of the app under it, is one.
    pub(super) const fn own_processes(&self) -> u64 {
        match self.kind {
            EngineKind::Runsc => 2_048,
            EngineKind::Runc | EngineKind::Crun => 0,
        }
    }

    /// Starts the container of `bundle` and ends as it ends. Before anything else it joins a control group through `door`.
    pub(super) fn run(&self, bundle: &Path, name: &str, door: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "echo 0 > \"$0\" && exec \"$@\""])
            .arg(door);
        command.arg(&self.program).arg("--root").arg(&self.state);
        if self.kind == EngineKind::Runsc {
            command.args(["--network", "none"]);
            command.arg("--debug-log").arg(bundle.join("log/"));
        }
        command.arg("--log").arg(bundle.join("engine.log"));
        command.args(["--log-format", "json"]);
        command.arg("run").arg("--bundle").arg(bundle);
        command.arg("--pid-file").arg(bundle.join("pid"));
        if self.kind != EngineKind::Runsc {
            // Its control group is looked at before it goes.
            command.arg("--keep");
        }
        command.arg(name);
        command
    }

    /// Kills a container with everything in it, and removes what was made for it. Its engine has ended.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        if self.memories(name)?.is_empty() {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.state);
        command.args(["delete", "--force", name]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.status() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Of a container that was never finished the engine may know too little to remove what it knows.
        self.forget(name)
    }

    /// Removes what it knows of a container that has ended and whose control group is gone. There is nothing else to remove,
    /// so that it need not be started again for that.
    pub(super) fn forget(&self, name: &str) -> io::Result<()> {
        for path in self.memories(name)? {
            let removed = if path.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The containers it knows.
    pub(super) fn containers(&self) -> io::Result<BTreeSet<String>> {
        Ok(self.known()?.into_iter().map(|(name, _)| name).collect())
    }

    /// Where it keeps what it knows of a container.
    fn memories(&self, name: &str) -> io::Result<Vec<PathBuf>> {
        let known = self.known()?.into_iter();
        Ok(known
            .filter(|(of, _)| of == name)
            .map(|(_, path)| path)
            .collect())
    }

    /// Containers, and where it keeps what it knows of them: a folder each, or with gVisor files whose names begin with theirs.
    fn known(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let entries = match fs::read_dir(&self.state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let known = entries.map(|entry| {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            let name = file
                .split_once("_sandbox:")
                .map_or(file.as_str(), |(name, _)| name);
            Ok((name.to_owned(), entry.path()))
        });
        known.collect()
    }

    /// How the app ended: its exit status, as `code` of the engine tells it. A fault when it is the engine that ended.
    pub(super) fn status(&self, code: Option<i32>, bundle: &Path) -> Result<i32, Fault> {
        let Some(code) = code else {
            return Err(Fault::Engine(format!("{} was killed", self.kind)));
        };
        if !bundle.join("pid").exists() {
            return Err(Fault::Engine(format!(
                "{} says: {}",
                self.kind,
                last_words(bundle)
            )));
        }
        // Of gVisor an error is believed only if it saw the app itself end that way: it may have crashed.
        if self.kind == EngineKind::Runsc && code != 0 && !saw_exit(bundle, code) {
            return Err(Fault::Engine(format!(
                "runsc ended with {code}, and does not say that the app did"
            )));
        }
        match code {
            // Hang-up, interrupt, terminate: engines hand on what somebody sent to them.
            129 | 130 | 143 => Err(Fault::Engine("somebody stopped the run".to_owned())),
            code => Ok(code),
        }
    }
}

/// Whether the log of gVisor's kernel has the end of the app.
fn saw_exit(bundle: &Path, code: i32) -> bool {
    let words = format!("application exiting with exit status {code}");
    let Ok(logs) = fs::read_dir(bundle.join("log")) else {
        return false;
    };
    logs.flatten()
        .filter_map(|log| fs::read(log.path()).ok())
        .any(|log| {
            String::from_utf8_lossy(&log)
                .lines()
                .any(|line| line.trim_end().ends_with(&words))
        })
}

/// The last line of the engine's log; of one that did not come to open it, the first that it printed in the trial.
fn last_words(bundle: &Path) -> String {
    let read = |file| fs::read_to_string(bundle.join(file)).unwrap_or_default();
    let (log, printed) = (read("engine.log"), read(PRINTED));
    let Some(last) = log.lines().last() else {
        return printed.lines().next().unwrap_or_default().to_owned();
    };
    let json: Option<serde_json::Value> = serde_json::from_str(last).ok();
    let message = json.as_ref().and_then(|json| json.get("msg")?.as_str());
    message.unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_never_opened_its_log_is_heard_as_well() {
        let bundle = tempfile::tempdir().unwrap();
        let says = |file: &str, text: &str| fs::write(bundle.path().join(file), text).unwrap();
        assert_eq!(last_words(bundle.path()), "");
        says(PRINTED, "run: unrecognized option\nTry --help\n");
        assert_eq!(last_words(bundle.path()), "run: unrecognized option");
        says(
            "engine.log",
            "plain\n{\"level\":\"error\",\"msg\":\"no cgroup\"}\n",
        );
        assert_eq!(last_words(bundle.path()), "no cgroup");
    }
}
