use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
};

use canut_sandbox::WasmRuntime;

use crate::guest::{Bench, Guest};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[test]
fn compiled_code_outlives_the_worker() {
    let cache = tempfile::tempdir().unwrap();
    let bench = || Bench::new(&Guest::default().done().module());
    let runtime = || WasmRuntime::new(Some(cache.path().to_owned())).unwrap();
    let first = bench().run_in(&runtime()).unwrap();
    assert!(first.verdict.is_ok());
    let compiled = files(cache.path());
    assert!(!compiled.is_empty());

    assert_eq!(bench().run_in(&runtime()).unwrap(), first);

    // A file that was cut short is compiled anew, and mended.
    for path in &compiled {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    assert_eq!(bench().run_in(&runtime()).unwrap(), first);
}

#[test]
fn workers_may_share_a_cache_and_an_app() {
    let cache = tempfile::tempdir().unwrap();
    let app = Guest::default().done().module();
    let runtimes: Vec<_> = (0..2)
        .map(|_| WasmRuntime::new(Some(cache.path().to_owned())).unwrap())
        .collect();
    thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|index| {
                scope.spawn({
                    let (app, runtime) = (&app, &runtimes[index % 2]);
                    move || Bench::new(app).run_in(runtime)
                })
            })
            .collect();
        for run in runs {
            assert!(run.join().unwrap().unwrap().verdict.is_ok());
        }
    });
}
