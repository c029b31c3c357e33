use std::collections::HashMap;

use alloy_primitives::B256;
use canut_protocol::{
    Tag, Trust,
    matching::{MatchRefusal, Orders},
};
use proptest::prelude::*;

use super::*;

const APP: Address = Address::repeat_byte(0x10);
const DATASET: Address = Address::repeat_byte(0x20);
const POOLS: [Address; 3] = [
    Address::repeat_byte(0x31),
    Address::repeat_byte(0x32),
    Address::repeat_byte(0x33),
];

#[derive(Clone, Debug, Default)]
struct Market {
    apps: Vec<AppOrder>,
    datasets: Vec<DatasetOrder>,
    pools: Vec<WorkerpoolOrder>,
    stake: u64,
}

fn offers<O>(
    orders: &[O],
    kind: u8,
    volume: impl Fn(&O) -> U256,
    price: impl Fn(&O) -> Nrlc,
) -> Vec<Offer<'_, O>> {
    let offer = |(index, order): (usize, &'_ O)| {
        let mut hash = B256::repeat_byte(kind);
        hash.0[31] = u8::try_from(index).unwrap();
        (OrderHash(hash), volume(order).to::<u64>())
    };
    let mut offers: Vec<_> = orders
        .iter()
        .enumerate()
        .map(|(index, order)| {
            let (hash, remaining) = offer((index, order));
            Offer {
                hash,
                order,
                remaining,
                signer: Address::repeat_byte(1),
            }
        })
        .collect();
    offers.sort_by_key(|offer| (price(offer.order), offer.hash));
    offers
}

/// Skips all it may.
struct Shelf<'a>(std::vec::IntoIter<Offer<'a, WorkerpoolOrder>>);

impl<'a> Workerpools<'a> for Shelf<'a> {
    fn next(&mut self) -> Option<Offer<'a, WorkerpoolOrder>> {
        self.0.next()
    }

    fn next_of(
        &mut self,
        ceiling: Nrlc,
        serves: &mut dyn FnMut(&WorkerpoolOrder) -> bool,
    ) -> Option<Offer<'a, WorkerpoolOrder>> {
        self.0.find(|offer| {
            let terms = WorkerpoolOrder {
                workerpool: Address::ZERO,
                workerpoolprice: Nrlc::ZERO,
                volume: U256::ZERO,
                ..offer.order.clone()
            };
            offer.order.workerpoolprice <= ceiling && serves(&terms)
        })
    }
}

impl Market {
    fn plan(&self, request: &RequestOrder) -> Plan {
        self.explained(request, 100)
    }

    fn explained(&self, request: &RequestOrder, explain: usize) -> Plan {
        let snapshot = Snapshot {
            apps: offers(&self.apps, 1, |o| o.volume, |o| o.appprice).into_iter(),
            datasets: offers(&self.datasets, 2, |o| o.volume, |o| o.datasetprice).into_iter(),
            workerpools: Shelf(
                offers(&self.pools, 3, |o| o.volume, |o| o.workerpoolprice).into_iter(),
            ),
            stake: |_| Nrlc::new(self.stake),
            categories: U256::from(5),
        };
        plan(&Wanted { request, explain }, snapshot)
    }

    fn of<O>(orders: &[O], hash: OrderHash) -> &O {
        &orders[usize::from(hash.0.0[31])]
    }

    fn orders(&self, fill: &Fill, request: &RequestOrder) -> Orders {
        Orders {
            app: Self::of(&self.apps, fill.app).clone(),
            dataset: fill.dataset.map_or_else(DatasetOrder::none, |hash| {
                Self::of(&self.datasets, hash).clone()
            }),
            workerpool: Self::of(&self.pools, fill.workerpool).clone(),
            request: request.clone(),
        }
    }

