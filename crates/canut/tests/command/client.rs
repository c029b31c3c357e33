//! What people type: keys, networks, money, assets, and what they are told when something is missing.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{Process, canut};

/// A person's settings, in a folder of their own.
pub(crate) struct Person<'a> {
    pub(crate) home: &'a Path,
}

impl Person<'_> {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = canut(args);
        command
            .env("CANUT_HOME", self.home)
            .env("CANUT_PASSWORD", "secret")
            .stdin(std::process::Stdio::null());
        for name in [
            "CANUT_PRIVATE_KEY",
            "CANUT_WALLET",
            "CANUT_NETWORK",
            "CANUT_RPC",
            "CANUT_HUB",
            "CANUT_MARKET",
            "CANUT_STORE",
            "CANUT_VAULT",
            "CANUT_POOL",
        ] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn does(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {err}");
        assert_eq!(out.lines().count(), 1, "{args:?} prints one line: {out}");
        serde_json::from_str(&out).unwrap()
    }

    /// What it is told instead.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(args).output().unwrap();
        assert!(
            !status.success() && stdout.is_empty(),
            "{args:?}: {}",
            text(&stdout)
        );
        text(&stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_key_is_made_kept_and_shown() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    assert_eq!(person.does(&["wallet", "list"]), Value::Array(Vec::new()));
    let made = person.does(&["wallet", "create"]);
    assert_eq!(made["name"], "default");
    assert_eq!(person.does(&["wallet", "show"]), made);

    let mut import = person.command(&[
        "wallet", "import", "--name", "dev", "--index", "1", "--json",
    ]);
    let mut child = import
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let words = "test test test test test test test test test test test junk\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), words.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        imported["address"],
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
    );

    let told = person.fails(&["wallet", "create"]);
    assert!(
        told.contains("there is a wallet `default` already"),
        "{told}"
    );
    let told = person.fails(&["wallet", "show", "other"]);
    assert!(told.contains("canut wallet create"), "{told}");
}

#[test]
fn whoever_has_no_network_is_told_how_to_get_one() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let told = person.fails(&["account", "show"]);
    assert!(
        told.contains("canut up") && told.contains("canut network add"),
        "{told}"
    );
    let told = person.fails(&["run", "app.wasm", "--trust", "100%"]);
    assert!(told.contains("`99%`"), "{told}");
}

#[test]
fn a_network_is_remembered_and_money_and_assets_are_moved_on_it() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let mut up = canut(&["up", "--json", "--workers", "1"]);
    for service in ["--rpc", "--market", "--store", "--vault", "--pool"] {
        up.args([service, "127.0.0.1:0"]);
    }
    let market = Process::ready(up, |line| {
        let ready: Value = serde_json::from_str(line).unwrap();
        Some(ready["rpc"].as_str().unwrap().to_owned())
    });
    let ready: Value = serde_json::from_str(&market.said).unwrap();
    let (hub, account) = (ready["hub"].as_str().unwrap(), &ready["accounts"][1]);
    let key = account["private_key"].as_str().unwrap();
    person.does(&[
        "network",
        "add",
        "dev",
        "--rpc",
        &market.url,
        "--hub",
        hub,
        "--key",
        key,
    ]);
    assert_eq!(person.does(&["network", "list"])[0]["default"], true);

    let before = person.does(&["account", "show"]);
    assert_eq!(
        before["address"].as_str().map(str::to_lowercase),
        account["address"].as_str().map(str::to_lowercase)
    );
    let after = person.does(&["account", "deposit", "2RLC"]);
    assert_eq!(after["balance"]["stake"], 2_000_000_000_u64);
    let after = person.does(&["account", "withdraw", "500nRLC"]);
    assert_eq!(after["balance"]["stake"], 1_999_999_500_u64);
    let told = person.fails(&["account", "withdraw", "3RLC"]);
    assert!(
        told.starts_with("error: ") && told.contains("1.9999995 RLC free on the hub"),
        "{told}"
    );

    let pool = person.does(&["workerpool", "create", "the looms"]);
    let again = person.does(&["workerpool", "create", "the looms"]);
    assert_eq!(
        (&pool["address"], &again["transaction"]),
        (&again["address"], &Value::Null)
    );
    let address = pool["address"].as_str().unwrap();
    assert_eq!(
        person.does(&["workerpool", "show", address])["worker_stake_percent"],
        "30"
    );
    assert_eq!(person.does(&["workerpool", "list"])["count"], 1);
    let told = person.fails(&["app", "show", address]);
    assert!(told.contains("there is no app at"), "{told}");

    // The network was added without store and order book.
    let wasm = home.path().join("app.wasm");
    std::fs::write(&wasm, b"\0asm\x01\0\0\0").unwrap();
    let told = person.fails(&["run", wasm.to_str().unwrap(), "--yes"]);
    assert!(
        told.contains("needs a store") && told.contains("--store URL"),
        "{told}"
    );
    let told = person.fails(&["orderbook", "workerpool"]);
    assert!(told.contains("needs a market"), "{told}");
    let told = person.fails(&["deal", "show", &format!("0x{}", "0".repeat(64))]);
    assert!(told.contains("there is no deal"), "{told}");
}

#[test]
fn every_command_explains_itself() {
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    for words in [
        "run",
        "wallet create",
        "wallet import",
        "account deposit",
        "app deploy",
        "app publish",
        "dataset deploy",
        "workerpool create",
        "workerpool publish",
        "order sign",
        "order unpublish",
        "order fill",
        "orderbook workerpool",
        "deal show",
        "deal watch",
        "task show",
        "task download",
        "network add",
        "dataset encrypt",
        "dataset decrypt",
        "secret push",
        "secret check",
        "secret generate-key",
        "secret push-key",
        "secret check-key",
        "vault",
        "relay",
        "deal claim",
        "task claim",
        "task logs",
        "worker bond",
        "worker unbond",
        "pool status",
    ] {
        let args: Vec<_> = words.split(' ').chain(["--help"]).collect();
        let output = person.command(&args).output().unwrap();
        assert!(text(&output.stdout).contains("Example"), "{words}");
    }
    let help = text(&person.command(&["run", "--help"]).output().unwrap().stdout);
    assert!(help.contains("99%") && help.contains("nRLC"));
}
