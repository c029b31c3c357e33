//! The apps of the house, on real inputs, against what is known by other means.

use std::{collections::BTreeMap, fs, path::PathBuf};

use canut_sandbox::{Bag, Failure, Outcome};

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

mod csv_stats {
    use super::*;

    fn stats(csv: impl AsRef<[u8]>, arguments: &str) -> String {
        let bench = bench("csv-stats", arguments).input("sales.csv", csv);
        run(&bench);
        String::from_utf8(bench.output("stats.csv")).unwrap()
    }

    #[test]
    fn it_adds_up_what_people_put_in_spreadsheets() {
        let csv = "\u{feff}town,\"units, sold\",note\r\nLyon,2,\"said \"\"yes\"\"\"\r\nParis, 10 ,\r\n\r\nLyon,-0.5,\"two\nlines\"\r\n\"Lyon\",,x\r\nParis,n/a,\r\nshort\r\n";
        assert_eq!(
            stats(csv, "--group town --value 'units, sold'"),
            "town,count,sum,mean,min,max,skipped\nLyon,2,1.5,0.75,-0.5,2,1\nParis,1,10,10,10,10,1\n"
        );
    }

    #[test]
    fn it_agrees_with_sums_made_elsewhere() {
        let (mut state, mut csv, mut expected) = (
            1_u64,
            "key;value\n".to_owned(),
            BTreeMap::<String, (u64, i64, i64, i64)>::new(),
        );
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let (key, value) = (format!("k{}", state >> 60), (state >> 20) as i32 as i64);
            csv += &format!("{key};{value}\n");
            let (count, sum, min, max) = expected.entry(key).or_insert((0, 0, i64::MAX, i64::MIN));
            (*count, *sum, *min, *max) =
                (*count + 1, *sum + value, value.min(*min), value.max(*max));
        }
        let found = stats(&csv, "--group 1 --value 2 --delimiter ;");
        let mut lines = found.lines().skip(1);
        for (key, (count, sum, min, max)) in &expected {
            let mut cells = lines.next().unwrap().split(',');
            assert_eq!(cells.next(), Some(key.as_str()));
            let numbers: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
            let (count, sum) = (*count as f64, *sum as f64);
            assert_eq!(
                numbers,
                [count, sum, sum / count, *min as f64, *max as f64, 0.0]
            );
        }
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_large_number_does_not_swallow_small_ones() {
        let found = stats("k,v\na,1\na,1e100\na,1\na,-1e100\n", "--group k --value v");
        assert!(found.contains("a,4,2,0.5,"), "{found}");
    }

    #[test]
    fn it_survives_hostile_files() {
        let csv = |bytes: &[u8]| bench("csv-stats", "--group a --value b").input("x", bytes);
        run(&csv(b"a,b\n\"never closed,1\n"));
        run(&csv(b"a,b\nx,inf\nx,nan\nx,0x10\nx,1e999\nx,\0001\n"));
        run(&csv(&[b"a,b\n".as_slice(), &[0xff; 5000]].concat()));
        complains(&csv(b""), "empty");
        complains(&csv(b"x,y\n1,2\n"), "no column 'a'; the file has: x, y");
        complains(
            &csv(&[b"a,b\n".as_slice(), &b",".repeat(20_000)].concat()),
            "more than 10000 columns",
        );
        complains(
            &csv(&[b"a,b\n\"".as_slice(), &vec![b'x'; 2 << 20]].concat()),
            "is a quote left open?",
        );
        complains(&bench("csv-stats", "--group a"), "--value COLUMN");
    }
}

mod option_pricer {
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
        let market =
            "--spot 100 --strike 110 --rate 0.03 --volatility 0.25 --years 2 --paths 200001";
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
}

mod renderer {
    use super::*;

    struct Image {
        width: usize,
        height: usize,
        pixels: Vec<u8>,
    }

    impl Image {
        fn at(&self, x: usize, y: usize) -> [u8; 3] {
            let at = 3 * (y * self.width + x);
            [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
        }

        /// Whether a pixel shows the pot, which is of an orange that the blue silk is not.
        fn pot(&self, x: usize, y: usize) -> bool {
            let [red, _, blue] = self.at(x, y);
            i32::from(red) > i32::from(blue) + 20
        }
    }

