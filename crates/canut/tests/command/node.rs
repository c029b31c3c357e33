//! `canut node`: what it prints, how it ends, what it refuses.

use crate::support::{Process, canut};

#[test]
fn prints_what_a_developer_needs_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let node = Process::start(dir.path());
    for text in [
        "test test test test test test test test test test test junk",
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "Chain id: 31337",
    ] {
        assert!(node.said.contains(text), "{text} is not in:\n{}", node.said);
    }
    assert!(node.terminate().success());
    let again = Process::start(dir.path());
    assert!(
        again.terminate().success(),
        "a chain that was stopped opens again"
    );
}

#[test]
fn says_what_is_missing() {
    let output = canut(&["node"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Give --dir FOLDER, or --dev"));
    let output = canut(&["node", "--dev", "--block-time", "soon"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("write 5s or 500ms"));
    let help = canut(&["node", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.contains("Examples:") && help.contains("--chain-id"),
        "{help}"
    );
}
