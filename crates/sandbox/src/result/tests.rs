use alloy_primitives::keccak256;

use super::*;

fn ended(end: Result<Vec<ResultFile>, Failure>) -> Ended {
    let stdout = Captured {
        bytes: b"out".to_vec(),
        truncated: false,
    };
    Ended {
        end,
        fuel_used: Some(7),
        stdout,
        stderr: Captured::default(),
        detail: None,
    }
}

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn conclude_files(folder: &Path) -> Outcome {
    let left = left_in(folder, &Limits::default()).unwrap();
    conclude(folder, ended(left), Delivery::Files).unwrap()
}

#[test]
fn a_result_is_digested_and_its_logs_are_kept() {
    let folder = folder(&[
        (
            "computed.json",
            r#"{"deterministic-output-path":"/iexec_out/r.txt"}"#,
        ),
        ("r.txt", "abc"),
        ("d/e", ""),
    ]);
    let outcome = conclude_files(folder.path());
    assert_eq!(outcome.verdict, Ok(Success { callback: None }));
    assert_eq!(outcome.digest, sha256(&b"abc"[..]).unwrap());
    assert_eq!(
        names(&outcome),
        ["computed.json", "d/e", "r.txt", "stderr.txt", "stdout.txt"]
    );
}

#[test]
fn a_client_can_recompute_the_digest_of_a_whole_folder_from_the_archive() {
    let folder = folder(&[
        (
            "computed.json",
            r#"{"deterministic-output-path":"/iexec_out"}"#,
        ),
        ("stdout.txt", "mine"),
    ]);
    let outcome = conclude_files(folder.path());
    // computed.json, stderr.txt, stdout.txt
    let said: [&[u8]; 3] = [
        br#"{"deterministic-output-path":"/iexec_out"}"#,
        b"",
        b"mine",
    ];
    let below = said.map(|bytes| sha256(bytes).unwrap());
    assert_eq!(outcome.digest, keccak256(below.concat()));
}

#[test]
fn a_callback_is_the_hash_of_its_bytes() {
    let folder = folder(&[("computed.json", r#"{"callback-data":"0x2a"}"#)]);
    let left = left_in(folder.path(), &Limits::default()).unwrap();
    let outcome = conclude(folder.path(), ended(left), Delivery::Callback).unwrap();
    assert_eq!(
        outcome.verdict,
        Ok(Success {
            callback: Some(vec![42].into())
        })
    );
    assert_eq!(outcome.digest, keccak256([42]));
}

#[test]
fn a_failure_leaves_its_reason_and_logs_only() {
    for (files, failure) in [
        (
            vec![("r.txt", "abc")],
            Failure::Computed(ComputedError::Missing),
        ),
        (
            vec![("computed.json/x", "abc")],
            Failure::Computed(ComputedError::Missing),
        ),
        (
            vec![("computed.json", r#"{"deterministic-output-path":"no"}"#)],
            Failure::Computed(ComputedError::NoSuchPath),
        ),
        (
            vec![
                ("computed.json", r#"{"deterministic-output-path":"r/x"}"#),
                ("r", ""),
            ],
            Failure::Computed(ComputedError::NoSuchPath),
        ),
    ] {
        let folder = folder(&files);
        let outcome = conclude_files(folder.path());
        assert_eq!(outcome.digest, failure.digest());
        assert_eq!(outcome.verdict, Err(failure));
        assert_eq!(
            names(&outcome),
            ["computed.json", "error.txt", "stderr.txt", "stdout.txt"]
        );
    }
    let folder = folder(&[("partial", "x")]);
    let outcome = conclude(
        folder.path(),
        ended(Err(Failure::ExitStatus(2))),
        Delivery::Files,
    )
    .unwrap();
    assert_eq!(outcome.verdict, Err(Failure::ExitStatus(2)));
    let said = |index: usize| outcome.files[index].read(folder.path()).unwrap();
    assert_eq!(said(1), "the app ended with exit status 2\n");
    assert_eq!(said(3), "out");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_link_in_a_result_is_refused() {
    let folder = folder(&[("computed.json", r#"{"deterministic-output-path":"l"}"#)]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("l")).unwrap();
    let outcome = conclude_files(folder.path());
    assert_eq!(
        outcome.verdict,
        Err(Failure::Result("it is neither a file nor a folder"))
    );
    assert!(!folder.path().join("l").exists());
}

#[test]
fn a_result_is_bounded() {
    let files = folder(&[("a/b/c", ""), ("d", "")]);
    let list_under = |limits: Limits| list(files.path(), &limits);
    assert_eq!(list_under(Limits::default()).unwrap().len(), 2);
    assert!(
        list_under(Limits {
            path_depth: 2,
            ..Limits::default()
        })
        .is_err()
    );
    assert!(
        list_under(Limits {
            name_bytes: 0,
            ..Limits::default()
        })
        .is_err()
    );
    let many: Vec<_> = (0..9).map(|index| (index.to_string(), "")).collect();
    let many = folder(
        &many
            .iter()
            .map(|(name, content)| (name.as_str(), *content))
            .collect::<Vec<_>>(),
    );
    assert!(
        list(
            many.path(),
            &Limits {
                files: 6,
                ..Limits::default()
            }
        )
        .is_ok()
    );
    assert!(
        list(
            many.path(),
            &Limits {
                files: 5,
                ..Limits::default()
            }
        )
        .is_err()
    );
}
