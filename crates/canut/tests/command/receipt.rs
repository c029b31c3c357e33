//! A receipt is given to somebody who has no node, and believes nobody.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Output,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    run::{Terminal, app},
    support::canut,
};

/// Somebody elsewhere, with a receipt and the hash of a block.
struct Stranger {
    folder: TempDir,
    receipt: Value,
    hash: String,
}

impl Stranger {
    fn verify(&self, receipt: &Value, more: &[&str]) -> Output {
        std::fs::write(self.folder.path().join("r.json"), receipt.to_string()).unwrap();
        let mut command = canut(&["verify", "r.json", "--block-hash", &self.hash]);
        command.args(more).current_dir(self.folder.path());
        command.env("CANUT_HOME", self.folder.path().join("home"));
        command.output().unwrap()
    }

    /// What is said of the receipt with another value at a place of it.
    fn tampered(&self, place: &str, value: impl Into<Value>) -> String {
        let mut wrong = self.receipt.clone();
        *wrong.pointer_mut(place).unwrap() = value.into();
        assert_ne!(wrong, self.receipt, "{place}");
        let output = self.verify(&wrong, &[]);
        assert!(!output.status.success(), "{place} was altered unnoticed");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }

    fn text(&self, place: &str) -> String {
        self.receipt
            .pointer(place)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The text at a place with its last digit changed.
    fn with_another_digit(&self, place: &str) -> String {
        let mut text = self.text(place);
        let last = text.pop().unwrap();
        text.push(if last == '0' { '1' } else { '0' });
        text
    }
}

/// A file of the store, as it is.
fn download(store: &str, cid: &str, to: &Path) {
    let mut socket = TcpStream::connect(store.strip_prefix("http://").unwrap()).unwrap();
    write!(
        socket,
        "GET /ipfs/{cid} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    std::fs::write(to, &answer[head + 4..]).unwrap();
}

/// A bag is run; its market ends; what is left is a receipt, an archive, and the hash of a block.
fn a_market_that_is_gone() -> Stranger {
    let mut terminal = Terminal::open();
    let pricer = app("option-pricer.wasm");
    let order = ["--args", "--paths 1000", "--tasks", "16", "--trust", "10"];
    let run = [
        &["run", &pricer][..],
        &order,
        &["--out", "bag", "--yes", "--json"],
    ]
    .concat();
    let done = terminal.json(&run);
    let deal = done["deals"][0]["deal"].as_str().unwrap().to_owned();

    let receipt = terminal.json(&["receipt", &format!("{deal}:1"), "--json"]);
    let file = terminal.home.path().join("r.json");
    std::fs::write(&file, receipt.to_string()).unwrap();
    let online = terminal.json(&["verify", "r.json", "--json"]);
    assert_eq!(online["holds"], true, "{online}");
    let record = &online["checks"][9];
    assert_eq!(
        (record["number"].as_u64(), &record["outcome"]),
        (Some(10), &"passed".into())
    );
    // A node alone is enough; the hub is in the receipt.
    let rpc = terminal.market.url.clone();
    terminal.json(&["verify", "r.json", "--rpc", &rpc, "--json"]);

    let audits = terminal.json(&["pool", "audits", "--check", "--json"]);
    assert_eq!(audits["kept"], true, "{audits}");
    assert_eq!(
        audits["workerpool"],
        receipt["deal"]["deal"]["workerpool"]["pointer"]
            .as_str()
            .unwrap()
            .to_lowercase()
    );

    let folder = tempfile::tempdir().unwrap();
    let ready: Value = serde_json::from_str(&terminal.market.said).unwrap();
    let cid = receipt["result"]["cid"].as_str().unwrap();
    download(
        ready["store"].as_str().unwrap(),
        cid,
        &folder.path().join("result.zip"),
    );
    terminal.market.kill();
    let said = terminal.refused(&["verify", "r.json"]);
    assert!(
        said.contains("error"),
        "without a node it cannot be asked: {said}"
    );
    assert!(receipt["result"]["count"].as_u64() > Some(1), "a range");
    let blocks = online["blocks"].as_array().unwrap();
    assert_eq!(
        blocks.len(),
        1,
        "the deal is proved in the block of the settlement"
    );
    Stranger {
        folder,
        hash: blocks[0]["hash"].as_str().unwrap().to_owned(),
        receipt,
    }
}

/// Places of a receipt that hold text, and what is said when a digit of it is another.
const TEXTS: [(&str, &str); 22] = [
    ("/taskid", "1 FAILED    the file was altered"),
    (
        "/result/leaf/digest",
        "2 FAILED    this result is not what was voted for",
    ),
    (
        "/result/leaf/content/sha256",
        "2 FAILED    this result is not what was voted for",
    ),
    (
        "/result/proof/0",
        "2 FAILED    this result is not what was voted for",
    ),
    (
        "/result/cid",
        "2 FAILED    this result is not what was voted for",
    ),
    ("/result/link", "3 FAILED    the link leads elsewhere"),
    (
        "/result/leaves/0/digest",
        "3 FAILED    the link leads elsewhere",
    ),
    ("/result/root", "4 FAILED    votes are forged"),
    ("/votes/0/member/worker", "4 FAILED    votes are forged"),
    (
        "/settlement/blockHash",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/settlement/header",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/settlement/receipt",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/settlement/receiptProof/0",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/settlement/transactionProof/0",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/result/delivery",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/settlement/transaction",
        "7 FAILED    it was not settled on this chain",
    ),
    (
        "/hub",
        "8 FAILED    the votes do not belong to this settlement",
    ),
    ("/terms/code", "9 FAILED    these are another deal's terms"),
    (
        "/terms/account",
        "9 FAILED    these are another deal's terms",
    ),
    (
        "/terms/proof/0",
        "9 FAILED    these are another deal's terms",
    ),
    (
        "/deal/deal/requester",
        "9 FAILED    these are another deal's terms",
    ),
    (
        "/deal/deal/params",
        "9 FAILED    these are another deal's terms",
    ),
];

/// Places that hold numbers, others, and what is said.
const NUMBERS: [(&str, u64, &str); 9] = [
    ("/index", 2, "1 FAILED"),
    (
        "/votes/0/weight",
        9,
        "6 FAILED    less trust was reached than was bought",
    ),
    (
        "/reached/reached",
        99,
        "6 FAILED    less trust was reached than was bought",
    ),
    (
        "/deal/deal/trust",
        1_000,
        "6 FAILED    less trust was reached than was bought",
    ),
    ("/settlement/logIndex", 1000, "7 FAILED"),
    ("/settlement/block", 1, "7 FAILED"),
    ("/terms/block", 1, "9 FAILED"),
    ("/version", 2, "use a newer program"),
    ("/chainId", 5, "4 FAILED"),
];

#[test]
fn a_receipt_convinces_somebody_who_has_nothing_but_a_block_s_hash() {
    let stranger = a_market_that_is_gone();
    let output = stranger.verify(&stranger.receipt, &["--archive", "result.zip"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" 9 ok") && said.contains("11 ok"), "{said}");
    assert!(said.contains("may still be contested"), "{said}");

    let hub = stranger.text("/hub");
    let known = stranger.verify(&stranger.receipt, &["--hub", &hub]);
    let said = String::from_utf8_lossy(&known.stdout).into_owned();
    assert!(
        known.status.success() && !said.contains("Make sure"),
        "{said}"
    );
    let foreign = ["--hub", "0x00000000000000000000000000000000000000aa"];
    let output = stranger.verify(&stranger.receipt, &foreign);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("says nothing about this market"),
        "{said}"
    );

    std::fs::write(stranger.folder.path().join("result.zip"), "another").unwrap();
    let output = stranger.verify(&stranger.receipt, &["--archive", "result.zip"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !output.status.success() && said.contains("11 FAILED"),
        "{said}"
    );
    assert!(said.contains("the certificate stands"), "{said}");

    for (place, means) in TEXTS {
        let said = stranger.tampered(place, stranger.with_another_digit(place));
        assert!(said.contains(means), "{place}: {said}");
        assert!(
            said.contains("canut receipt") || said.contains("--block-hash") || said.contains("CID"),
            "{said}"
        );
    }
    for (place, value, means) in NUMBERS {
        let said = stranger.tampered(place, value);
        assert!(said.contains(means), "{place}: {said}");
    }
}
