use std::time::Duration;

use canut_sandbox::{Failure, Fault, Limits, Runtime};

use crate::guest::{Bench, Guest, RUNTIME, fails, limits, succeeds};

const ENDLESS: &str = "(loop $again (br $again))";

#[test]
fn an_endless_loop_burns_its_fuel() {
    let bench = Bench::new(&Guest::default().main(ENDLESS).module());
    let outcome = bench.run().unwrap();
    assert_eq!(
        outcome.verdict,
        Err(Failure::OutOfFuel {
            limit: bench.limits.fuel
        })
    );
    assert_eq!(outcome.fuel_used, Some(bench.limits.fuel));
    fails(
        &Guest::default().main(ENDLESS),
        &Failure::OutOfFuel {
            limit: limits().fuel,
        },
    );
}

#[test]
fn work_of_the_host_costs_fuel() {
    // Each round moves 128 KiB: without a price, there would be a million rounds.
    for instructions in [
        "(drop (call $random_get (i32.const 65536) (i32.const 131072)))",
        "(call $write (i32.const 1) (i32.const 65536) (i32.const 131072))",
        "(memory.fill (i32.const 65536) (i32.const 0) (i32.const 131072))",
        "(memory.copy (i32.const 65536) (i32.const 65537) (i32.const 131072))",
    ] {
        let round =
            "(i32.store (i32.const 65532) (i32.add (i32.load (i32.const 65532)) (i32.const 1)))";
        let last = "(if (i32.eq (i32.load (i32.const 65532)) (i32.const 100)) (then unreachable))";
        let guest = Guest::default().main(format!(
            "(loop $again {round} {last} {instructions} (br $again))"
        ));
        for app in [guest.module(), guest.component()] {
            let bench = Bench::new(&app).limits(|limits| limits.fuel = 8_000_000);
            let expected = Err(Failure::OutOfFuel { limit: 8_000_000 });
            assert_eq!(bench.run().unwrap().verdict, expected, "{instructions}");
        }
    }
}

#[test]
fn a_sleep_takes_no_time() {
    let guest = Guest::default()
        .main(
            "(i64.store (i32.const 8216) (i64.const 3600000000000)) ;; an hour on the realtime clock, as a subscription
             (i32.store (i32.const 8208) (i32.const 1))
             (call $expect (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8400)) (i32.const 0))
             (call $expect (call $poll_oneoff (i32.const 8192) (i32.const 8300) (i32.const 1) (i32.const 112)) (i32.const 0))
             (call $expect (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8408)) (i32.const 0))
             (if (i64.lt_u (i64.sub (i64.load (i32.const 8408)) (i64.load (i32.const 8400))) (i64.const 3600000000000)) (then unreachable))",
        )
        .done();
    succeeds(&guest);
}

#[test]
fn a_run_that_takes_too_long_is_a_fault_of_the_host() {
    let bench = Bench::new(&Guest::default().main(ENDLESS).module()).limits(|limits| {
        limits.fuel = u64::MAX;
        limits.wall_time = Duration::from_millis(50);
    });
    assert!(matches!(bench.run(), Err(Fault::WallTime(time)) if time == Duration::from_millis(50)));
}

#[test]
fn a_run_that_only_calls_the_host_is_stopped_as_well() {
    let calls = "(loop $again (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8192))) (br $again))";
    let guest = Guest::default().main(calls);
    for app in [guest.module(), guest.component()] {
        let bench = Bench::new(&app).limits(|limits| {
            limits.fuel = u64::MAX;
            limits.wall_time = Duration::from_millis(50);
        });
        assert!(matches!(bench.run(), Err(Fault::WallTime(_))));
    }
}

#[test]
fn fuel_runs_out_at_the_same_instruction_however_often_a_run_pauses() {
    // Many stretches of fuel between two pauses, and a number that none of them divides.
    let fuel = 123_456_789;
    let counts = "(loop $again (i64.store (i32.const 8192) (i64.add (i64.load (i32.const 8192)) (i64.const 1)))
                    (call $write (i32.const 1) (i32.const 8192) (i32.const 8)) (br $again))";
    let bench = || {
        let app = Guest::default().main(counts).module();
        Bench::new(&app).limits(|limits| limits.fuel = fuel)
    };
    let (one, other) = (bench().run().unwrap(), bench().run().unwrap());
    assert_eq!(one.verdict, Err(Failure::OutOfFuel { limit: fuel }));
    assert_eq!(one.fuel_used, Some(fuel));
    assert!(one.stdout.bytes.len() > 8 * 10_000);
    assert_eq!(one, other);
}

