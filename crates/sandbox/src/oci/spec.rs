//! What an engine is told of a run: `config.json` of the OCI runtime specification.

use std::path::Path;

use serde_json::{Value, json};

use super::images::{FIRST_ID, IDS};
use crate::Limits;

/// Calls of the system that an app may make, but for `socket`, `clone` and `personality`, which depend on their arguments.
/// Everything else answers as a system that does not have it.
const SYSCALLS: &str = include_str!("syscalls.txt");
/// Families of sockets: local, IPv4, IPv6, and the one that lists interfaces. Packets, hypervisors and kernel keys are not.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];
/// The flags of `clone` that make a namespace.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
/// `ENOSYS`.
const NO_SUCH_CALL: u32 = 38;
/// Processes and threads of an app.
const PROCESSES: u64 = 512;
/// What a container has of its own.
const NAMESPACES: [&str; 7] = ["pid", "network", "ipc", "uts", "mount", "user", "cgroup"];
/// Size of `/dev/shm`, in bytes.
const SHARED_MEMORY: u64 = 64 << 20;

/// A folder of this machine, shown to an app.
#[derive(Debug)]
pub(super) struct Bind<'a> {
    pub(super) from: &'a Path,
    pub(super) to: &'a str,
    pub(super) writable: bool,
}

/// A run.
#[derive(Debug)]
pub(super) struct Spec<'a> {
    pub(super) root: &'a Path,
    pub(super) arguments: &'a [String],
    pub(super) environment: &'a [String],
    pub(super) folder: &'a str,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) binds: &'a [Bind<'a>],
    pub(super) control_group: &'a str,
    /// The core it runs on.
    pub(super) cpu: usize,
    /// Processes that the engine needs beside the app's.
    pub(super) own_processes: u64,
}

impl Spec<'_> {
    /// As the specification has it.
    pub(super) fn config(&self, limits: &Limits) -> Value {
        let namespaces = NAMESPACES.map(|kind| json!({ "type": kind }));
        json!({
            "ociVersion": "1.0.2",
            "hostname": "canut",
            "root": { "path": self.root, "readonly": true },
            "process": self.process(),
            "mounts": self.mounts(),
            "linux": {
                "namespaces": namespaces,
                "uidMappings": [{ "containerID": 0, "hostID": FIRST_ID, "size": IDS }],
                "gidMappings": [{ "containerID": 0, "hostID": FIRST_ID, "size": IDS }],
                "cgroupsPath": self.control_group,
                "resources": self.resources(limits),
                "seccomp": seccomp(),
                "maskedPaths": [
                    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"
                ],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        })
    }

    fn process(&self) -> Value {
        json!({
            "terminal": false,
            "user": { "uid": self.uid, "gid": self.gid },
            "args": self.arguments,
            "env": self.environment,
            "cwd": self.folder,
            "capabilities": {},
            "noNewPrivileges": true,
            // When memory is short, the app goes first.
            "oomScoreAdj": 500,
            "rlimits": [
                { "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 },
                { "type": "RLIMIT_CORE", "hard": 0, "soft": 0 },
            ],
        })
    }

    fn mounts(&self) -> Vec<Value> {
        let mount = |to: &str, kind: &str, from: &Path, options: &[&str]| json!({ "destination": to, "type": kind, "source": from, "options": options });
        let shared = format!("size={SHARED_MEMORY}");
        let mut mounts = vec![
            mount(
                "/proc",
                "proc",
                Path::new("proc"),
                &["nosuid", "noexec", "nodev"],
            ),
            mount(
                "/dev",
                "tmpfs",
                Path::new("tmpfs"),
                &["nosuid", "noexec", "mode=755", "size=65536"],
            ),
            mount(
                "/dev/shm",
                "tmpfs",
                Path::new("shm"),
                &["nosuid", "noexec", "nodev", "mode=1777", &shared],
            ),
        ];
        mounts.extend(self.binds.iter().map(|bind| {
            let options: &[_] = match bind.writable {
                true => &["bind", "nosuid", "nodev", "rw"],
                false => &["bind", "nosuid", "nodev", "ro"],
            };
            mount(bind.to, "bind", bind.from, options)
        }));
        mounts
    }

    /// Files live in memory and are counted with it, so both allowances make one limit.
    fn resources(&self, limits: &Limits) -> Value {
        let memory = limits.memory_bytes.saturating_add(limits.output_bytes);
        json!({
            "devices": [{ "allow": false, "access": "rwm" }],
            "memory": { "limit": memory, "swap": memory },
            "cpu": { "quota": 100_000, "period": 100_000, "cpus": self.cpu.to_string() },
            "pids": { "limit": PROCESSES + self.own_processes },
        })
    }
}

fn seccomp() -> Value {
    let names: Vec<_> = SYSCALLS.split_whitespace().collect();
    let mut rules = vec![
        json!({ "names": names, "action": "SCMP_ACT_ALLOW" }),
        json!({
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }],
        }),
        json!({
            "names": ["personality"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_EQ" }],
        }),
    ];
    rules.extend(FAMILIES.map(|family| {
        json!({
            "names": ["socket"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": 0, "value": family, "op": "SCMP_CMP_EQ" }],
        })
    }));
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "SCMP_ARCH_AARCH64",
        "riscv64" => "SCMP_ARCH_RISCV64",
        _ => "SCMP_ARCH_X86_64",
    };
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": NO_SUCH_CALL,
        "architectures": [architecture],
        "syscalls": rules,
    })
}
