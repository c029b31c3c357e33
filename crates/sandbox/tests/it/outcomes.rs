use std::fs;

use canut_sandbox::{ComputedError, Delivery, Failure, Fault, Success, archive};

use crate::guest::{Bench, Guest, fails, succeeds};

#[test]
fn an_app_reads_its_input_and_writes_its_result() {
    let mut guest = Guest::default();
    let (source, target) = (
        guest.text("iexec_in/numbers.txt"),
        guest.text("iexec_out/copy.txt"),
    );
    let guest = guest
        .main(format!(
            "(local.set $a (call $read (call $open {source}) (i32.const 8192) (i32.const 100)))
             (call $write (call $create {target}) (i32.const 8192) (local.get $a))
             (call $write (i32.const 1) (i32.const 8192) (local.get $a))"
        ))
        .done();
    for app in [guest.module(), guest.component()] {
        let bench = Bench::new(&app).input("numbers.txt", "1 2 3");
        let outcome = bench.run().unwrap();
        assert_eq!(outcome.verdict, Ok(Success { callback: None }));
        assert_eq!(bench.output("copy.txt"), b"1 2 3");
        assert_eq!(bench.output("stdout.txt"), b"1 2 3");
        let names: Vec<_> = outcome
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(
            names,
            ["computed.json", "copy.txt", "stderr.txt", "stdout.txt"]
        );
        let mut zip = Vec::new();
        archive::write(&bench.job.output, &outcome.files, &mut zip).unwrap();
        assert!(
            zip::ZipArchive::new(std::io::Cursor::new(zip))
                .unwrap()
                .by_name("copy.txt")
                .is_ok()
        );
    }
}

#[test]
fn an_app_sees_its_arguments_and_its_variables_alone() {
    let mut guest = Guest::default();
    let (arguments, environment) = (
        guest.text("iexec_out/arguments"),
        guest.text("iexec_out/environment"),
    );
    let guest = guest
        .main(format!(
            "(call $expect (call $args_sizes_get (i32.const 120) (i32.const 124)) (i32.const 0))
             (call $expect (call $args_get (i32.const 8192) (i32.const 16384)) (i32.const 0))
             (call $write (call $create {arguments}) (i32.const 16384) (i32.load (i32.const 124)))
             (call $expect (call $environ_sizes_get (i32.const 120) (i32.const 124)) (i32.const 0))
             (call $expect (call $environ_get (i32.const 8192) (i32.const 16384)) (i32.const 0))
             (call $write (call $create {environment}) (i32.const 16384) (i32.load (i32.const 124)))"
        ))
        .done();
    for app in [guest.module(), guest.component()] {
        let bench = Bench::new(&app).arguments("render 'two words'");
        assert!(bench.run().unwrap().verdict.is_ok());
        assert_eq!(bench.output("arguments"), b"app\0render\0two words\0");
        let environment = String::from_utf8(bench.output("environment")).unwrap();
        let expected = bench
            .job
            .environment()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}\0"));
        assert_eq!(environment, expected.collect::<String>());
        assert!(!environment.contains("PATH="));
    }
}

#[test]
fn an_app_may_move_files_from_tmp_and_remove_them() {
    let mut guest = Guest::default();
    let (draft, result) = (guest.text("tmp/draft"), guest.text("iexec_out/result"));
    let (folder, inner) = (guest.text("iexec_out/d"), guest.text("iexec_out/d/x"));
    succeeds(
        &guest
            .main(format!(
                "(call $write (call $create {draft}) (i32.const 32) (i32.const 5))
                 (call $expect (call $rename (i32.const 3) {draft} (i32.const 3) {result}) (i32.const 0))
                 (call $expect (call $stat (i32.const 3) (i32.const 0) {draft} (i32.const 8192)) (i32.const 44))
                 (call $expect (call $mkdir (i32.const 3) {folder}) (i32.const 0))
                 (drop (call $create {inner}))
                 (call $expect (call $rmdir (i32.const 3) {folder}) (i32.const 55))
                 (call $expect (call $unlink (i32.const 3) {inner}) (i32.const 0))
                 (call $expect (call $rmdir (i32.const 3) {folder}) (i32.const 0))"
            ))
            .done(),
    );
}

#[test]
fn a_callback_goes_to_the_contract() {
    let mut guest = Guest::default();
    let (path, json) = (
        guest.text("iexec_out/computed.json"),
        guest.text(r#"{"callback-data":"0x2a"}"#),
    );
    let guest = guest.main(format!("(call $write (call $create {path}) {json})"));
    let mut bench = Bench::new(&guest.module());
    bench.job.delivery = Delivery::Callback;
    let outcome = bench.run().unwrap();
    assert_eq!(
        outcome.verdict,
        Ok(Success {
            callback: Some(vec![42].into())
        })
    );
    assert_eq!(outcome.digest, alloy_primitives::keccak256([42]));
}

#[test]
fn an_app_fails_in_its_own_ways() {
    fails(
        &Guest::default(),
        &Failure::Computed(ComputedError::Missing),
    );
    fails(
        &Guest::default().done().main("(call $exit (i32.const 1))"),
        &Failure::ExitStatus(1),
    );
    fails(
        &Guest::default().main("unreachable"),
        &Failure::Trap("it reached code it meant never to reach (an abort, or a panic)"),
    );
    fails(
        &Guest::default().main("(drop (i32.div_u (i32.const 1) (local.get $a)))"),
        &Failure::Trap("it divided by zero"),
    );
    fails(
        &Guest::default().main("(drop (i32.load (i32.const -4)))"),
        &Failure::Trap("it used memory out of bounds"),
    );
    let outcome = Bench::new(
        &Guest::default()
            .main("(call $exit (i32.const 42))")
            .module(),
    )
    .run()
    .unwrap();
    assert_eq!(outcome.verdict, Err(Failure::ExitStatus(42)));
}

#[test]
fn a_failure_keeps_the_log_and_drops_the_files() {
    let mut guest = Guest::default();
    let (path, message) = (guest.text("iexec_out/partial"), guest.text("out of silk"));
    let guest = guest.main(format!("(drop (call $create {path})) (call $write (i32.const 2) {message}) (call $exit (i32.const 3))"));
    let bench = Bench::new(&guest.module());
    let outcome = bench.run().unwrap();
    assert_eq!(outcome.stderr.to_string(), "out of silk");
    assert_eq!(bench.output("stderr.txt"), b"out of silk");
    assert!(!bench.job.output.join("partial").exists());
    assert_eq!(
        bench.output("error.txt"),
        b"the app ended with exit status 3\n"
    );
}

#[test]
fn folders_that_were_not_prepared_are_the_fault_of_the_worker() {
    let guest = Guest::default().done();
    let bench = Bench::new(&guest.module());
    fs::write(bench.job.output.join("left"), "over").unwrap();
    assert!(
        matches!(bench.run(), Err(Fault::Folder { problem, .. }) if problem.contains("not empty"))
    );

    let bench = Bench::new(&guest.module());
    std::os::unix::fs::symlink("/etc/passwd", bench.job.input.join("link")).unwrap();
    assert!(
        matches!(bench.run(), Err(Fault::Folder { problem, .. }) if problem.contains("neither"))
    );

    let bench = Bench::new(&guest.module());
    fs::remove_dir(&bench.job.input).unwrap();
    assert!(matches!(bench.run(), Err(Fault::Disk { .. })));
}
