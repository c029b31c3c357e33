use alloy_primitives::{B256, keccak256};
use proptest::prelude::*;

use super::*;
use crate::{Tag, Trust, ledger::Ledger, test_support::domain};

const APP: Address = Address::repeat_byte(0x10);
const DATASET: Address = Address::repeat_byte(0x20);
const POOL: Address = Address::repeat_byte(0x30);
const REQUESTER: Address = Address::repeat_byte(0x40);
const GROUP: Address = Address::repeat_byte(0x77);

fn five() -> U256 {
    U256::from(5)
}

/// Four orders that match, with every restriction set.
fn orders() -> Orders {
    Orders {
        app: AppOrder {
            app: APP,
            appprice: Nrlc::new(1_000),
            volume: U256::from(100),
            datasetrestrict: DATASET,
            workerpoolrestrict: POOL,
            requesterrestrict: REQUESTER,
            ..Default::default()
        },
        dataset: DatasetOrder {
            dataset: DATASET,
            datasetprice: Nrlc::new(1_000_000),
            volume: U256::from(50),
            apprestrict: APP,
            workerpoolrestrict: POOL,
            requesterrestrict: REQUESTER,
            ..Default::default()
        },
        workerpool: WorkerpoolOrder {
            workerpool: POOL,
            workerpoolprice: Nrlc::rlc(1),
            volume: U256::from(1_000),
            category: U256::from(4),
            trust: Trust::new(10),
            apprestrict: APP,
            datasetrestrict: DATASET,
            requesterrestrict: REQUESTER,
            ..Default::default()
        },
        request: RequestOrder {
            app: APP,
            appmaxprice: Nrlc::new(1_000),
            dataset: DATASET,
            datasetmaxprice: Nrlc::new(1_000_000),
            workerpool: POOL,
            workerpoolmaxprice: Nrlc::rlc(1),
            requester: REQUESTER,
            volume: five(),
            category: U256::from(4),
            trust: Trust::new(10),
            ..Default::default()
        },
    }
}

fn situation() -> Situation {
    Situation {
        domain: domain(),
        categories: five(),
        consumed: Consumed::default(),
        owners: Owners {
            app: Address::repeat_byte(0x11),
            dataset: Address::repeat_byte(0x21),
            workerpool: Address::repeat_byte(0x31),
        },
        policy: Policy::default(),
        payer: REQUESTER,
        now: 1_700_000_000,
    }
}

const fn nobody(_: Address, _: Address) -> bool {
    false
}

/// Breaks one rule, with an address that is nobody's.
type Spoil = fn(&mut Orders, Address);

#[test]
fn each_rule_is_refused_with_its_own_code() {
    use MatchRefusal as R;
    let other = Address::repeat_byte(0x99);
    let spoil: [(R, Spoil); 20] = [
        (R::OtherCategory, |o, _| o.request.category = U256::from(3)),
        (R::UnknownCategory, |o, _| {
            (o.request.category, o.workerpool.category) = (five(), five())
        }),
        (R::TrustTooHigh, |o, _| o.request.trust = Trust::new(11)),
        (R::AppTooExpensive, |o, _| o.app.appprice = Nrlc::new(1_001)),
        (R::DatasetTooExpensive, |o, _| {
            o.dataset.datasetprice = Nrlc::new(1_000_001)
        }),
        (R::WorkerpoolTooExpensive, |o, _| {
            o.request.workerpoolmaxprice = Nrlc::ZERO
        }),
        (R::WorkerpoolLacksTag, |o, _| o.request.tag = Tag::GPU),
        (R::AppIsNotTee, |o, _| {
            (o.request.tag, o.workerpool.tag) = (Tag::TEE, Tag::TEE)
        }),
        (R::OtherApp, |o, x| o.request.app = x),
        (R::OtherDataset, |o, x| o.request.dataset = x),
        (R::OtherWorkerpool, |o, x| o.request.workerpool = x),
        (R::AppRefusesDataset, |o, x| o.app.datasetrestrict = x),
        (R::AppRefusesWorkerpool, |o, x| o.app.workerpoolrestrict = x),
        (R::AppRefusesRequester, |o, x| o.app.requesterrestrict = x),
        (R::DatasetRefusesApp, |o, x| o.dataset.apprestrict = x),
        (R::DatasetRefusesWorkerpool, |o, x| {
            o.dataset.workerpoolrestrict = x
        }),
        (R::DatasetRefusesRequester, |o, x| {
            o.dataset.requesterrestrict = x
        }),
        (R::WorkerpoolRefusesApp, |o, x| o.workerpool.apprestrict = x),
        (R::WorkerpoolRefusesDataset, |o, x| {
            o.workerpool.datasetrestrict = x
        }),
        (R::WorkerpoolRefusesRequester, |o, x| {
            o.workerpool.requesterrestrict = x
        }),
    ];
    assert_eq!(orders().check(five(), nobody), Ok(Tag::NONE));
    for (refusal, spoil) in spoil {
        let mut orders = orders();
        spoil(&mut orders, other);
        assert_eq!(orders.check(five(), nobody), Err(refusal));
    }
}

