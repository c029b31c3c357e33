//! Lending a machine: what its owner is told about it, and how it becomes a service.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{canut, skip};

/// A user that is nobody.
const NOBODY: u32 = 65_534;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What systemd has to say about a unit. `None` where it is not installed.
fn verified(unit: &Path) -> Option<String> {
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.args(["verify", "--man=no"]).arg(unit).output();
    match output {
        Ok(output) => {
            let name = unit.file_name().unwrap().to_str().unwrap();
            let about: Vec<_> = said(&output)
                .lines()
                .filter(|line| line.contains(name))
                .map(str::to_owned)
                .collect();
            Some(about.join("\n"))
        }
        Err(error) => {
            skip(&format!("systemd-analyze: {error}: apt install systemd"));
            None
        }
    }
}

#[test]
fn systemd_takes_the_unit_whatever_paths_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("50 % of $HOME, \\ and \"more\"");
    fs::create_dir(&odd).unwrap();
    let config = odd.join("worker.toml");
    fs::write(&config, "dir = \"/var/lib/canut\"\ndrain = 600\n").unwrap();
    let printed = canut(&["worker", "unit", "--config"]).arg(&config).output();
    let printed = printed.unwrap();
    assert!(printed.status.success(), "{}", said(&printed));
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("TimeoutStopSec=630"), "{text}");
    let unit = folder.path().join("canut-worker.service");
    fs::write(&unit, &text).unwrap();
    let Some(about) = verified(&unit) else {
        return;
    };
    assert_eq!(about, "");
    // It would have told.
    for (right, wrong) in [
        ("KillMode=mixed", "KillMode=mixd"),
        ("OOMPolicy", "OOMPolice"),
        ("ExecStart=\"/", "ExecStart=\"/nowhere/"),
    ] {
        fs::write(&unit, text.replace(right, wrong)).unwrap();
        assert_ne!(verified(&unit).unwrap(), "", "{wrong}");
    }
}

#[test]
fn who_lends_too_little_is_told_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let key = format!("{:064x}", 1);
    let worker = |more: &[&str]| {
        let address = "0x0000000000000000000000000000000000000001";
        let at = ["worker", "--pool", "ws://127.0.0.1:1", "--dir", dir];
        let of = ["--hub", address, "--workerpool", address];
        let mut command = canut(&[&at[..], &of, more].concat());
        let output = command.env("CANUT_PRIVATE_KEY", &key).output().unwrap();
        assert!(!output.status.success(), "{more:?}");
        said(&output)
    };
    for (more, expected) in [
        (vec!["--memory", "3x"], "invalid digit"),
        (vec!["--memory", "0"], "0 is not in"),
        (vec!["--disk", "0"], "0 is not in"),
        (vec!["--disk", "-1"], "'-1'"),
        (
            vec!["--memory", "2"],
            "2 GiB of memory are lent, a slot may take 3: give more --memory",
        ),
        (
            vec!["--memory", "8", "--slots", "3"],
            "8 GiB of memory are lent, 3 slots may take 9: give more --memory, or fewer --slots",
        ),
        (
            vec!["--disk", "4", "--slots", "2"],
            "4 GiB of disk are lent, 2 slots and what is kept may take 7: give more --disk",
        ),
        (
            vec![
                "--disk",
                "18446744073709551615",
                "--slots",
                "18446744073709551615",
            ],
            "GiB of disk are lent",
        ),
    ] {
        let told = worker(&more);
        assert!(told.contains(expected), "{more:?}: {told}");
    }
}

/// What the doctor says: of each thing its state, and what was found with the remedy.
fn checks(output: &Output) -> impl Fn(&str) -> Option<(String, String)> + use<> {
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    move |name| {
        let check = checks.iter().find(|check| check["name"] == name)?;
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        Some((text("state"), text("found") + "; " + &text("remedy")))
    }
}

#[test]
fn the_doctor_compares_what_is_lent_with_what_is_there() {
    let doctor = |more: &[&str]| {
        let at = ["worker", "doctor", "--json", "--runtimes", "wasm"];
        checks(&canut(&[&at[..], more].concat()).output().unwrap())
    };
    let of = doctor(&["--memory", "1000000", "--disk", "1000000"]);
    let (state, told) = of("memory").unwrap();
    assert!(
        state == "less" && told.contains("1000000 GiB are lent"),
        "{told}"
    );
    let (state, told) = of("disk").unwrap();
    assert!(
        state == "less" && told.contains("750000 for work"),
        "{told}"
    );
    assert_eq!(of("cgroups"), None, "no containers are wanted");
    let of = doctor(&["--memory", "1", "--disk", "1"]);
    for name in ["slots", "disk"] {
        let (state, told) = of(name).unwrap();
        assert!(state == "bad" && told.contains("1 GiB of"), "{told}");
    }
}

#[test]
fn who_is_not_root_is_told_that_containers_need_that() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let doctor = |more: &[&str]| {
        let mut command = canut(&[&["worker", "doctor", "--json"], more].concat());
        command.current_dir(folder.path());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output()
    };
    for (more, state) in [(&[][..], "less"), (&["--runtimes", "oci"], "bad")] {
        let output = match doctor(more) {
            Err(error) => return skip(&format!("nobody may run the command here: {error}")),
            Ok(output) => output,
        };
        let of = checks(&output);
        let (found, told) = of("containers").unwrap();
        assert_eq!(found, state);
        assert!(
            told.contains("as root") && told.contains("--runtimes wasm"),
            "{told}"
        );
        assert_eq!(of("engine runc"), None, "said once");
    }
}