#[test]
fn each_round_burns_the_same_fuel_whatever_it_asks_of_the_engine() {
    // Rounds without a call of the host: what grows and fills memory is code of the engine.
    let used = |rounds: u32| {
        let guest = Guest::default().main(format!(
            "(loop $again
               (drop (memory.grow (i32.const 0)))
               (memory.fill (i32.const 8192) (i32.const 1) (i32.and (local.get $a) (i32.const 127)))
               (local.set $b (i32.const 100))
               (loop $more (br_if $more (local.tee $b (i32.sub (local.get $b) (i32.const 1)))))
               (br_if $again (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const {rounds}))))"
        ));
        [guest.module(), guest.component()].map(|app| {
            let outcome = Bench::new(&app).run().unwrap();
            outcome.fuel_used.unwrap()
        })
    };
    let (one, two, three) = (used(12_800), used(25_600), used(38_400));
    for kind in [0, 1] {
        assert!(one[kind] > 5_000_000);
        assert_eq!(two[kind] - one[kind], three[kind] - two[kind]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nobody_waits_for_stops() {
    let mut guest = Guest::default();
    let path = guest.text("tmp/large");
    // Too large for memory: it lies in the scratch folder, which shows that the run goes on.
    let guest = guest.main(format!(
        "(drop (call $set_size (call $create {path}) (i64.const 100000))) {ENDLESS}"
    ));
    let bench = Bench::new(&guest.module());
    let limits = Limits {
        fuel: u64::MAX,
        wall_time: Duration::from_secs(3600),
        ..limits()
    };
    let busy = || std::fs::read_dir(bench.folder.path()).unwrap().count() > 3;
    let mut run = RUNTIME.run(&bench.job, &limits);
    while !busy() {
        tokio::select! {
            biased;
            _ = &mut run => panic!("an endless loop ended"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(run);
    // It ends, and takes the scratch folder with it.
    while busy() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn memory_is_refused_beyond_the_limit() {
    // 4 GiB at once answers -1, and the app may go on.
    let at_once = "(call $expect (memory.grow (i32.const 65500)) (i32.const -1))";
    succeeds(&Guest::default().main(at_once).done());
    // So does page by page, and a limit of 64 MiB gives 1024 pages. (Of a component the adapter needs memory as well.)
    let page_by_page = Guest::default()
        .main(
            "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
             (call $expect (memory.size) (i32.const 1024))",
        )
        .done();
    let outcome = Bench::new(&page_by_page.module()).run().unwrap();
    assert!(outcome.verdict.is_ok(), "{outcome:?}");
    let abort = Guest::default()
        .main("(if (i32.eq (memory.grow (i32.const 65500)) (i32.const -1)) (then unreachable))");
    fails(
        &abort,
        &Failure::OutOfMemory {
            limit: limits().memory_bytes,
        },
    );
    let from_the_start =
        wat::parse_str(r#"(module (memory (export "memory") 65536) (func (export "_start")))"#)
            .unwrap();
    assert_eq!(
        Bench::new(&from_the_start).run().unwrap().verdict,
        Err(Failure::OutOfMemory {
            limit: limits().memory_bytes
        })
    );
}

#[test]
fn tables_are_bounded_like_memory() {
    let bomb = Guest::default()
        .functions("(table $t 1 funcref)")
        .main("(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 999)) (i32.const -1)))) unreachable");
    fails(
        &bomb,
        &Failure::OutOfMemory {
            limit: limits().memory_bytes,
        },
    );
    let from_the_start =
        wat::parse_str(r#"(module (table 4000000000 funcref) (func (export "_start")))"#).unwrap();
    let verdict = Bench::new(&from_the_start).run().unwrap().verdict;
    assert_eq!(
        verdict,
        Err(Failure::OutOfMemory {
            limit: limits().memory_bytes
        })
    );
}

#[test]
fn a_component_of_many_instances_is_refused() {
    let instances = "(core instance (instantiate $m))".repeat(200);
    let text = format!(
        r#"(component (core module $m) {instances}
           (core module $r (func (export "run") (result i32) i32.const 0)) (core instance $i (instantiate $r))
           (func $run (result (result)) (canon lift (core func $i "run")))
           (instance $e (export "run" (func $run))) (export "wasi:cli/run@0.2.0" (instance $e)))"#
    );
    let outcome = Bench::new(&wat::parse_str(text).unwrap()).run().unwrap();
    assert_eq!(
        outcome.verdict,
        Err(Failure::OutOfMemory {
            limit: limits().memory_bytes
        }),
        "{outcome:?}"
    );
}

#[test]
fn deep_recursion_ends_at_the_stack() {
    let guest = Guest::default()
        .functions("(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))")
        .main("(drop (call $deep (i32.const 1)))");
    fails(&guest, &Failure::StackOverflow);
}

#[test]
fn a_million_files_are_too_many() {
    let mut guest = Guest::default();
    let path = guest.text("iexec_out/aaaaa");
    let letters = path.address() + "iexec_out/".len();
    // The name spells the count, five letters of sixteen.
    let spell: String = (0..5)
        .map(|place| {
            format!(
                "(i32.store8 (i32.const {}) (i32.add (i32.const 97)
                   (i32.and (i32.shr_u (local.get $a) (i32.const {})) (i32.const 15))))",
                letters + place,
                4 * place
            )
        })
        .collect();
    let guest = guest.main(format!(
        "(loop $again
           {spell}
           (drop (call $close (call $create {path})))
           (br_if $again (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const 1000000))))"
    ));
    fails(
        &guest,
        &Failure::TooManyFiles {
            limit: limits().files,
        },
    );
}

#[test]
fn folders_count_as_files_and_descriptors_are_bounded() {
    let mut guest = Guest::default();
    let path = guest.text("iexec_out/x");
    // Opens the same file until it is told that there are too many descriptors.
    let guest = guest.main(format!(
        "(drop (call $create {path}))
         (loop $again
           (local.set $a (i32.add (local.get $a) (i32.const 1)))
           (br_if $again (i32.eqz (call $try_open (i32.const 3) {path} (i32.const 0) (i64.const 2)))))
         (if (i32.gt_u (local.get $a) (i32.const 300)) (then unreachable))
         (drop (call $close (i32.const 5)))"
    ));
    let outcome = Bench::new(&guest.done().module()).run().unwrap();
    assert!(outcome.verdict.is_ok(), "{outcome:?}");
}

#[test]
fn a_giant_file_ends_the_run_before_it_fills_the_disk() {
    let mut guest = Guest::default();
    let path = guest.text("iexec_out/giant");
    let limit = limits().output_bytes;
    let at_once = Guest::default();
    let write = guest.main(format!(
        "(local.set $a (call $create {path})) (loop $again (call $write (local.get $a) (i32.const 0) (i32.const 262144)) (br $again))"
    ));
    fails(&write, &Failure::OutputTooLarge { limit });
    let mut sparse = at_once;
    let path = sparse.text("tmp/giant");
    let sparse = sparse.main(format!(
        "(drop (call $set_size (call $create {path}) (i64.const 1099511627776)))"
    ));
    fails(&sparse, &Failure::OutputTooLarge { limit });
}

#[test]
fn what_is_removed_no_longer_counts() {
    let mut guest = Guest::default();
    let path = guest.text("tmp/x");
    let guest = guest.main(format!(
        "(loop $again
           (local.set $b (call $create {path}))
           (call $expect (call $set_size (local.get $b) (i64.const 10000000)) (i32.const 0))
           (call $expect (call $unlink (i32.const 3) {path}) (i32.const 0))
           (call $expect (call $close (local.get $b)) (i32.const 0))
           (br_if $again (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const 500))))"
    ));
    succeeds(&guest.done());
}

#[test]
fn a_giant_log_is_cut() {
    let guest = Guest::default()
        .main("(loop $again (call $write (i32.const 1) (i32.const 0) (i32.const 65536))
                 (br_if $again (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const 100))))")
        .done();
    for app in [guest.module(), guest.component()] {
        let bench = Bench::new(&app).limits(|limits| limits.log_bytes = 70_000);
        let outcome = bench.run().unwrap();
        assert!(
            outcome.verdict.is_ok() && outcome.stdout.truncated,
            "{:?}",
            outcome.verdict
        );
        assert_eq!(outcome.stdout.bytes.len(), 70_000);
        assert_eq!(bench.output("stdout.txt"), outcome.stdout.bytes);
    }
}

