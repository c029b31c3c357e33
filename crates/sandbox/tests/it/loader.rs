use canut_sandbox::Failure;
use proptest::prelude::*;

use crate::guest::{Bench, Guest};

#[test]
fn what_is_no_command_is_no_app() {
    for text in [
        "(module)",
        r#"(module (func (export "_start") (param i32)))"#,
        r#"(module (func (export "_initialize")))"#,
        r#"(module (import "env" "host" (func)) (func (export "_start")))"#,
        r#"(module (import "wasi_snapshot_preview1" "fd_read" (func)) (func (export "_start")))"#,
        r#"(module (memory 1 1 shared) (func (export "_start")))"#,
        r#"(module (memory i64 1) (func (export "_start")))"#,
        "(component)",
        r#"(component (import "wasi:http/types@0.2.0" (instance)))"#,
    ] {
        let outcome = Bench::new(&wat::parse_str(text).unwrap()).run().unwrap();
        assert_eq!(outcome.verdict, Err(Failure::InvalidApp), "{text}");
        assert!(outcome.detail.is_some());
    }
    for bytes in [
        b"".as_slice(),
        b"\0asm",
        b"\x7fELF",
        b"\0asm\x02\0\0\0",
        b"\0asm\x0d\0\x01\0\xff",
    ] {
        assert_eq!(
            Bench::new(bytes).run().unwrap().verdict,
            Err(Failure::InvalidApp),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_huge_module_is_not_even_read() {
    let bench = Bench::new(&vec![0; 1001]).limits(|limits| limits.app_bytes = 1000);
    assert_eq!(
        bench.run().unwrap().verdict,
        Err(Failure::AppTooLarge { limit: 1000 })
    );
}

#[test]
fn precompiled_code_is_refused() {
    // Native code in an ELF file, which an engine could be talked into running.
    let elf = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let bench = Bench::new(&elf[..elf.len().min(1 << 20)]);
    assert_eq!(bench.run().unwrap().verdict, Err(Failure::InvalidApp));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_the_loader(
        component in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut guest = Guest::default();
        let path = guest.text("iexec_out/x");
        let guest = guest.main(format!("(drop (call $create {path}))")).done();
        let mut app = if component { guest.component() } else { guest.module() };
        for (index, byte) in edits {
            let at = index.index(app.len());
            app[at] = byte;
        }
        if let Some(cut) = cut {
            app.truncate(cut.index(app.len()));
        }
        // Any verdict will do, but a verdict there must be, and the same one twice.
        let (one, two) = (Bench::new(&app).run(), Bench::new(&app).run());
        prop_assert_eq!(one.unwrap(), two.unwrap());
    }
}
