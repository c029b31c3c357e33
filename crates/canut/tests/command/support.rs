//! A service in a process of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running service; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    /// What it said until then.
    pub(crate) said: String,
}

/// The command, not started yet.
pub(crate) fn canut(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canut"));
    command.args(args).env("RUST_LOG", "warn");
    // Not the folder of the person who runs the tests.
    command.env("CANUT_HOME", std::env::temp_dir().join("canut-tests-home"));
    command
}

/// What a service answers, without its headers.
pub(crate) fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Says what is skipped, and why; in CI nothing may be.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    // Not by a macro, whose words the test harness swallows.
    writeln!(std::io::stderr().lock(), "SKIPPED: {reason}").unwrap();
}

impl Process {
    /// Starts a development node over a folder and waits until it listens.
    pub(crate) fn start(dir: &Path) -> Self {
        let dir = dir.to_str().unwrap();
        let command = canut(&["node", "--dev", "--http", "127.0.0.1:0", "--dir", dir]);
        Self::ready(command, |line| {
            Some(line.strip_prefix("JSON-RPC listening on ")?.to_owned())
        })
    }

    /// Starts a service and waits until it prints a line that holds its address.
    pub(crate) fn ready(mut command: Command, address: impl Fn(&str) -> Option<String>) -> Self {
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut service = Self {
            child,
            url: String::new(),
            said: String::new(),
        };
        let mut out = BufReader::new(service.child.stdout.take().unwrap());
        while service.url.is_empty() {
            let mut line = String::new();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "the service ended: {}",
                service.said
            );
            service.url = address(line.trim()).unwrap_or_default();
            service.said.push_str(&line);
        }
        service
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
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