#[test]
fn folders_go_only_so_deep_and_names_only_so_far() {
    // Makes "a" in "a" in "a"…, each by the descriptor of the one above, until the name is refused.
    let mut guest = Guest::default();
    let (out, name) = (guest.text("iexec_out"), guest.text("a"));
    let guest = guest.main(format!(
        "(call $expect (call $try_open (i32.const 3) {out} (i32.const 2) (i64.const 2)) (i32.const 0))
         (local.set $a (i32.load (i32.const 112)))
         (loop $again
           (local.set $b (call $mkdir (local.get $a) {name}))
           (if (i32.eqz (local.get $b)) (then
             (call $expect (call $try_open (local.get $a) {name} (i32.const 2) (i64.const 2)) (i32.const 0))
             (local.set $a (i32.load (i32.const 112)))
             (local.set $c (i32.add (local.get $c) (i32.const 1)))
             (br $again))))
         (call $expect (local.get $b) (i32.const 37))
         (call $expect (local.get $c) (i32.const {}))",
        limits().path_depth
    ));
    succeeds(&guest.done());
    for (name, errno) in [
        ("x".repeat(256), 37),
        ("line\nfeed".to_owned(), 25),
        ("back\\slash".to_owned(), 25),
    ] {
        let mut guest = Guest::default();
        let path = guest.text(&format!("iexec_out/{name}"));
        let guest = guest.main(format!(
            "(call $expect (call $try_open (i32.const 3) {path} (i32.const 1) (i64.const 64)) (i32.const {errno}))"
        ));
        succeeds(&guest.done());
    }
}
