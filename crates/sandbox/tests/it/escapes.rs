use canut_sandbox::{Failure, Fault};

use crate::guest::{Bench, Guest, succeeds};

/// Errnos of preview 1.
const READ_ONLY: u32 = 69;
const UNSUPPORTED: u32 = 58;

/// A path out of the sandbox is refused: 63 (not permitted) by way of the adapter of preview 2, 76 (not capable) directly.
fn refuses(instructions: impl Fn(&mut Guest) -> String) {
    for (expected, component) in [(76, false), (63, true)] {
        let mut guest = Guest::default();
        let call = instructions(&mut guest);
        let guest = guest
            .main(format!("(call $expect {call} (i32.const {expected}))"))
            .done();
        let app = if component {
            guest.component()
        } else {
            guest.module()
        };
        let outcome = Bench::new(&app).run().unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
    }
}

#[test]
fn paths_lead_nowhere_else() {
    for path in [
        "..",
        "../etc/passwd",
        "iexec_out/../../etc",
        "iexec_in/../../../../etc/passwd",
        "./.././x",
        "tmp/../..",
    ] {
        refuses(|guest| {
            let path = guest.text(path);
            format!("(call $try_open (i32.const 3) {path} (i32.const 0) (i64.const 2))")
        });
    }
    for absolute in ["/etc/passwd", "/", "//", "/iexec_out/x"] {
        refuses(|guest| {
            let path = guest.text(absolute);
            format!("(call $try_open (i32.const 3) {path} (i32.const 9) (i64.const 64))")
        });
    }
    for call in ["mkdir", "unlink", "rmdir"] {
        refuses(|guest| {
            let path = guest.text("iexec_out/../../x");
            format!("(call ${call} (i32.const 3) {path})")
        });
    }
}

#[test]
fn an_open_folder_is_no_way_up() {
    refuses(|guest| {
        let (folder, path) = (guest.text("iexec_out"), guest.text("../iexec_in"));
        format!(
            "(block (result i32)
               (call $expect (call $try_open (i32.const 3) {folder} (i32.const 2) (i64.const 2)) (i32.const 0))
               (call $try_open (i32.load (i32.const 112)) {path} (i32.const 2) (i64.const 2)))"
        )
    });
}

#[test]
fn nothing_moves_out_of_the_output_folder() {
    for target in ["iexec_in/x", "x", "iexec_outer"] {
        let mut guest = Guest::default();
        let (source, target) = (guest.text("iexec_out/x"), guest.text(target));
        let guest = guest.main(format!(
            "(drop (call $create {source}))
             (call $expect (call $rename (i32.const 3) {source} (i32.const 3) {target}) (i32.const {READ_ONLY}))"
        ));
        succeeds(&guest.done());
    }
    refuses(|guest| {
        let (source, target) = (guest.text("iexec_out/x"), guest.text("../x"));
        format!(
            "(block (result i32) (drop (call $create {source}))
               (call $rename (i32.const 3) {source} (i32.const 3) {target}))"
        )
    });
    for mount in ["iexec_in", "iexec_out", "tmp"] {
        let mut guest = Guest::default();
        let (mount, target) = (guest.text(mount), guest.text("iexec_out/moved"));
        let guest = guest.main(format!(
            "(call $expect (call $rename (i32.const 3) {mount} (i32.const 3) {target}) (i32.const {READ_ONLY}))
             (call $expect (call $rmdir (i32.const 3) {mount}) (i32.const {READ_ONLY}))"
        ));
        succeeds(&guest.done());
    }
}

#[test]
fn there_are_no_links() {
    let mut guest = Guest::default();
    let (target, link, file) = (
        guest.text("/etc/passwd"),
        guest.text("iexec_out/link"),
        guest.text("iexec_out/file"),
    );
    let guest = guest.main(format!(
        "(call $expect (call $symlink {target} (i32.const 3) {link}) (i32.const {UNSUPPORTED}))
         (call $expect (call $stat (i32.const 3) (i32.const 1) {link} (i32.const 8192)) (i32.const 44))
         (drop (call $create {file}))
         (call $expect (call $link (i32.const 3) (i32.const 0) {file} (i32.const 3) {link}) (i32.const {UNSUPPORTED}))
         (call $expect (call $readlink (i32.const 3) {file} (i32.const 8192) (i32.const 99) (i32.const 112)) (i32.const 28))"
    ));
    succeeds(&guest.done());
}

#[test]
fn inputs_stay_as_they_are() {
    let mut guest = Guest::default();
    let (input, new) = (guest.text("iexec_in/data"), guest.text("iexec_in/new"));
    let guest = guest
        .main(format!(
            "(call $expect (call $try_open (i32.const 3) {input} (i32.const 0) (i64.const 66)) (i32.const {READ_ONLY}))
             (call $expect (call $try_open (i32.const 3) {input} (i32.const 8) (i64.const 2)) (i32.const {READ_ONLY}))
             (call $expect (call $try_open (i32.const 3) {new} (i32.const 1) (i64.const 64)) (i32.const {READ_ONLY}))
             (call $expect (call $unlink (i32.const 3) {input}) (i32.const {READ_ONLY}))"
        ))
        .done();
    for app in [guest.module(), guest.component()] {
        let bench = Bench::new(&app).input("data", "precious");
        let outcome = bench.run().unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
        assert_eq!(
            std::fs::read(bench.job.input.join("data")).unwrap(),
            b"precious"
        );
    }
}

#[test]
fn a_module_has_no_sockets() {
    let module = wat::parse_str(
        r#"(module
          (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (if (i32.ne (call $accept (i32.const 3) (i32.const 0) (i32.const 0)) (i32.const 57)) (then (call $exit (i32.const 1))))
            (if (i32.ne (call $send (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 57))
              (then (call $exit (i32.const 2))))
            (call $exit (i32.const 7))))"#,
    );
    assert_eq!(
        Bench::new(&module.unwrap()).run().unwrap().verdict,
        Err(Failure::ExitStatus(7))
    );
}

#[test]
fn a_component_asks_for_a_socket_in_vain() {
    let outcome = Bench::new(&wat::parse_str(include_str!("socket.wat")).unwrap())
        .run()
        .unwrap();
    // The guest ends well only when it did get a socket.
    assert_eq!(outcome.verdict, Err(Failure::ExitStatus(1)), "{outcome:?}");
}

#[test]
fn an_address_out_of_memory_is_refused() {
    let mut guest = Guest::default();
    let path = guest.text("iexec_out/x");
    let guest = guest.main(format!(
        "(call $expect (call $random_get (i32.const -8) (i32.const 9)) (i32.const 21))
         (call $expect (call $random_get (i32.const 0) (i32.const -1)) (i32.const 21))
         (call $expect (call $fd_write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0)) (i32.const 21))
         (call $expect (call $mkdir (i32.const 3) (i32.const -1) (i32.const 8)) (i32.const 21))
         (call $expect (call $try_open (i32.const 99) {path} (i32.const 0) (i64.const 2)) (i32.const 8))
         (call $expect (call $close (i32.const 99)) (i32.const 8))"
    ));
    let outcome = Bench::new(&guest.done().module()).run().unwrap();
    assert!(outcome.verdict.is_ok(), "{outcome:?}");
}

#[test]
fn an_app_that_is_gone_is_the_fault_of_the_worker() {
    let bench = Bench::new(&[]);
    std::fs::remove_file(&bench.job.app).unwrap();
    assert!(matches!(bench.run(), Err(Fault::Disk { .. })));
}
