use std::collections::BTreeMap;

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
        (*count, *sum, *min, *max) = (*count + 1, *sum + value, value.min(*min), value.max(*max));
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
    run(&csv(b"a,b\nx,inf\nx,nan\nx,0x10\nx,1e999\nx,\x001\n"));
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
