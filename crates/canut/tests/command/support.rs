//! A `canut node` in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running node; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    /// What it said before the address.
    pub(crate) said: String,
}

/// The command, not started yet.
pub(crate) fn canut(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canut"));
    command.args(args).env("RUST_LOG", "warn");
    command
}

impl Process {
    /// Starts a development node over a folder and waits until it listens.
    pub(crate) fn start(dir: &Path) -> Self {
        let dir = dir.to_str().unwrap();
        let mut command = canut(&["node", "--dev", "--http", "127.0.0.1:0", "--dir", dir]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut node = Self {
            child,
            url: String::new(),
            said: String::new(),
        };
        let mut out = BufReader::new(node.child.stdout.take().unwrap());
        while node.url.is_empty() {
            let mut line = String::new();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "the node ended: {}",
                node.said
            );
            match line.trim().strip_prefix("JSON-RPC listening on ") {
                Some(url) => url.clone_into(&mut node.url),
                None => node.said.push_str(&line),
            }
        }
        node
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and answers how it ended.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
