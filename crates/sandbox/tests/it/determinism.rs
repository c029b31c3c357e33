use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use canut_sandbox::{Outcome, Runtime};

use crate::guest::{Bench, Guest, RUNTIME};

/// A guest that writes down all it can find out: random numbers, clocks, the listing of its inputs, their inodes and times,
/// and NaNs of several makings.
fn nosy() -> Guest {
    let mut guest = Guest::default();
    let (diary, folder, input) = (
        guest.text("iexec_out/diary"),
        guest.text("iexec_in"),
        guest.text("iexec_in/b"),
    );
    guest
        .main(format!(
            "(drop (call $random_get (i32.const 8192) (i32.const 64)))
             (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 8256)))
             (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8264)))
             (drop (call $stat (i32.const 3) (i32.const 0) {input} (i32.const 8272)))
             (f32.store (i32.const 8400) (f32.div (f32.const 0) (f32.convert_i32_s (local.get $a))))
             (f32.store (i32.const 8404) (f32.sqrt (f32.const -1)))
             (f64.store (i32.const 8408) (f64.sub (f64.const inf) (f64.const inf)))
             (call $expect (call $try_open (i32.const 3) {folder} (i32.const 2) (i64.const 2)) (i32.const 0))
             (drop (call $fd_readdir (i32.load (i32.const 112)) (i32.const 8448) (i32.const 4000) (i64.const 0) (i32.const 8440)))
             (call $write (call $create {diary}) (i32.const 8192) (i32.const 4352))"
        ))
        .done()
}

/// A machine whose files were made in another order, at another time.
fn machine(app: &[u8], order: [&str; 3], age: u64) -> Bench {
    let bench = Bench::new(app);
    for name in order {
        let path = bench.job.input.join(name);
        fs::write(&path, name.repeat(3)).unwrap();
        let then = SystemTime::now() - Duration::from_secs(age);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
    bench
}

#[test]
fn an_app_cannot_tell_two_machines_apart() {
    for app in [nosy().module(), nosy().component()] {
        let one = machine(&app, ["a", "b", "c"], 0);
        let two = machine(&app, ["c", "b", "a"], 86_400);
        let (first, second) = (one.run().unwrap(), two.run().unwrap());
        assert!(first.verdict.is_ok(), "{first:?}");
        assert_eq!(one.output("diary"), two.output("diary"));
        assert_eq!(first, second);
        let diary = one.output("diary");
        assert_ne!(diary[..64], [0; 64]);
        for nan in [208, 212] {
            assert_eq!(
                u32::from_le_bytes(diary[nan..nan + 4].try_into().unwrap()) << 1 >> 1,
                0x7fc0_0000,
                "one canonical NaN"
            );
        }
    }
}

#[test]
fn another_task_has_other_random_numbers() {
    let app = nosy().module();
    let one = machine(&app, ["a", "b", "c"], 0);
    let mut two = machine(&app, ["a", "b", "c"], 0);
    two.job.task.0.0[31] ^= 1;
    assert_ne!(one.run().unwrap().digest, two.run().unwrap().digest);
    assert_ne!(one.output("diary")[..64], two.output("diary")[..64]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_runs_at_once_agree() {
    let app = nosy().module();
    let benches: Vec<_> = (0..16)
        .map(|age| machine(&app, ["a", "b", "c"], age))
        .collect();
    let mut runs = Vec::new();
    for bench in &benches {
        runs.push((bench.job.clone(), bench.limits.clone()));
    }
    let tasks: Vec<_> = runs
        .into_iter()
        .map(|(job, limits)| tokio::spawn(async move { RUNTIME.run(&job, &limits).await.unwrap() }))
        .collect();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    assert!(outcomes[0].verdict.is_ok());
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}

#[test]
fn listings_are_sorted_whatever_the_host_says() {
    let mut guest = Guest::default();
    let (folder, list) = (guest.text("iexec_in"), guest.text("iexec_out/list"));
    let guest = guest
        .main(format!(
            "(call $expect (call $try_open (i32.const 3) {folder} (i32.const 2) (i64.const 2)) (i32.const 0))
             (drop (call $fd_readdir (i32.load (i32.const 112)) (i32.const 8192) (i32.const 4000) (i64.const 0) (i32.const 120)))
             (call $write (call $create {list}) (i32.const 8192) (i32.load (i32.const 120)))"
        ))
        .done();
    let bench = machine(&guest.module(), ["z", "a", "m"], 0);
    assert!(bench.run().unwrap().verdict.is_ok());
    let list = bench.output("list");
    let mut names = Vec::new();
    let mut rest = list.as_slice();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
        names.push(String::from_utf8(rest[24..24 + length].to_vec()).unwrap());
        rest = &rest[24 + length..];
    }
    assert_eq!(names, [".", "..", "a", "m", "z"]);
}
