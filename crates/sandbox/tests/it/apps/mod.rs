//! The apps of the house, on real inputs, against what is known by other means.

mod csv_stats;
mod option_pricer;
mod renderer;

use std::{fs, path::PathBuf};

use canut_sandbox::{Failure, Outcome};

use crate::guest::Bench;

fn app(name: &str) -> Vec<u8> {
    let path = apps().join(format!("{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run apps/build", path.display()))
}

fn apps() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "apps"]
        .iter()
        .collect()
}

fn bench(name: &str, arguments: &str) -> Bench {
    Bench::new(&app(name))
        .arguments(arguments)
        .limits(|limits| limits.fuel = 100_000_000_000)
}

/// Runs, and wants success.
fn run(bench: &Bench) -> Outcome {
    let outcome = bench.run().unwrap();
    assert!(outcome.verdict.is_ok(), "{outcome:?}");
    outcome
}

/// Runs, and wants the app to complain on its standard error.
fn complains(bench: &Bench, about: &str) {
    let outcome = bench.run().unwrap();
    assert_eq!(outcome.verdict, Err(Failure::ExitStatus(1)), "{outcome:?}");
    assert!(
        outcome.stderr.to_string().contains(about),
        "{}",
        outcome.stderr
    );
}
