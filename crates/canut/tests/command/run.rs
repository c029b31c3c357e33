//! `canut up` in one terminal, `canut run` in another.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Process, canut};

/// A market of one's own, and the folder of the person who uses it.
pub(crate) struct Terminal {
    pub(crate) market: Process,
    pub(crate) home: TempDir,
}

/// The services of `canut up`, as its flags and its JSON name them.
const SERVICES: [&str; 5] = ["rpc", "market", "store", "vault", "pool"];

impl Terminal {
    pub(crate) fn open() -> Self {
        Self::with(&[])
    }

    fn with(flags: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let anywhere = SERVICES.map(|name| (name, "127.0.0.1:0".to_owned()));
        let market = start(home.path(), &anywhere, flags);
        Self { market, home }
    }

    /// Starts the market of that folder again, where it was.
    fn restart(&mut self, flags: &[&str]) {
        let ready: Value = serde_json::from_str(&self.market.said).unwrap();
        let places = SERVICES.map(|name| {
            let url = ready[name].as_str().unwrap();
            (name, url.trim_start_matches("http://").to_owned())
        });
        self.market = start(self.home.path(), &places, flags);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = canut(arguments);
        command
            .env("CANUT_HOME", self.home.path())
            .current_dir(self.home.path());
        command
    }

