//! What people ask of a book.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    ask::Question,
    orders::{APP_PRICE, POOL_PRICE, RUNS, category, popular, trust},
    world::{Wallet, World},
};

/// Questions that cost the market nothing.
pub(super) fn nothing(count: usize) -> Vec<Question> {
    let version = || Question {
        sort: "the version",
        path: "/version".to_owned(),
        body: None,
    };
    std::iter::repeat_with(version).take(count).collect()
}

/// Pages of the book, filtered in every way the SDK and people do.
pub(super) fn pages(world: &World, count: usize) -> Vec<Question> {
    let mut rng = Rng::with_seed(1);
    (0..count)
        .map(|number| page(world, number, &mut rng))
        .collect()
}

fn page(world: &World, number: usize, rng: &mut Rng) -> Question {
    let (category, trust) = (category(rng), trust(rng));
    let one = |rng: &mut Rng, of: fn(&Wallet) -> alloy::primitives::Address| {
        popular(&world.wallets, rng).map_or_else(String::new, |wallet| of(wallet).to_string())
    };
    let (app, requester) = (one(rng, |w| w.app), one(rng, |w| w.address));
    let (dataset, workerpool) = (one(rng, |w| w.dataset), one(rng, |w| w.workerpool));
    let volume = rng.u64(1..=RUNS);
    let place = rng.u64(0..100);
    let (sort, path) = match number % 12 {
        0 => (
            "workerpools of a category",
            format!("/workerpoolorders?category={category}"),
        ),
        1 => (
            "workerpools that an app may use",
            format!(
                "/workerpoolorders?category={category}&app={app}&requester={requester}&minTrust={trust}"
            ),
        ),
        2 => (
            "workerpools by tag and volume",
            format!("/workerpoolorders?category={category}&minTag=tee,tdx&minVolume={volume}"),
        ),
        3 => (
            "workerpools for one requester only",
            format!("/workerpoolorders?requester={requester}&isRequesterStrict=true&app=any"),
        ),
        4 => (
            "workerpools that nobody offers",
            "/workerpoolorders?category=0&minTag=tee,gramine&app=any&requester=any".to_owned(),
        ),
        5 => (
            "all workerpools, somewhere in the middle",
            format!(
                "/workerpoolorders?app=any&dataset=any&requester=any&pageSize=100&pageIndex={place}"
            ),
        ),
        6 => (
            "orders of an app",
            format!("/apporders?app={app}&requester=any"),
        ),
        7 => (
            "orders of a dataset",
            format!("/datasetorders?dataset={dataset}&app={app}&maxTag=gpu"),
        ),
        8 => (
            "all datasets that an app may use",
            format!("/datasetorders?dataset=any&app={app}"),
        ),
        9 => (
            "requests of a category",
            format!("/requestorders?category={category}&maxTrust={trust}&maxTag=gpu"),
        ),
        10 => ("requests of an app", format!("/requestorders?app={app}")),
        _ => (
            "orders of a workerpool",
            format!("/workerpoolorders?workerpool={workerpool}&app=any&requester=any"),
        ),
    };
    Question {
        sort,
        path,
        body: None,
    }
}

/// Requests that the book can fill: one run, some, and more than any order has.
pub(super) fn matches(world: &World, count: usize) -> Vec<Question> {
    let mut rng = Rng::with_seed(2);
    let one = |number: usize| {
        let (sort, volume) = match number % 4 {
            0 => ("one run", 1),
            1 => ("some runs", rng.u64(2..=RUNS)),
            2 => ("a bag of many orders", rng.u64(RUNS..=RUNS * 20)),
            _ => ("with a dataset", rng.u64(1..=RUNS)),
        };
        let mut wanted = wanted(world, &mut rng);
        wanted["volume"] = json!(volume);
        if number % 4 == 3 {
            let dataset = popular(&world.wallets, &mut rng);
            wanted["dataset"] = json!(dataset.map(|wallet| wallet.dataset));
        }
        asked(sort, &wanted)
    };
    (0..count).map(one).collect()
}

/// Requests that nothing fills.
pub(super) fn unfillable(world: &World, count: usize) -> Vec<Question> {
    let mut rng = Rng::with_seed(3);
    let one = |number: usize| {
        let mut wanted = wanted(world, &mut rng);
        wanted["category"] = json!(0);
        let sort = match number % 4 {
            0 => {
                wanted["workerpoolmaxprice"] = json!(0);
                "for nothing"
            }
            1 => {
                wanted["tag"] = json!("tee,gramine");
                "a tag that nobody offers"
            }
            2 => {
                wanted["trust"] = json!(1_000);
                "a trust that nobody offers"
            }
            _ => {
                wanted["trust"] = json!(50);
                wanted["tag"] = json!("tee,tdx,gpu");
                wanted["explain"] = json!(0);
                "tags that nobody offers together, and no reasons"
            }
        };
        asked(sort, &wanted)
    };
    (0..count).map(one).collect()
}

fn wanted(world: &World, rng: &mut Rng) -> Value {
    json!({
        "app": popular(&world.wallets, rng).map(|wallet| wallet.app),
        "requester": popular(&world.wallets, rng).map(|wallet| wallet.address),
        "category": category(rng),
        "trust": super::orders::trust(rng),
        "appmaxprice": APP_PRICE,
        "workerpoolmaxprice": POOL_PRICE,
    })
}

fn asked(sort: &'static str, wanted: &Value) -> Question {
    Question {
        sort,
        path: "/match".to_owned(),
        body: Some(wanted.to_string().into()),
    }
}