    /// The most runs, then the least cost, run by run over every choice.
    fn brute_force(&self, request: &RequestOrder) -> (u64, u64) {
        let datasets = if request.dataset == Address::ZERO {
            vec![endless()]
        } else {
            self.datasets.clone()
        };
        let mut triples = Vec::new();
        for (a, app) in self.apps.iter().enumerate() {
            for (d, dataset) in datasets.iter().enumerate() {
                for (w, pool) in self.pools.iter().enumerate() {
                    let orders = Orders {
                        app: app.clone(),
                        dataset: dataset.clone(),
                        workerpool: pool.clone(),
                        request: request.clone(),
                    };
                    if orders.check(U256::from(5), |_, _| false).is_ok() {
                        let price = orders.cost(U256::ONE).unwrap().0.to::<u64>();
                        triples.push(([a, d, w], price, app.tag.is_tee(), dataset.tag.is_tee()));
                    }
                }
            }
        }
        let left = |volumes: Vec<U256>| {
            volumes
                .into_iter()
                .map(|volume| volume.to::<u64>())
                .collect::<Vec<_>>()
        };
        let volumes = [
            left(self.apps.iter().map(|o| o.volume).collect()),
            left(datasets.iter().map(|o| o.volume).collect()),
            left(self.pools.iter().map(|o| o.volume).collect()),
        ];
        let runs = request.volume.to();
        let sorts: [Vec<_>; 2] = [
            triples.iter().filter(|t| t.2).map(|t| (t.0, t.1)).collect(),
            triples
                .iter()
                .filter(|t| !t.3)
                .map(|t| (t.0, t.1))
                .collect(),
        ];
        let best = sorts
            .iter()
            .map(|triples| search(triples, volumes.clone(), runs, &mut HashMap::new()));
        best.min_by_key(|(filled, cost)| (u64::MAX - filled, *cost))
            .unwrap()
    }
}

fn endless() -> DatasetOrder {
    DatasetOrder {
        volume: U256::from(1_000),
        ..DatasetOrder::none()
    }
}

type Memo = HashMap<([Vec<u64>; 3], u64), (u64, u64)>;

fn search(
    triples: &[([usize; 3], u64)],
    left: [Vec<u64>; 3],
    runs: u64,
    memo: &mut Memo,
) -> (u64, u64) {
    if runs == 0 {
        return (0, 0);
    }
    if let Some(known) = memo.get(&(left.clone(), runs)) {
        return *known;
    }
    let mut best = (0, 0);
    for (indices, price) in triples {
        if (0..3).any(|kind| left[kind][indices[kind]] == 0) {
            continue;
        }
        let mut rest = left.clone();
        (0..3).for_each(|kind| rest[kind][indices[kind]] -= 1);
        let (filled, cost) = search(triples, rest, runs - 1, memo);
        let candidate = (filled + 1, cost + price);
        if candidate.0 > best.0 || (candidate.0 == best.0 && candidate.1 < best.1) {
            best = candidate;
        }
    }
    memo.insert((left, runs), best);
    best
}

fn app(price: u64, volume: u64) -> AppOrder {
    AppOrder {
        app: APP,
        appprice: Nrlc::new(price),
        volume: U256::from(volume),
        ..Default::default()
    }
}

fn pool(which: usize, price: u64, volume: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: POOLS[which],
        workerpoolprice: Nrlc::new(price),
        volume: U256::from(volume),
        trust: Trust::new(5),
        ..Default::default()
    }
}

fn request(volume: u64) -> RequestOrder {
    RequestOrder {
        app: APP,
        appmaxprice: Nrlc::new(100),
        workerpoolmaxprice: Nrlc::new(100),
        datasetmaxprice: Nrlc::new(100),
        volume: U256::from(volume),
        trust: Trust::new(5),
        requester: Address::repeat_byte(0x40),
        ..Default::default()
    }
}

