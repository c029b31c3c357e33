//! What people do with secrets, over a market of their own.

use std::{fs, process::Stdio};

use serde_json::Value;

use crate::{
    client::Person,
    support::{Process, canut},
};

fn market() -> (Process, Value) {
    let mut up = canut(&["up", "--json", "--workers", "1"]);
    for service in ["--rpc", "--market", "--store", "--vault", "--pool"] {
        up.args([service, "127.0.0.1:0"]);
    }
    let market = Process::ready(up, |line| {
        let ready: Value = serde_json::from_str(line).unwrap();
        Some(ready["rpc"].as_str().unwrap().to_owned())
    });
    let ready = serde_json::from_str(&market.said).unwrap();
    (market, ready)
}

/// The vault of `canut up`, and one that runs by itself.
#[test]
fn secrets_are_pushed_and_checked_and_never_told() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let (market, ready) = market();
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let (hub, key) = (text("hub"), &ready["accounts"][1]["private_key"]);
    let network = ["network", "add", "dev", "--rpc", &market.url, "--hub", &hub];
    let rest = ["--vault", &text("vault"), "--key", key.as_str().unwrap()];
    person.does(&[network.as_slice(), &rest].concat());

    let own = home.path().join("vault");
    let own = own.to_str().unwrap();
    let alone = canut(&[
        "vault",
        "--rpc",
        &market.url,
        "--hub",
        &hub,
        "--dir",
        own,
        "--listen",
        "127.0.0.1:0",
        "--json",
    ]);
    let alone = Process::ready(alone, |line| {
        let ready: Value = serde_json::from_str(line).unwrap();
        Some(ready["vault"].as_str().unwrap().to_owned())
    });

    let file = home.path().join("secret.txt");
    fs::write(&file, "open sesame\n").unwrap();
    let file = file.to_str().unwrap();
    for vault in [text("vault"), alone.url.clone()] {
        let there = ["--vault", &vault];
        let check = ["secret", "check", "--requester", "door"];
        assert_eq!(
            person.does(&[check.as_slice(), &there].concat())["set"],
            false
        );
        let push = ["secret", "push", "--requester", "door", "--file", file];
        person.does(&[push.as_slice(), &there].concat());
        assert_eq!(
            person.does(&[check.as_slice(), &there].concat())["set"],
            true
        );
        let told = person.fails(&[push.as_slice(), &there].concat());
        assert!(told.contains("set already"), "{told}");
        let push = ["secret", "push", "--account", "token", "--file", file];
        for replace in [[].as_slice(), &["--replace"]] {
            person.does(&[push.as_slice(), &there, replace].concat());
        }
        let stolen = ["secret", "push", "--dataset", &hub, "--file", file];
        let told = person.fails(&[stolen.as_slice(), &there].concat());
        assert!(told.contains("there is no dataset at"), "{told}");
    }
    assert!(alone.terminate().success());
    assert!(market.terminate().success());
}

#[test]
fn a_key_for_results_is_made_and_published() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let (market, ready) = market();
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let key = &ready["accounts"][1]["private_key"];
    let network = [
        "network",
        "add",
        "dev",
        "--rpc",
        &market.url,
        "--hub",
        &text("hub"),
    ];
    let rest = ["--vault", &text("vault"), "--key", key.as_str().unwrap()];
    person.does(&[network.as_slice(), &rest].concat());

    assert_eq!(person.does(&["secret", "check-key"])["set"], false);
    let made = person.does(&["secret", "generate-key"]);
    let public = fs::read_to_string(made["public"].as_str().unwrap()).unwrap();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    let told = person.fails(&["secret", "generate-key"]);
    assert!(told.contains("is there already"), "{told}");
    person.does(&["secret", "push-key"]);
    let found = person.does(&["secret", "check-key"]);
    assert_eq!(found["key"].as_str().unwrap().trim(), public.trim());
}

#[test]
fn a_dataset_is_encrypted_and_decrypted() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("rain.csv"), "day,mm\n").unwrap();
    let made = person.does(&["dataset", "encrypt", &path("rain.csv")]);
    assert_eq!(made["encrypted"], path("rain.csv.enc"));
    let (sealed, key) = (path("rain.csv.enc"), path("rain.csv.key"));
    let told = person.fails(&["dataset", "encrypt", &path("rain.csv")]);
    assert!(told.contains("is there already"), "{told}");
    let decrypt = ["dataset", "decrypt", &sealed, "--key-file", &key, "--out"];
    person.does(&[decrypt.as_slice(), &[path("again.csv").as_str()]].concat());
    assert_eq!(fs::read_to_string(path("again.csv")).unwrap(), "day,mm\n");
    let told = person.fails(&[decrypt.as_slice(), &[path("rain.csv").as_str()]].concat());
    assert!(told.contains("not overwritten"), "{told}");

    fs::write(&key, "A".repeat(43) + "=").unwrap();
    let wrong = person
        .command(&[decrypt.as_slice(), &[path("wrong.csv").as_str()]].concat())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    // One wrong key in 256 ends as a right one would; the file is then not what it was.
    let same = fs::read_to_string(path("wrong.csv")).is_ok_and(|text| text == "day,mm\n");
    assert!(!wrong.status.success() || !same);
}
