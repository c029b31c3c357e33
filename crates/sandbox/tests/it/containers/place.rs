//! Engines, a small image, and a place to run it.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use alloy_primitives::B256;
use canut_sandbox::{EngineKind, Fault, Job, Limits, OciRuntime, Outcome, Runtime};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Programs of busybox that the guests call.
const APPLETS: [&str; 30] = [
    "sh", "cat", "chmod", "cp", "dd", "echo", "env", "false", "grep", "head", "hostname", "id",
    "ip", "kill", "ln", "ls", "mkdir", "mkfifo", "mknod", "mount", "nc", "nproc", "ping", "seq",
    "sleep", "sort", "touch", "wget", "chroot", "yes",
];

/// A runtime on an engine, or `None` with a reason on standard error where this machine has no such engine. In CI there must
/// be one: `./test` installs it.
pub(crate) async fn runtime(kind: EngineKind) -> Option<(OciRuntime, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    match OciRuntime::new(folder.path(), &[kind]).await {
        Ok(runtime) => Some((runtime, folder)),
        Err(reason) => {
            let optional = kind != EngineKind::Runc && kind.find().is_none();
            assert!(
                optional || std::env::var_os("CI").is_none(),
                "{kind} must work here: {reason}"
            );
            say(&format!("SKIPPED on {kind}: {reason}"));
            None
        }
    }
}

/// Says something that the test harness does not swallow.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").unwrap();
}

/// Runtimes on the engines that tests use, each with the folder it works in.
pub(crate) async fn runtimes() -> Vec<(OciRuntime, TempDir)> {
    let mut all = Vec::new();
    for kind in [EngineKind::Runc, EngineKind::Runsc] {
        all.extend(runtime(kind).await);
    }
    all
}

/// A file of a layer.
pub(crate) enum Thing<'a> {
    File(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Folder(&'a str),
}

/// A layer: a tar archive.
pub(crate) fn layer(things: &[Thing<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for thing in things {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        let (path, bytes): (_, &[u8]) = match thing {
            Thing::File(path, bytes) => (path, bytes),
            Thing::Link(path, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                name(&mut header.as_gnu_mut().unwrap().linkname, target);
                (path, &[])
            }
            Thing::Hard(path, target) => {
                header.set_entry_type(tar::EntryType::Link);
                name(&mut header.as_gnu_mut().unwrap().linkname, target);
                (path, &[])
            }
            Thing::Folder(path) => {
                header.set_entry_type(tar::EntryType::Directory);
                (path, &[])
            }
        };
        header.set_size(bytes.len() as u64);
        // Written as it is: the library refuses what a hostile layer holds.
        name(&mut header.as_gnu_mut().unwrap().name, path);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn name(field: &mut [u8], text: &str) {
    field[..text.len()].copy_from_slice(text.as_bytes());
}

/// What `docker save` writes for an image of these layers.
pub(crate) fn save(path: &Path, layers: &[Vec<u8>], config: &serde_json::Value) {
    let ids: Vec<_> = layers
        .iter()
        .map(|layer| format!("sha256:{}", digest(layer)))
        .collect();
    let config = document(config, &ids);
    let names: Vec<_> = (0..layers.len())
        .map(|number| format!("{number}/layer.tar"))
        .collect();
    let manifest = json!([{ "Config": "config.json", "Layers": names }]).to_string();
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    add(&mut builder, "config.json", &config);
    for (name, layer) in names.iter().zip(layers) {
        add(&mut builder, name, layer);
    }
    add(&mut builder, "manifest.json", manifest.as_bytes());
    builder.finish().unwrap();
}

/// The configuration of an image whose layers are these.
pub(crate) fn document(config: &serde_json::Value, ids: &[String]) -> Vec<u8> {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": ids },
    })
    .to_string()
    .into_bytes()
}

pub(crate) fn add(builder: &mut tar::Builder<File>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    builder.append_data(&mut header, name, bytes).unwrap();
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(Sha256::digest(bytes))
}

/// The layer of busybox, which is of this machine.
pub(crate) fn busybox() -> Vec<u8> {
    let program = fs::read("/bin/busybox").unwrap_or_else(|_| panic!("apt install busybox-static"));
    let links = APPLETS.map(|applet| format!("bin/{applet}"));
    let mut things = vec![Thing::Folder("bin"), Thing::File("bin/busybox", &program)];
    things.extend(links.iter().map(|link| Thing::Link(link, "busybox")));
    layer(&things)
}

/// An image whose entry point is a shell.
pub(crate) fn shell_image(path: &Path) {
    save(
        path,
        &[busybox()],
        &json!({ "Entrypoint": ["/bin/sh", "-c"] }),
    );
}

/// A Debian image with Python, numpy and ImageMagick, made once and kept with what is built. `None` with a reason on standard error where it cannot be made, which in
/// CI it must.
pub(crate) fn debian_image() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let image = folder.join("debian-image.tar");
    if image.exists() {
        return Some(image);
    }
    let half = folder.join("debian-root.tar");
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new("mmdebstrap")
        .args([
            "--variant=essential",
            "--include=python3-numpy,imagemagick",
            "--format=tar",
        ])
        .args(
            ["doc", "man", "locale", "icons"]
                .map(|unused| format!("--dpkgopt=path-exclude=/usr/share/{unused}/*")),
        )
        .arg("bookworm")
        .arg(&half)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output();
    let problem = match made {
        Ok(output) if output.status.success() => {
            let half_image = image.with_extension("half");
            save(&half_image, &[fs::read(&half).unwrap()], &json!({}));
            fs::remove_file(half).unwrap();
            fs::rename(half_image, &image).unwrap();
            return Some(image);
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(
        std::env::var_os("CI").is_none(),
        "no Debian image: {problem}"
    );
    say(&format!("SKIPPED: no Debian image: {problem}"));
    None
}

/// Folders and limits of a run.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) limits: Limits,
    pub(crate) app: PathBuf,
}

impl Place {
    /// With an image of a shell.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        shell_image(&place.app);
        place
    }

    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let limits = Limits {
            memory_bytes: 128 << 20,
            output_bytes: 32 << 20,
            ..Limits::for_duration(Duration::from_secs(60))
        };
        Self {
            app: folder.path().join("image.tar"),
            folder,
            limits,
        }
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(crate) fn job(&self, arguments: &[&str]) -> Job {
        let output = self.output();
        let _ = fs::remove_dir_all(&output);
        fs::create_dir(&output).unwrap();
        Job {
            task: canut_protocol::TaskId(B256::repeat_byte(1)),
            deal: canut_protocol::DealId(B256::repeat_byte(2)),
            arguments: arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect(),
            ..Job::plain(self.app.clone(), self.folder.path().join("in"), output)
        }
    }

    pub(crate) async fn run(&self, runtime: &OciRuntime, script: &str) -> Result<Outcome, Fault> {
        runtime.run(&self.job(&[script]), &self.limits).await
    }

    /// Runs a script that declares its file `result`, and gives that file.
    pub(crate) async fn read(&self, runtime: &OciRuntime, script: &str) -> String {
        let script = format!("{{ {script}; }} >/iexec_out/result 2>&1; {DONE}");
        let outcome = self.run(runtime, &script).await.unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
        fs::read_to_string(self.output().join("result")).unwrap()
    }
}

/// Declares the file `result`.
pub(crate) const DONE: &str =
    r#"echo '{"deterministic-output-path":"/iexec_out/result"}' >/iexec_out/computed.json"#;