#[test]
fn a_bag_is_split_over_the_cheapest_workerpools() {
    let market = Market {
        apps: vec![app(1, 100)],
        pools: vec![pool(0, 30, 10), pool(1, 10, 4), pool(2, 20, 3)],
        stake: 1_000_000,
        ..Default::default()
    };
    let plan = market.plan(&request(9));
    let taken: Vec<_> = plan
        .fills
        .iter()
        .map(|fill| (fill.workerpool.0.0[31], fill.volume))
        .collect();
    assert_eq!(taken, [(1, 4), (2, 3), (0, 2)]);
    assert_eq!(
        (plan.filled, plan.missing, plan.cost),
        (9, 0, Nrlc::new(4 * 11 + 3 * 21 + 2 * 31))
    );
}

#[test]
fn of_two_equal_prices_the_first_published_is_taken() {
    let market = Market {
        apps: vec![app(1, 9), app(1, 9)],
        pools: vec![pool(1, 10, 4), pool(0, 10, 4)],
        stake: 1_000_000,
        ..Default::default()
    };
    let plan = market.plan(&request(2));
    assert_eq!(plan.fills.len(), 1);
    assert_eq!(
        (plan.fills[0].app.0.0[31], plan.fills[0].workerpool.0.0[31]),
        (0, 0)
    );
    let unneeded = plan
        .refused
        .iter()
        .filter(|refusal| refusal.why == WhyNot::Unneeded)
        .count();
    assert_eq!(unneeded, 1, "the other app order: {:?}", plan.refused);
}

/// Breaks one rule.
type Spoil = fn(&mut WorkerpoolOrder);

#[test]
fn each_order_that_does_not_do_says_why() {
    let spoil: [(MatchRefusal, Spoil); 5] = [
        (MatchRefusal::WorkerpoolTooExpensive, |o| {
            o.workerpoolprice = Nrlc::new(101)
        }),
        (MatchRefusal::TrustTooHigh, |o| o.trust = Trust::new(4)),
        (MatchRefusal::OtherCategory, |o| o.category = U256::from(1)),
        (MatchRefusal::WorkerpoolRefusesRequester, |o| {
            o.requesterrestrict = APP
        }),
        (MatchRefusal::WorkerpoolLacksTag, |o| o.tag = Tag::NONE),
    ];
    let mut wanted = request(1);
    wanted.tag = Tag::GPU;
    for (refusal, spoil) in spoil {
        let mut bad = WorkerpoolOrder {
            tag: Tag::GPU,
            ..pool(0, 1, 1)
        };
        spoil(&mut bad);
        let market = Market {
            apps: vec![app(1, 1)],
            pools: vec![bad],
            stake: 1_000,
            ..Default::default()
        };
        let plan = market.plan(&wanted);
        assert_eq!(plan.missing, 1);
        assert_eq!(plan.refused[0].why, WhyNot::Refused(refusal));
        assert!(!plan.refused[0].why.remedy().is_empty());
    }
}

#[test]
fn an_owner_cannot_stake_the_same_money_twice() {
    // 30 % of 100 is 30 a run: 100 of stake cover three runs, over both orders.
    let market = Market {
        apps: vec![app(0, 100)],
        pools: vec![pool(0, 100, 2), pool(1, 100, 9)],
        stake: 100,
        ..Default::default()
    };
    let plan = market.plan(&request(5));
    assert_eq!((plan.filled, plan.missing), (3, 2));
    let market = Market {
        stake: 29,
        ..market
    };
    let needs = Nrlc::new(30);
    assert_eq!(
        market.plan(&request(5)).refused[0].why,
        WhyNot::Stake {
            needs,
            has: Nrlc::new(29)
        }
    );
}

#[test]
fn a_cheap_order_is_kept_for_the_workerpool_that_nobody_else_serves() {
    // Taking the cheapest application order first would leave one run unfilled.
    let market = Market {
        apps: vec![
            app(0, 1),
            AppOrder {
                workerpoolrestrict: POOLS[0],
                ..app(10, 1)
            },
        ],
        pools: vec![pool(0, 0, 1), pool(1, 1, 1)],
        stake: 1_000_000,
        ..Default::default()
    };
    let plan = market.plan(&request(2));
    assert_eq!((plan.filled, plan.cost), (2, Nrlc::new(11)));
}

