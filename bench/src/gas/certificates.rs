//! The certificate way, beside the same tasks done PoCo's way.

use alloy::primitives::{B256, U256};
use canut_tests::actor::Actor;
use canut_tests::market::certificate::{Member, Range, Value, Voter, winners};
use canut_tests::market::{Market, Orders, RLC, Side, TIME_REF, digest};

use super::bags::bag;
use super::sheet::Sheet;
use super::steady::{TRUST, deal_of, whole_task};

/// The trust that this many of the voters reach, who are new.
const VOTERS_TRUST: [u64; 6] = [1, 2, 4, 8, 16, 32];

pub(crate) fn measure(sheet: &mut Sheet, steady: &Market) {
    sheet.part("the certificate way (PoCo: the same tasks its own way)");
    match steady.side {
        Side::Canut => ours(sheet, &bonded(steady)),
        Side::Poco => theirs(sheet, steady),
    }
}

const ROWS: [&str; 10] = [
    "settle one task, 3 winners, first of their day",
    "  by the same workers later that day",
    "  of a request without a mark",
    "  a loser more",
    "  an absent more",
    "a task of a bag of 100, its share of the match included",
    "a task of a bag of 1,000, its share of the match included",
    "fallback: post 3 votes",
    "fallback: open them",
    "fallback: resolve",
];

fn theirs(sheet: &mut Sheet, steady: &Market) {
    let (total, phases) = whole_task(&mut steady.clone(), 3);
    let settled = total - phases.matching;
    sheet.keyed("certificate_1_3", ROWS[0], settled);
    sheet.row(ROWS[1], settled);
    sheet.row(ROWS[2], settled);
    let five = whole_task(&mut steady.clone(), 5).0;
    sheet.row(ROWS[3], disputed(&mut steady.clone()) - five);
    sheet.own(ROWS[4], None);
    for (key, name, size) in [
        ("certificate_100_3", ROWS[5], 100),
        ("certificate_1000_3", ROWS[6], 1_000),
    ] {
        sheet.keyed(key, name, bag(&mut steady.clone(), size, 3) / size);
    }
    for name in &ROWS[7..] {
        sheet.own(*name, None);
    }
}

/// A whole task of five workers that agree, and one that was there before them.
fn disputed(m: &mut Market) -> u64 {
    let orders = m.orders().trust(TRUST[3]);
    let orders = m.signed(orders);
    let matched = m.match_orders(&orders).ok();
    let task = m.try_initialize(deal_of(&matched), 0).ok();
    let mut gas = matched.gas + task.gas;
    let task = task.returned::<canut_tests::abi::Hub::initializeCall>();
    let right = digest("result");
    gas += m
        .contribute(task, Actor::Worker(9), digest("wrong"))
        .ok()
        .gas;
    for worker in (0..5).map(Actor::Worker) {
        gas += m.contribute(task, worker, right).ok().gas;
    }
    for worker in (0..5).map(Actor::Worker) {
        gas += m.reveal(task, worker, right).ok().gas;
    }
    gas + m.finalize(task, "result").ok().gas
}

/// Gives workers bonds, and has them settle a task each on two days, so that nobody acts for the first time.
fn bonded(steady: &Market) -> Market {
    let mut m = steady.clone();
    m.bond(0..12, U256::from(1_000) * RLC);
    for _ in 0..2 {
        for team in [0..6, 6..12] {
            let range = one(&mut m, VOTERS_TRUST[3], Orders::marked);
            m.settle(range, value(), &winners(team)).succeeds();
        }
        m.wait(172_800);
    }
    let range = one(&mut m, VOTERS_TRUST[3], Orders::marked);
    m.settle(range, value(), &winners(6..9)).succeeds();
    m
}

fn ours(sheet: &mut Sheet, bonded: &Market) {
    let mut m = bonded.clone();
    let settle =
        |m: &mut Market, range, members: &[Member]| m.settle(range, value(), members).ok().gas;
    let three = winners(0..3);
    let range = one(&mut m, VOTERS_TRUST[3], Orders::marked);
    sheet.keyed("certificate_1_3", ROWS[0], settle(&mut m, range, &three));
    let range = one(&mut m, VOTERS_TRUST[3], Orders::marked);
    sheet.row(ROWS[1], settle(&mut m, range, &three));
    let mut m = bonded.clone();
    let range = one(&mut m, VOTERS_TRUST[3], |orders| orders);
    sheet.row(ROWS[2], settle(&mut m, range, &three));

    let with = |more: Option<Member>| [winners(0..5), more.into_iter().collect()].concat();
    let gas = |more| {
        let mut m = bonded.clone();
        let range = one(&mut m, VOTERS_TRUST[1], Orders::marked);
        settle(&mut m, range, &with(more))
    };
    let alone = gas(None);
    let other = Value {
        root: B256::repeat_byte(9),
        ..value()
    };
    sheet.row(ROWS[3], gas(Some(Member::Loser(Voter(11), other))) - alone);
    sheet.own(ROWS[4], Some(gas(Some(Member::Absent(Voter(11)))) - alone));
    for (key, name, size) in [
        ("certificate_100_3", ROWS[5], 100),
        ("certificate_1000_3", ROWS[6], 1_000),
    ] {
        let mut m = bonded.clone();
        let (range, matched) = many(&mut m, size, VOTERS_TRUST[3], Orders::marked);
        let done = m.settle(range, value(), &three).ok();
        sheet.keyed(key, name, (matched + done.gas) / size);
    }
    fallback(sheet, bonded);
}

fn fallback(sheet: &mut Sheet, bonded: &Market) {
    let mut m = bonded.clone();
    let range = one(&mut m, VOTERS_TRUST[3], Orders::marked);
    let votes = [0, 1, 2].map(|voter| (Voter(voter), value()));
    m.wait(7 * TIME_REF);
    let relay = Actor::Worker(7);
    sheet.own(ROWS[7], Some(m.post(relay, range, &votes).ok().gas));
    m.wait(TIME_REF);
    sheet.own(ROWS[8], Some(m.open(relay, range, value()).ok().gas));
    sheet.own(ROWS[9], Some(m.resolve(relay, range).ok().gas));
}

fn one(m: &mut Market, trust: u64, change: fn(Orders) -> Orders) -> Range {
    many(m, 1, trust, change).0
}

/// A deal with a dataset, as the range of all its tasks, and the gas of the match.
fn many(m: &mut Market, size: u64, trust: u64, change: fn(Orders) -> Orders) -> (Range, u64) {
    let orders = change(m.orders().volume(size).trust(trust));
    let orders = m.signed(orders);
    let matched = m.match_orders(&orders).ok();
    let range = Range {
        deal: deal_of(&matched),
        first: 0,
        count: size,
    };
    (range, matched.gas)
}

fn value() -> Value {
    Value::named("result")
}