    fn render(arguments: &str, index: u64, size: u64) -> Image {
        let mut bench = bench("renderer", arguments).input(
            "teapot.obj",
            fs::read(apps().join("renderer/teapot.obj")).unwrap(),
        );
        bench.job.bag = Bag {
            size,
            first: 0,
            index,
        };
        run(&bench);
        let file = bench.output(format!("tile-{index:03}.png"));
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        Image {
            width: info.width as usize,
            height: info.height as usize,
            pixels,
        }
    }

    #[test]
    fn it_renders_a_teapot() {
        let image = render(
            "--width 120 --height 90 --columns 1 --rows 1 --samples 4",
            0,
            1,
        );
        assert_eq!((image.width, image.height), (120, 90));
        let pot: Vec<_> = (0..90)
            .flat_map(|y| (0..120).map(move |x| (x, y)))
            .filter(|&(x, y)| image.pot(x, y))
            .collect();
        let share = pot.len() as f64 / (120.0 * 90.0);
        assert!(
            (0.18..0.32).contains(&share),
            "the pot fills {share} of the picture"
        );
        let (left, right) = (
            pot.iter().map(|p| p.0).min().unwrap(),
            pot.iter().map(|p| p.0).max().unwrap(),
        );
        let (top, bottom) = (
            pot.iter().map(|p| p.1).min().unwrap(),
            pot.iter().map(|p| p.1).max().unwrap(),
        );
        assert!(
            (15..25).contains(&left) && (98..110).contains(&right),
            "from the handle to the spout: {left}..{right}"
        );
        assert!(
            (15..26).contains(&top) && (62..76).contains(&bottom),
            "from the knob to the foot: {top}..{bottom}"
        );
        // One sees through the handle.
        assert!(image.pot(20, 36) && !image.pot(26, 38) && image.pot(50, 45));
        for corner in [(0, 0), (119, 0), (0, 89), (119, 89)] {
            let [red, _, blue] = image.at(corner.0, corner.1);
            assert!(blue > red, "silk is blue in the corner {corner:?}");
        }
        // Its shadow falls to the right, away from the lamp.
        let light = |x: usize, y: usize| {
            image
                .at(x, y)
                .iter()
                .map(|channel| u32::from(*channel))
                .sum::<u32>()
        };
        let around = |x: usize, y: usize| (0..25).map(|i| light(x + i % 5, y + i / 5)).sum::<u32>();
        assert!(around(88, 63) < around(8, 63));
    }

    #[test]
    fn tiles_make_the_picture() {
        let whole = render(
            "--width 50 --height 34 --columns 1 --rows 1 --samples 1",
            0,
            1,
        );
        for tile in 0..6 {
            let part = render(
                "--width 50 --height 34 --columns 3 --rows 2 --samples 1",
                tile,
                6,
            );
            let (column, row) = (tile as usize % 3, tile as usize / 3);
            let (left, top) = (50 * column / 3, 34 * row / 2);
            assert_eq!(
                (part.width, part.height),
                (50 * (column + 1) / 3 - left, 17)
            );
            for y in 0..part.height {
                for x in 0..part.width {
                    assert_eq!(
                        part.at(x, y),
                        whole.at(left + x, top + y),
                        "tile {tile}, pixel {x} {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn it_says_what_it_does_not_understand() {
        let model = |text: &str| {
            bench("renderer", "--width 8 --height 8 --samples 1").input("model.obj", text)
        };
        run(&model(
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0 # a square\nvt 1 1\nf 1/1 2/1 4/1 3/1\nf -4 -3 -2\n",
        ));
        complains(&model(""), "no triangles");
        complains(&model("v 0 0 0\nf 1 2 3\n"), "a vertex that is not there");
        complains(&model("v 0 0 nan\n"), "not three numbers");
        complains(&model("v 0 0 0\nf 1 1 -9\n"), "a vertex that is not there");
        complains(&bench("renderer", ""), "give a model");
        complains(
            &bench("renderer", "--width 0"),
            "--width must be a number from 1 to 16384, not '0'",
        );
        complains(
            &bench("renderer", "--tile 16"),
            "tile 16 is not in a picture of 16 tiles",
        );
    }
}