#[test]
fn an_order_sold_out_is_no_offer() {
    let market = Market {
        apps: vec![app(1, 0)],
        pools: vec![pool(0, 1, 1)],
        stake: 1_000,
        ..Default::default()
    };
    assert_eq!(
        market.plan(&request(1)),
        Plan {
            missing: 1,
            ..Plan::default()
        }
    );
}

fn any_tag() -> impl Strategy<Value = Tag> {
    prop_oneof![4 => Just(Tag::NONE), 1 => Just(Tag::TEE), 1 => Just(Tag::GPU), 1 => Just(Tag::TEE | Tag::GPU)]
}

fn any_restrict() -> impl Strategy<Value = Address> {
    prop_oneof![3 => Just(Address::ZERO), 1 => Just(POOLS[0]), 1 => Just(POOLS[1])]
}

prop_compose! {
    fn any_app_order()(price in 0..6u64, volume in 0..4u64, tag in any_tag(), workerpoolrestrict in any_restrict()) -> AppOrder {
        AppOrder { tag, workerpoolrestrict, ..app(price, volume) }
    }
}

prop_compose! {
    fn any_dataset_order()(price in 0..6u64, volume in 0..4u64, tag in any_tag(), workerpoolrestrict in any_restrict()) -> DatasetOrder {
        DatasetOrder { dataset: DATASET, datasetprice: Nrlc::new(price), volume: U256::from(volume), tag, workerpoolrestrict, ..Default::default() }
    }
}

prop_compose! {
    fn any_pool_order()(which in 0..3usize, price in 0..6u64, volume in 0..4u64, tag in any_tag(), app in any::<bool>(), trust in 4..7u64) -> WorkerpoolOrder {
        let apprestrict = if app { APP } else { Address::ZERO };
        WorkerpoolOrder { tag, apprestrict, trust: Trust::new(trust), ..pool(which, price, volume) }
    }
}

prop_compose! {
    fn any_market()(
        apps in prop::collection::vec(any_app_order(), 0..4),
        datasets in prop::collection::vec(any_dataset_order(), 0..4),
        pools in prop::collection::vec(any_pool_order(), 0..4),
    ) -> Market {
        Market { apps, datasets, pools, stake: 1_000_000 }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_plan_is_the_cheapest_there_is(
        market in any_market(), volume in 1..6u64, tag in any_tag(), with_dataset: bool,
        ceilings in [3..7u64, 3..7, 3..7], workerpool in any_restrict(), explain in prop::sample::select(&[0, 1, 100][..]),
    ) {
        let mut request = request(volume);
        (request.tag, request.workerpool) = (tag, workerpool);
        request.dataset = if with_dataset { DATASET } else { Address::ZERO };
        request.appmaxprice = Nrlc::new(ceilings[0]);
        request.datasetmaxprice = Nrlc::new(ceilings[1]);
        request.workerpoolmaxprice = Nrlc::new(ceilings[2]);
        let plan = market.explained(&request, explain);
        let (filled, cost) = market.brute_force(&request);
        prop_assert_eq!((plan.filled, plan.cost), (filled, Nrlc::new(cost)));
        prop_assert_eq!(plan.missing, volume - filled);

        let mut used: HashMap<OrderHash, u64> = HashMap::new();
        for fill in &plan.fills {
            let orders = market.orders(fill, &request);
            prop_assert!(orders.check(U256::from(5), |_, _| false).is_ok());
            prop_assert_eq!(orders.cost(U256::ONE).unwrap(), fill.price);
            for hash in [Some(fill.app), fill.dataset, Some(fill.workerpool)].into_iter().flatten() {
                *used.entry(hash).or_default() += fill.volume;
            }
        }
        for (hash, runs) in used {
            let volume = match hash.0.0[0] {
                1 => Market::of(&market.apps, hash).volume,
                2 => Market::of(&market.datasets, hash).volume,
                _ => Market::of(&market.pools, hash).volume,
            };
            prop_assert!(U256::from(runs) <= volume, "order {hash} sells {volume}, the plan takes {runs}");
        }
    }
}
