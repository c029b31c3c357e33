//! Bags of tasks: one deal, many tasks, phase by phase.

use alloy::primitives::{B256, U256};
use canut_tests::abi::Hub;
use canut_tests::actor::Actor;
use canut_tests::market::{Market, digest, task_id};

use super::sheet::Sheet;
use super::steady::{TRUST, deal_of};

/// How many tasks one call initializes.
const CHUNK: u64 = 25;

pub(crate) fn measure(sheet: &mut Sheet, steady: &Market) {
    sheet.part("bags of tasks, from the match to the money");
    for size in [10, 100] {
        for workers in [0, 1, 3, 5] {
            let total = bag(&mut steady.clone(), size, workers);
            let team = match workers {
                0 => "contributeAndFinalize".to_owned(),
                1 => "1 worker each".to_owned(),
                _ => format!("{workers} workers each"),
            };
            let name = format!("{size} tasks, {team}");
            match (size, workers) {
                (100, 3) => sheet.keyed("bag_100_3", name, total),
                _ => sheet.row(name, total),
            }
            sheet.row("  a task of it", total / size);
        }
    }
}

/// The gas of a whole bag; with no workers, each task is settled at once by one.
pub(crate) fn bag(m: &mut Market, size: u64, workers: usize) -> u64 {
    let orders = m.orders().volume(size).trust(TRUST[workers]);
    let orders = m.signed(orders);
    let matched = m.match_orders(&orders).ok();
    let deal = deal_of(&matched);
    let mut gas = matched.gas;
    for start in (0..size).step_by(CHUNK as usize) {
        let indexes: Vec<U256> = (start..size.min(start + CHUNK)).map(U256::from).collect();
        let deals = vec![deal; indexes.len()];
        gas += m
            .send(
                Actor::Stranger,
                Hub::initializeArrayCall {
                    dealIds: deals,
                    indexes,
                },
            )
            .ok()
            .gas;
    }
    let tasks: Vec<B256> = (0..size).map(|index| task_id(deal, index)).collect();
    let result = digest("result");
    if workers == 0 {
        let short =
            |task: &B256| m.contribute_and_finalize(*task, Actor::Worker(0), result, "result");
        return gas
            + tasks
                .iter()
                .map(short)
                .map(|done| done.ok().gas)
                .sum::<u64>();
    }
    let team: Vec<Actor> = (0..workers).map(Actor::Worker).collect();
    for task in &tasks {
        gas += team
            .iter()
            .map(|w| m.contribute(*task, *w, result).ok().gas)
            .sum::<u64>();
    }
    for task in &tasks {
        gas += team
            .iter()
            .map(|w| m.reveal(*task, *w, result).ok().gas)
            .sum::<u64>();
    }
    gas + tasks
        .iter()
        .map(|task| m.finalize(*task, "result").ok().gas)
        .sum::<u64>()
}
