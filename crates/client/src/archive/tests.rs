use std::io::Cursor;

use alloy_primitives::keccak256;
use proptest::prelude::*;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

const FILE: (&str, &str) = (
    COMPUTED,
    r#"{"deterministic-output-path":"/iexec_out/a.txt"}"#,
);
const FOLDER: (&str, &str) = (
    COMPUTED,
    r#"{"deterministic-output-path":"/iexec_out/out"}"#,
);

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, stored()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Unpacks bytes into a fresh folder inside another, which must stay as it is.
fn unpack_bytes(
    bytes: &[u8],
    callback: bool,
    limits: Limits,
) -> Result<(Opened, tempfile::TempDir), ArchiveError> {
    let outer = tempfile::tempdir().unwrap();
    let (zip, into) = (outer.path().join("result.zip"), outer.path().join("in"));
    fs::write(&zip, bytes).unwrap();
    fs::create_dir(&into).unwrap();
    let opened = open(&zip, &into, callback, limits);
    let around: Vec<_> = fs::read_dir(outer.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(around.len(), 2, "something left the folder: {around:?}");
    opened.map(|opened| (opened, outer))
}

fn unpack(files: &[(&str, &str)]) -> Result<Opened, ArchiveError> {
    unpack_bytes(&archive(files), false, Limits::default()).map(|(opened, _)| opened)
}

fn sha(content: &str) -> B256 {
    B256::new(Sha256::digest(content).into())
}

#[test]
fn a_result_is_unpacked_and_its_certified_part_is_marked() {
    let files = [
        ("out/b.txt", "b"),
        ("out/a/x", "x"),
        ("stdout.txt", "noise"),
        FOLDER,
    ];
    let (opened, folder) = unpack_bytes(&archive(&files), false, Limits::default()).unwrap();
    assert_eq!(
        opened.digest,
        keccak256([keccak256(sha("x")), sha("b")].concat())
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("in/out/a/x")).unwrap(),
        "x"
    );
    let marked: Vec<_> = opened
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.certified))
        .collect();
    let expected = [
        (COMPUTED, false),
        ("out/a/x", true),
        ("out/b.txt", true),
        ("stdout.txt", false),
    ];
    assert_eq!(marked, expected);
}

#[test]
fn any_changed_byte_of_the_certified_part_changes_the_digest() {
    let honest = unpack(&[("a.txt", "42"), FILE]).unwrap().digest;
    assert_eq!(honest, sha("42"));
    assert_ne!(unpack(&[("a.txt", "43"), FILE]).unwrap().digest, honest);
    assert_eq!(
        unpack(&[("a.txt", "42"), ("stderr.txt", "?"), FILE])
            .unwrap()
            .digest,
        honest
    );
}

#[test]
fn failures_and_callbacks_have_digests_of_their_own() {
    let failed = (
        COMPUTED,
        r#"{"error-code":9,"error-message":"exit \u001b[2J 1","deterministic-output-path":"x"}"#,
    );
    let opened = unpack(&[failed]).unwrap();
    assert_eq!(opened.digest, canut_protocol::failure::digest(9));
    assert_eq!(
        opened.failed.unwrap().message,
        "exit  [2J 1",
        "a message cannot drive a terminal"
    );

    let bytes = archive(&[(COMPUTED, r#"{"callback-data":"0x00ff"}"#)]);
    let (opened, _) = unpack_bytes(&bytes, true, Limits::default()).unwrap();
    assert_eq!(
        (opened.digest, opened.callback),
        (keccak256([0, 255]), Some(vec![0, 255].into()))
    );
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./x",
        "..\\x",
        "C:x",
        "a\u{1b}b",
        CERTIFICATE,
        "A.TXT",
    ] {
        let told = unpack(&[("a.txt", "42"), FILE, (name, "evil")]);
        assert!(
            matches!(told, Err(ArchiveError::Entry { .. })),
            "{name}: {told:?}"
        );
    }
    // Onto a folder, and through a file.
    assert!(matches!(
        unpack(&[("d/x", "1"), ("d", "2"), FILE]),
        Err(ArchiveError::Disk(_))
    ));
    assert!(matches!(
        unpack(&[("d", "2"), ("d/x", "1"), FILE]),
        Err(ArchiveError::Disk(_))
    ));
}

#[test]
fn links_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("link", "/etc", stored()).unwrap();
    zip.start_file("link/passwd", stored()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let told = unpack_bytes(&bytes, false, Limits::default());
    assert!(matches!(told, Err(ArchiveError::Entry { problem, .. }) if problem.contains("link")));
}

#[test]
fn a_small_archive_cannot_hold_much() {
    let tight = Limits { bytes: 9, files: 3 };
    let told = unpack_bytes(&archive(&[("a.txt", "0123456789"), FILE]), false, tight);
    assert!(matches!(told, Err(ArchiveError::TooLarge(_))));
    let told = unpack_bytes(
        &archive(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]),
        false,
        tight,
    );
    assert!(matches!(told, Err(ArchiveError::TooLarge(_))));

    // An entry that says to be compressed (method 8).
    let mut bytes = archive(&[("a.txt", "0123456789"), FILE]);
    let at = |magic: &[u8]| bytes.windows(4).position(|found| found == magic).unwrap();
    let (local, central) = (at(b"PK\x03\x04"), at(b"PK\x01\x02"));
    bytes[local + 8] = 8;
    bytes[central + 10] = 8;
    let told = unpack_bytes(&bytes, false, Limits::default());
    assert!(
        matches!(told, Err(ArchiveError::Compressed | ArchiveError::Zip(_))),
        "{told:?}"
    );
}

#[test]
fn what_declares_nothing_is_no_result() {
    assert!(matches!(
        unpack(&[("a.txt", "42")]),
        Err(ArchiveError::Undeclared)
    ));
    assert!(matches!(unpack(&[FILE]), Err(ArchiveError::Missing)));
    assert!(matches!(
        unpack(&[(COMPUTED, "[]")]),
        Err(ArchiveError::Undeclared)
    ));
    let outside = (COMPUTED, r#"{"deterministic-output-path":"/etc"}"#);
    assert!(matches!(unpack(&[outside]), Err(ArchiveError::Undeclared)));
    assert!(matches!(
        unpack_bytes(b"PK no zip", false, Limits::default()),
        Err(ArchiveError::Zip(_))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_archives_are_refused_or_harmless(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = archive(&[("a.txt", "42"), ("b/c", "x"), FILE]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Whatever comes of it stays in the folder, which `unpack_bytes` checks.
        let _ = unpack_bytes(&bytes, false, Limits::default());
    }
}