#[test]
fn the_first_broken_rule_speaks() {
    let mut orders = orders();
    orders.workerpool.requesterrestrict = GROUP;
    orders.request.app = GROUP;
    assert_eq!(orders.check(five(), nobody), Err(MatchRefusal::OtherApp));
}

#[test]
fn a_restriction_may_name_a_group() {
    let mut orders = orders();
    orders.dataset.requesterrestrict = GROUP;
    assert_eq!(
        orders.check(five(), nobody),
        Err(MatchRefusal::DatasetRefusesRequester)
    );
    assert_eq!(
        orders.check(five(), |group, member| (group, member)
            == (GROUP, REQUESTER)),
        Ok(Tag::NONE)
    );
}

#[test]
fn a_tag_of_a_missing_dataset_counts() {
    let mut orders = orders();
    orders.dataset = DatasetOrder {
        tag: Tag::GPU | Tag::SCONE,
        ..DatasetOrder::none()
    };
    orders.request.dataset = Address::ZERO;
    orders.app.datasetrestrict = Address::ZERO;
    orders.workerpool.datasetrestrict = Address::ZERO;
    assert_eq!(
        orders.check(five(), nobody),
        Err(MatchRefusal::WorkerpoolLacksTag)
    );
    orders.workerpool.tag = Tag::GPU;
    assert_eq!(orders.check(five(), nobody), Ok(Tag::GPU));
}

#[test]
fn a_match_takes_all_that_is_left_and_locks_prices_and_stake() {
    let orders = orders();
    let mut chain = situation();
    chain.consumed = Consumed {
        dataset: U256::from(47),
        request: U256::ONE,
        ..Consumed::default()
    };
    let made = orders.deal(&chain, nobody).unwrap();

    assert_eq!((made.deal.bot_first, made.deal.bot_size), (1, 3));
    assert_eq!(made.id, DealId::of(orders.request.hash(&domain()), 1));
    assert_eq!(made.deal.worker_stake, Nrlc::new(300_000_000));
    let price = Nrlc::new(1_001_001_000);
    assert_eq!(
        made.moves,
        [
            Move::Lock {
                account: REQUESTER,
                amount: price.times(U256::from(3)).unwrap()
            },
            Move::Lock {
                account: chain.owners.workerpool,
                amount: Nrlc::new(900_000_000)
            },
        ]
    );
}

#[test]
fn without_a_dataset_its_price_is_not_paid() {
    let mut orders = orders();
    orders.dataset = DatasetOrder {
        datasetprice: Nrlc::new(9),
        ..DatasetOrder::none()
    };
    orders.request.dataset = Address::ZERO;
    orders.app.datasetrestrict = Address::ZERO;
    orders.workerpool.datasetrestrict = Address::ZERO;
    let made = orders.deal(&situation(), nobody).unwrap();
    assert_eq!(made.deal.dataset, Resource::default());
    assert_eq!(made.dataset, OrderHash::default());
    assert_eq!(made.deal.price().unwrap(), Nrlc::new(1_000_001_000));
}

