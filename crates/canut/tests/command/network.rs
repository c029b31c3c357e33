//! A network of the test's own: a bridge of this machine, and for each worker a namespace that a cable joins to it.

use std::{fs, process::Command};

use crate::support::skip;

/// Where `ip netns` keeps the names of namespaces.
const NAMES: &str = "/run/netns";
/// Seconds that a cable may take.
const TRIES: u32 = 30;

/// See the [module](self). Nothing of it is left when it is dropped.
pub(crate) struct Network {
    /// What all names begin with.
    tag: String,
    /// The second part of all addresses: 10.x.0.0/16.
    part: u8,
    members: usize,
}

impl Network {
    /// A network for so many. `None`, said on standard error, where the kernel or a missing program refuses; in CI it must not.
    pub(crate) fn open(members: usize) -> Option<Self> {
        let taken = Command::new("ip").args(["-4", "-o", "addr"]).output();
        let taken = taken.map_or_else(
            |_| String::new(),
            |said| String::from_utf8_lossy(&said.stdout).into_owned(),
        );
        let free = |part: &u8| !taken.contains(&format!(" 10.{part}."));
        let part = (0..).map(|_| rand::random_range(64..=250)).find(free)?;
        let network = Self {
            tag: format!("cnt{:05x}", rand::random_range(0..1 << 20)),
            part,
            members,
        };
        match network.build() {
            Ok(()) => Some(network),
            Err(problem) => {
                skip(&format!(
                    "nobody is cut off, as there is no network of namespaces: {problem}"
                ));
                None
            }
        }
    }

    fn build(&self) -> Result<(), String> {
        let bridge = self.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("{}/16", self.host()),
            "dev",
            &bridge,
        ])?;
        ip(&["link", "set", &bridge, "up"])?;
        for number in 0..self.members {
            let (space, cable) = (self.space(number), self.cable(number));
            ip(&["netns", "add", &space])?;
            ip(&[
                "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &space,
            ])?;
            ip(&["link", "set", &cable, "master", &bridge, "up"])?;
            // Addresses of different blocks, as if their owners had nothing to do with each other.
            let address = format!("10.{}.{}.2/16", self.part, number + 1);
            ip(&["-n", &space, "addr", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    /// The address of this machine in it.
    pub(crate) fn host(&self) -> String {
        format!("10.{}.0.1", self.part)
    }

    /// What starts a command in the namespace of a member, and becomes it.
    pub(crate) fn enter(&self, number: usize) -> Vec<String> {
        vec![
            "nsenter".to_owned(),
            format!("--net={NAMES}/{}", self.space(number)),
        ]
    }

    /// Cuts a member off, or joins it again.
    pub(crate) fn plug(&self, number: usize, joined: bool) {
        let state = if joined { "up" } else { "down" };
        ip(&["link", "set", &self.cable(number), state]).unwrap();
    }

    /// Joins a member, and waits until it reaches this machine: a cable that was plugged in takes a moment.
    pub(crate) fn join(&self, number: usize) {
        self.plug(number, true);
        let joined = (0..TRIES).any(|_| self.reaches(number));
        assert!(joined, "member {number} does not reach this machine");
    }

    /// Whether a member reaches this machine.
    pub(crate) fn reaches(&self, number: usize) -> bool {
        let entry = self.enter(number);
        let mut command = Command::new(&entry[0]);
        command
            .args(&entry[1..])
            .args(["busybox", "ping", "-c", "1", "-W", "1"]);
        let ran = command.arg(self.host()).output();
        ran.unwrap().status.success()
    }

    /// What is there of it now.
    pub(crate) fn traces(tag: &str) -> Vec<String> {
        [NAMES, "/sys/class/net"]
            .into_iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .map(|entry| entry.unwrap().path().display().to_string())
            .filter(|path| path.contains(tag))
            .collect()
    }

    pub(crate) fn tag(&self) -> String {
        self.tag.clone()
    }

    fn bridge(&self) -> String {
        format!("{}b", self.tag)
    }

    fn space(&self, number: usize) -> String {
        format!("{}-{number}", self.tag)
    }

    fn cable(&self, number: usize) -> String {
        format!("{}c{number}", self.tag)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // With a namespace its end of the cable goes, and with that the other end.
        for number in 0..self.members {
            let _ = ip(&["link", "del", &self.cable(number)]);
            let _ = ip(&["netns", "del", &self.space(number)]);
        }
        let _ = ip(&["link", "del", &self.bridge()]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("ip")
        .args(arguments)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output()
        .map_err(|error| format!("ip (apt install iproute2): {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    Err(format!("ip {}: {said}", arguments.join(" ")))
}