    pub(crate) fn canut(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.canut(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "canut {arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail, and gives what it says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.canut(arguments);
        assert!(!output.status.success(), "canut {arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn start(home: &Path, places: &[(&str, String)], flags: &[&str]) -> Process {
    let mut command = canut(&["up", "--json", "--workers", "4"]);
    command.args(flags).env("CANUT_HOME", home);
    for (name, place) in places {
        command.args([&format!("--{name}"), place]);
    }
    Process::ready(command, |line| {
        let ready: Value = serde_json::from_str(line).ok()?;
        Some(ready["rpc"].as_str()?.to_owned())
    })
}

pub(crate) fn app(name: &str) -> String {
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps");
    apps.join(name).display().to_string()
}

#[test]
fn a_person_has_a_file_worked_on_and_gets_a_certified_result() {
    let terminal = Terminal::open();
    let table = terminal.home.path().join("cities.csv");
    std::fs::write(&table, "city,people\nLyon,10\nParis,20\nLyon,5\n").unwrap();
    let stats = app("csv-stats.wasm");
    let args = "--group city --value people";
    let run = [
        "run",
        &stats,
        "--input",
        "cities.csv",
        "--args",
        args,
        "--trust",
        "90%",
        "--out",
        "result",
    ];
    let unasked = terminal.refused(&run);
    assert!(unasked.contains("--yes"), "{unasked}");

    let done = terminal.json(&[&run[..], &["--yes", "--json"]].concat());
    let task = &done["outcome"]["tasks"][0];
    let certificate = &task["certificate"];
    assert_eq!(task["status"], "completed");
    assert_eq!(certificate["credibility"]["holds"], true);
    // 90 % is trust 10, and four new workers of weight 2 reach it.
    assert_eq!(certificate["votes"].as_array().unwrap().len(), 4);
    let result = terminal.home.path().join("result/stats.csv");
    let rows = std::fs::read_to_string(result).unwrap();
    assert!(rows.contains("Lyon,2,15"), "{rows}");

    let again = terminal.refused(&[&run[..], &["--yes"]].concat());
    assert!(
        again.contains("result"),
        "a result is not overwritten: {again}"
    );
    let deal = done["deals"][0]["deal"].as_str().unwrap();
    let listed = terminal.json(&["task", "list", deal, "--json"]);
    assert!(listed.to_string().contains("completed"), "{listed}");
}

#[test]
fn tasks_are_bought_now_and_fetched_later() {
    let terminal = Terminal::open();
    let pricer = app("option-pricer.wasm");
    let bought = terminal.json(&[
        "task",
        "create",
        &pricer,
        "--args",
        "--paths 1000",
        "--tasks",
        "2",
        "--yes",
        "--json",
    ]);
    let deal = bought["deals"][0]["deal"].as_str().unwrap();
    assert_eq!(bought["cost"], 600_000_000_u64);
    terminal.json(&["deal", "watch", deal, "--out", "later", "--json"]);
    for index in ["0", "1"] {
        let result = terminal
            .home
            .path()
            .join("later")
            .join(index)
            .join("price.json");
        assert!(result.exists(), "{}", result.display());
    }
}

#[test]
fn a_client_that_was_killed_finds_its_bag_again() {
    let terminal = Terminal::open();
    let pricer = app("option-pricer.wasm");
    let run = [
        "run",
        &pricer,
        "--args",
        "--paths 200000",
        "--tasks",
        "6",
        "--trust",
        "8",
        "--out",
        "bag",
        "--yes",
    ];
    let mut command = terminal.command(&run);
    let mut client = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(client.stderr.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find_map(|line| {
        let deal = line.strip_prefix("Deal ")?;
        Some(deal.split(' ').next()?.to_owned())
    });
    client.kill().unwrap();
    client.wait().unwrap();

    let deal = said.expect("the deal is named as soon as it is made");
    let watched = terminal.json(&["deal", "watch", &deal, "--out", "bag", "--json"]);
    let tasks = watched["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 6);
    for task in tasks {
        assert_eq!(task["certificate"]["credibility"]["holds"], true, "{task}");
        let folder = terminal.home.path().join(task["folder"].as_str().unwrap());
        assert!(folder.join("price.json").exists(), "{}", folder.display());
    }
}

#[test]
fn a_client_says_that_its_node_went_away_and_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let kept = ["--open", "--dir", folder.path().to_str().unwrap()];
    let mut terminal = Terminal::with(&kept);
    let pricer = app("option-pricer.wasm");
    let bag = ["--args", "--paths 200000", "--tasks", "12", "--trust", "8"];
    let run = [&["run", &pricer, "--out", "bag", "--yes"], &bag[..]].concat();
    let listen = |arguments: &[&str]| {
        let mut command = terminal.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut client = command.spawn().unwrap();
        let lines = BufReader::new(client.stderr.take().unwrap()).lines();
        (client, lines.map_while(Result::ok))
    };
    let (mut buyer, mut told) = listen(&run);
    let deal = told.by_ref().find_map(|line| {
        let deal = line.strip_prefix("Deal ")?;
        Some(deal.split(' ').next()?.to_owned())
    });
    let over_http = [
        "deal",
        "watch",
        &deal.unwrap(),
        "--rpc",
        &terminal.market.url,
    ];
    let (mut watcher, mut seen) = listen(&over_http);
    assert!(seen.any(|line| line.starts_with("task ")), "it watches");

    terminal.market.kill();
    for lines in [&mut told, &mut seen] {
        assert!(lines.any(|line| line.contains("the node does not answer")));
    }
    terminal.restart(&kept);
    for lines in [&mut told, &mut seen] {
        let said: Vec<_> = lines.collect();
        assert!(
            said.iter().any(|line| line.contains("answers again")),
            "{said:?}"
        );
    }
    for client in [&mut buyer, &mut watcher] {
        assert!(client.wait().unwrap().success());
    }
    for index in 0..12 {
        let result = format!("bag/{index}/price.json");
        assert!(terminal.home.path().join(&result).exists(), "{result}");
    }
}

/// Somebody who has nothing.
const FRIEND: &str = "0x00000000000000000000000000000000000000aa";

#[test]
fn money_is_given_to_a_friend() {
    let terminal = Terminal::open();
    terminal.json(&["account", "send", "2.5RLC", "--to", FRIEND, "--json"]);
    let has = terminal.json(&["account", "show", FRIEND, "--json"]);
    assert_eq!(has["wallet"], 2_500_000_000_u64, "{has}");
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let terminal = Terminal::open();
    let stats = app("csv-stats.wasm");
    for (arguments, hint) in [
        (
            &["run", "nothing.wasm", "--yes"][..],
            "neither a file nor the address",
        ),
        (&["run", &stats, "--trust", "1000", "--yes"], "more trust"),
        (&["run", &stats, "--trust", "101%"], "99%"),
        (&["run", &stats, "--max-price", "1nRLC", "--yes"], "price"),
        (&["task", "show", "0x12"], "64"),
        (
            &["run", &stats, "--input", "ftp://x/y", "--yes"],
            "https://",
        ),
        (
            &["account", "send", "999999RLC", "--to", FRIEND],
            "send less",
        ),
    ] {
        let said = terminal.refused(arguments);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
    // The app runs, and fails on every machine: that is certified, told, and paid for.
    let failed = terminal.refused(&["run", &stats, "--out", "failed", "--yes"]);
    assert!(failed.contains("exit status 1"), "{failed}");
    let log = terminal.home.path().join("failed/stderr.txt");
    assert!(std::fs::read_to_string(log).unwrap().contains("csv-stats"));
}

#[test]
fn only_the_beneficiary_reads_an_encrypted_result() {
    let terminal = Terminal::open();
    std::fs::write(
        terminal.home.path().join("cities.csv"),
        "city,people\nLyon,10\nLyon,5\n",
    )
    .unwrap();
    let stats = app("csv-stats.wasm");
    let args = "--group city --value people";
    let input = ["--input", "cities.csv", "--args", args, "--trust", "50%"];
    let order = ["--encrypt-result", "--tasks", "3", "--yes", "--json"];
    let run = [&["run", &stats][..], &input, &order, &["--out", "result"]].concat();
    let early = terminal.refused(&run);
    assert!(early.contains("canut secret generate-key"), "{early}");

    terminal.json(&["secret", "generate-key", "--json"]);
    terminal.json(&["secret", "push-key", "--json"]);
    let done = terminal.json(&run);
    let ended = done["outcome"]["tasks"].as_array().unwrap();
    assert!(
        ended.iter().all(|ended| ended["status"] == "completed"),
        "{done}"
    );
    for index in ["0", "1", "2"] {
        let result = terminal
            .home
            .path()
            .join("result")
            .join(index)
            .join("stats.csv");
        let rows = std::fs::read_to_string(result).unwrap();
        assert!(rows.contains("Lyon,2,15"), "{rows}");
    }

    // What was certified is the plain archive, whoever encrypted it; the receipt tells where the encrypted one is.
    let task = &format!("{}:2", done["outcome"]["deals"][0].as_str().unwrap());
    let shown = terminal.json(&["task", "show", task, "--json"]);
    assert!(shown["certificate"]["range"].is_object(), "{shown}");
    let receipt = terminal.json(&["receipt", task, "--json"]);
    let delivery = receipt["result"]["delivery"].as_str().unwrap();
    assert_ne!(delivery.trim_start_matches(['0', 'x']), "", "{receipt}");
    std::fs::write(terminal.home.path().join("r.json"), receipt.to_string()).unwrap();
    assert_eq!(
        terminal.json(&["verify", "r.json", "--json"])["holds"],
        true
    );

    let elsewhere = ["--beneficiary-keys", "nowhere", "--out", "stolen"];
    let download = [&["task", "download", task][..], &elsewhere].concat();
    let refused = terminal.refused(&download);
    assert!(refused.contains("is encrypted for"), "{refused}");
    assert!(!terminal.home.path().join("stolen").exists());
}

#[test]
fn the_requester_alone_reads_what_the_app_said() {
    for way in [&[][..], &["--open"]] {
        reads_alone_what_the_app_said(&Terminal::with(way));
    }
}

fn reads_alone_what_the_app_said(terminal: &Terminal) {
    std::fs::write(terminal.home.path().join("cities.csv"), "city\nLyon\n").unwrap();
    let stats = app("csv-stats.wasm");
    let args = "--group nowhere --value people";
    let input = ["--input", "cities.csv", "--args", args, "--out", "result"];
    let run = [&["run", &stats][..], &input, &["--yes", "--json"]].concat();
    let output = terminal.canut(&run);
    assert!(!output.status.success(), "the table has no such column");
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    let task = done["outcome"]["tasks"][0]["task"].as_str().unwrap();

    let place = format!("{}:0", done["outcome"]["deals"][0].as_str().unwrap());
    let shown = terminal.json(&["task", "show", &place, "--json"]);
    assert_eq!(shown["pool"]["currentStatus"], "COMPLETED", "{shown}");
    assert_eq!(shown["pool"]["replicates"][0]["currentStatus"], "REVEALED");
    let logs = terminal.json(&["task", "logs", task, "--json"]);
    let said = logs[0]["stderr"].as_str().unwrap();
    assert!(said.contains("nowhere"), "{logs}");
    let stranger = terminal
        .command(&["task", "logs", task])
        .env("CANUT_PRIVATE_KEY", format!("0x{:064x}", 7))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(told.contains("only the requester"), "{told}");
}