#[test]
fn a_used_up_order_and_an_absurd_price_make_no_deal() {
    let mut chain = situation();
    chain.consumed.app = U256::from(100);
    assert_eq!(
        orders().deal(&chain, nobody),
        Err(MatchRefusal::NothingLeft.into())
    );

    let mut long = orders();
    long.request.params = "x".repeat(MAX_PARAMS + 1);
    let refused = long.deal(&situation(), nobody).unwrap_err();
    assert!(refused.to_string().contains("24191"), "{refused}");

    let mut orders = orders();
    for price in [U256::ONE << AMOUNT_BITS, U256::MAX] {
        orders.app.appprice = Nrlc(price);
        orders.request.appmaxprice = Nrlc(price);
        assert_eq!(orders.deal(&situation(), nobody), Err(Overflow.into()));
    }
    orders.workerpool.workerpoolprice = Nrlc(U256::MAX);
    orders.request.workerpoolmaxprice = Nrlc(U256::MAX);
    assert_eq!(orders.deal(&situation(), nobody), Err(Overflow.into()));
}

#[test]
fn the_last_task_of_a_deal_has_an_index_that_fits() {
    let mut orders = orders();
    orders.request.volume = U256::MAX;
    let mut chain = situation();
    let room = U256::ONE << INDEX_BITS;
    chain.consumed.request = room - U256::from(51);
    let made = orders.deal(&chain, nobody).unwrap();
    assert_eq!(
        made.deal.bot_first + made.deal.bot_size,
        (1 << INDEX_BITS) - 1
    );
    chain.consumed.request += U256::ONE;
    assert_eq!(orders.deal(&chain, nobody), Err(Overflow.into()));
}

#[test]
fn every_refusal_is_read_back_from_the_hubs_reason() {
    for refusal in MatchRefusal::ALL {
        assert_eq!(MatchRefusal::from_reason(&refusal.reason()), Some(*refusal));
        assert!(!refusal.remedy().is_empty());
    }
    assert_eq!(
        MatchRefusal::WorkerpoolRefusesDataset.reason(),
        "iExecV5-matchOrders-0x1a"
    );
    for other in [
        "",
        "iExecV5-matchOrders-0x08",
        "iExecV5-matchOrders-0x1",
        "iExecV5-matchOrders-0x+1",
    ] {
        assert_eq!(MatchRefusal::from_reason(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn a_volume_never_exceeds_what_is_left_of_an_order(volumes: [u64; 4], consumed: [u64; 4]) {
        let mut orders = orders();
        let [app, dataset, workerpool, request] = consumed.map(U256::from);
        (orders.app.volume, orders.dataset.volume) = (U256::from(volumes[0]), U256::from(volumes[1]));
        (orders.workerpool.volume, orders.request.volume) = (U256::from(volumes[2]), U256::from(volumes[3]));
        let volume = orders.volume(&Consumed { app, dataset, workerpool, request });
        let least = volumes.iter().zip(consumed).map(|(volume, used)| volume.saturating_sub(used)).min();
        prop_assert_eq!(volume, U256::from(least.unwrap()));
    }

    #[test]
    fn one_request_order_never_makes_two_deals_of_one_id(first: u64, second: u64) {
        let request = OrderHash(keccak256("request"));
        prop_assert_eq!(DealId::of(request, first) == DealId::of(request, second), first == second);
    }

    #[test]
    fn a_match_locks_no_more_than_there_is(funds in 0..20u64) {
        let made = orders().deal(&situation(), nobody).unwrap();
        let mut ledger = Ledger::new();
        ledger.deposit(REQUESTER, Nrlc::rlc(funds)).unwrap();
        ledger.deposit(made.deal.scheduler(), Nrlc::rlc(funds)).unwrap();
        let supply = ledger.supply().unwrap();
        let enough = funds >= 6;
        prop_assert_eq!(ledger.apply(made.moves).is_ok(), enough);
        prop_assert_eq!(ledger.supply().unwrap(), supply);
        prop_assert_eq!(ledger.in_transit().unwrap(), Nrlc::ZERO);
    }
}

#[test]
fn salts_keep_equal_orders_apart() {
    let one = orders().app;
    let other = AppOrder {
        salt: B256::repeat_byte(1),
        ..one.clone()
    };
    assert_ne!(one.hash(&domain()), other.hash(&domain()));
}
