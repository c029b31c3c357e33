use canut_sandbox::Bag;

use super::*;

struct Share {
    samples: f64,
    sum: f64,
    squares: f64,
}

fn share(arguments: &str, index: u64, size: u64) -> (Share, Outcome) {
    let mut bench = bench("option-pricer", arguments);
    bench.job.bag = Bag {
        size,
        first: 3,
        index: 3 + index,
    };
    let outcome = run(&bench);
    let json: serde_json::Value = serde_json::from_slice(&bench.output("price.json")).unwrap();
    let number = |key: &str| json[key].as_f64().unwrap();
    (
        Share {
            samples: number("samples"),
            sum: number("sum"),
            squares: number("sum_of_squares"),
        },
        outcome,
    )
}

/// Price and standard error of a bag of tasks.
fn price(arguments: &str, size: u64) -> (f64, f64) {
    let mut pool = Share {
        samples: 0.0,
        sum: 0.0,
        squares: 0.0,
    };
    for index in 0..size {
        let (share, _) = share(arguments, index, size);
        pool.samples += share.samples;
        pool.sum += share.sum;
        pool.squares += share.squares;
    }
    let mean = pool.sum / pool.samples;
    (
        mean,
        ((pool.squares / pool.samples - mean * mean) / pool.samples).sqrt(),
    )
}

/// The normal distribution, integrated by Simpson's rule.
fn normal(x: f64) -> f64 {
    let (steps, density) = (2000, |t: f64| {
        (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    });
    let h = x / f64::from(steps);
    let weight = |i| {
        if i == 0 || i == steps {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    0.5 + h / 3.0
        * (0..=steps)
            .map(|i| weight(i) * density(f64::from(i) * h))
            .sum::<f64>()
}

/// The call and the put by the formula of Black and Scholes (1973).
fn black_scholes(spot: f64, strike: f64, rate: f64, volatility: f64, years: f64) -> (f64, f64) {
    let spread = volatility * years.sqrt();
    let d1 = ((spot / strike).ln() + (rate + volatility * volatility / 2.0) * years) / spread;
    let discounted = strike * (-rate * years).exp();
    let call = spot * normal(d1) - discounted * normal(d1 - spread);
    (call, call - spot + discounted)
}

#[test]
fn a_bag_agrees_with_black_and_scholes() {
    let (call, put) = black_scholes(100.0, 110.0, 0.03, 0.25, 2.0);
    let market = "--spot 100 --strike 110 --rate 0.03 --volatility 0.25 --years 2 --paths 200001";
    for (kind, expected) in [("call", call), ("put", put)] {
        let (found, error) = price(&format!("--kind {kind} {market}"), 4);
        assert!(error > 0.0 && error < 0.1, "{error}");
        assert!(
            (found - expected).abs() < 4.0 * error,
            "{kind}: {found} ± {error}, expected {expected}"
        );
    }
}

#[test]
fn the_tasks_of_a_bag_share_the_paths_and_not_the_luck() {
    let shares: Vec<_> = (0..3)
        .map(|index| share("--paths 1001", index, 3))
        .collect();
    assert_eq!(
        shares.iter().map(|(share, _)| share.samples).sum::<f64>(),
        501.0
    );
    assert_ne!(shares[0].1.digest, shares[1].1.digest);
    assert_eq!(share("--paths 1001", 0, 3).1, shares[0].1);
}

#[test]
fn known_limits_hold() {
    // Without volatility the price is certain.
    let (certain, error) = price("--volatility 0 --rate 0.05 --paths 10", 1);
    assert!((certain - (100.0 - 100.0 * (-0.05_f64).exp())).abs() < 1e-9 && error < 1e-6);
    // The mean of the price moves less than the price.
    let (asian, _) = price("--kind asian-call --dates 12 --paths 20000", 1);
    let (european, _) = price("--kind call --dates 12 --paths 20000", 1);
    assert!(asian > 4.0 && asian < european, "{asian} {european}");
}

#[test]
fn it_says_what_it_does_not_understand() {
    for (arguments, about) in [
        ("--kind swap", "asian-put"),
        ("--paths 0", "out of its range"),
        ("--spot nan", "out of its range"),
        ("--x 1", "no option --x"),
        ("--spot", "needs a value"),
    ] {
        complains(&bench("option-pricer", arguments), about);
    }
}
