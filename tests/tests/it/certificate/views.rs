//! What clients see of tasks settled by certificate.

use super::*;
use alloy::primitives::keccak256;
use canut_tests::abi::{Hub, Task};
use canut_tests::market::certificate::{Member, Voter, leaf, winners};
use canut_tests::market::{TIME_REF, task_id};

const COMPLETED: u8 = 3;

#[test]
fn an_unmarked_task_is_shown_as_any_other_finished_task() {
    for tasks in [1, 3, 300] {
        let mut m = market();
        let deal = unmarked(&mut m, tasks, 2);
        let done = m
            .settle(range(deal, 0, tasks), right(), &winners(0..1))
            .ok();
        let finalized = done.events::<Hub::TaskFinalize>(m.hub);
        assert_eq!(finalized.len() as u64, tasks);
        let start = m.view_deal(deal).startTime.to::<u64>();
        for (index, event) in (0..tasks).zip(finalized) {
            let task = m.task(task_id(deal, index));
            let expected = Task {
                status: COMPLETED,
                dealid: deal,
                idx: n(index),
                timeref: n(TIME_REF),
                contributionDeadline: n(start + 7 * TIME_REF),
                revealDeadline: n(start + 9 * TIME_REF),
                finalDeadline: n(start + 10 * TIME_REF),
                consensusValue: right().link,
                resultDigest: right().link,
                results: place(right().link, &index.to_string()).into(),
                ..Task::default()
            };
            assert_eq!(task, expected);
            assert_eq!(m.task_at(deal, index), expected);
            assert_eq!(event.taskid, task_id(deal, index));
            assert_eq!(event.results, expected.results);
        }
    }
}

/// `{"storage":"ipfs","location":"/ipfs/CID/PATH"}` for the directory with this hash.
fn place(link: B256, path: &str) -> Vec<u8> {
    let cid = [&[1, 0x70, 0x12, 0x20], &link[..]].concat();
    let cid = base32(&cid);
    format!(r#"{{"storage":"ipfs","location":"/ipfs/b{cid}/{path}"}}"#).into_bytes()
}

/// RFC 4648 in lower case without padding.
fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let groups = bits.as_bytes().chunks(5);
    let letter = |group: &[u8]| {
        let text = format!("{:0<5}", std::str::from_utf8(group).unwrap());
        let value = usize::from_str_radix(&text, 2).unwrap();
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[value])
    };
    groups.map(letter).collect()
}

#[test]
fn a_marked_task_is_found_by_its_place_and_its_range_by_any_task_of_it() {
    let mut m = market();
    let deal = marked(&mut m, 600, 2);
    for (first, count) in [(0, 1), (1, 254), (256, 300)] {
        m.settle(range(deal, first, count), right(), &winners(0..1))
            .succeeds();
    }
    let time = m.world.time();
    let find = |m: &Market, index| {
        let idx = n(index);
        let found = m.view(Hub::viewRangeCall { dealid: deal, idx });
        (found.first.to::<u64>(), found.count.to::<u64>())
    };
    for (index, expected) in [
        (0, (0, 1)),
        (1, (1, 254)),
        (254, (1, 254)),
        (255, (0, 0)),
        (256, (256, 300)),
        (555, (256, 300)),
        (556, (0, 0)),
        (599, (0, 0)),
        (600, (0, 0)),
        (1 << 60, (0, 0)),
    ] {
        assert_eq!(find(&m, index), expected, "{index}");
        let status = m.task_at(deal, index).status;
        assert_eq!(status == COMPLETED, expected.1 > 0, "{index}");
        assert_eq!(m.task(task_id(deal, index)), Task::default());
    }
    let record = m.view(Hub::viewRangeCall {
        dealid: deal,
        idx: n(7),
    });
    assert_eq!(record.time, n(time));
    // Somebody initialized it before it was settled: then its deal is known.
    let known = marked(&mut m, 2, 2);
    m.initialize(known, 1);
    m.settle(range(known, 0, 2), right(), &winners(0..1))
        .succeeds();
    let task = m.task(task_id(known, 1));
    assert_eq!((task.status, task.dealid), (COMPLETED, known));
}

#[test]
fn the_evidence_is_a_hash_of_what_the_event_tells() {
    let mut m = market();
    let deal = marked(&mut m, 2, 2);
    let mut call = m.settle_call(range(deal, 0, 2), right(), &winners(0..2));
    call.delivery = B256::repeat_byte(9);
    let done = m.send(Actor::Scheduler, call).ok();
    let event = &done.events::<Hub::RangeSettled>(m.hub)[0];
    let members = keccak256(&event.members);
    let parts = [right().root, right().link, event.delivery, members].concat();
    let hash = keccak256([&[1][..], &parts].concat());
    let record = m.view(Hub::viewRangeCall {
        dealid: deal,
        idx: n(1),
    });
    assert_eq!(record.evidence[..], hash[..25]);
}

#[test]
fn encrypted_results_are_where_the_scheduler_delivered_them() {
    let mut m = market();
    let deal = unmarked(&mut m, 2, 2);
    let mut call = m.settle_call(range(deal, 0, 2), right(), &winners(0..1));
    call.delivery = B256::repeat_byte(9);
    m.send(Actor::Scheduler, call.clone()).succeeds();
    let task = m.task(task_id(deal, 1));
    assert_eq!(task.results[..], place(call.delivery, "1"));
    assert_eq!(task.resultDigest, call.delivery);
}

#[test]
fn a_directory_of_many_entries_has_folders() {
    let mut m = market();
    let deal = marked(&mut m, 2_049, 2);
    m.settle(range(deal, 0, 2_049), right(), &winners(0..1))
        .succeeds();
    assert_eq!(m.task_at(deal, 2_048).status, COMPLETED);
}

#[test]
fn a_callback_is_told_and_its_bytes_are_kept() {
    for long in [false, true] {
        for make_marked in [false, true] {
            let mut m = market();
            let listener = m.install("Listener", "listener");
            let mut orders = m.orders().volume(2).trust(4);
            orders.request.callback = listener;
            if make_marked {
                orders = orders.marked();
            }
            let deal = m.deal(orders);
            let told = if long { vec![7; 100] } else { vec![7; 9] };
            let task = task_id(deal, 1);
            let content = B256::repeat_byte(3);
            let mut value = right();
            value.root = leaf(task, keccak256(&told), 0x55, content);
            let range = range(deal, 1, 1);
            m.settle(range, value, &winners(0..2))
                .reverts_as(&Hub::CallbackMismatch {});
            let call = Hub::settleCallbackCall {
                dealid: deal,
                idx: n(1),
                codec: 0x55,
                content,
                link: value.link,
                delivery: B256::ZERO,
                resultsCallback: told.clone().into(),
                members: m.members(range, value, &winners(0..2)),
            };
            let pending = Hub::resultForCall { id: task };
            m.ask(pending.clone()).reverts_with("task-pending");
            let other = Hub::settleCallbackCall {
                resultsCallback: vec![8].into(),
                ..call.clone()
            };
            let first = Voter(0).address().min(Voter(1).address());
            m.send(Actor::Scheduler, other)
                .reverts_as(&Hub::BadSignature { signer: first });
            let done = m.send(Actor::Scheduler, call).ok();
            assert_eq!(*done.event_names().last().unwrap(), "GotResult");
            assert_eq!(m.view(pending)[..], told);
            let task = m.task_at(deal, 1);
            assert_eq!(task.resultsCallback[..], told);
            assert_eq!(task.resultDigest, keccak256(&told));
            assert_eq!(task.results.is_empty(), make_marked);
            check_books(&m);
        }
    }
}

#[test]
fn nobody_comes_back_in_during_a_callback() {
    use alloy::sol_types::SolCall;
    use canut_tests::abi::Mocks;
    let mut m = market();
    let echo = m.install("Echo", "echo");
    let mut orders = m.orders().volume(3).trust(2).marked();
    orders.request.callback = echo;
    let deal = m.deal(orders);
    let task = m.initialize(deal, 2);
    let (workerpool, amount) = (m.pool, n(0));
    let attempts = [
        Hub::initializeCall {
            dealId: deal,
            index: n(1),
        }
        .abi_encode(),
        Hub::claimCall { taskId: task }.abi_encode(),
        Hub::bondCall { workerpool, amount }.abi_encode(),
        Hub::withdrawBondCall {
            workerpool,
            worker: echo,
        }
        .abi_encode(),
    ];
    for data in attempts {
        let mut m = m.clone();
        // Each would be done at any other time, or by then.
        let prepare = Mocks::prepareCall {
            target: m.hub,
            data: data.clone().into(),
        };
        m.send_to(Actor::Stranger, echo, prepare).succeeds();
        let mut value = right();
        value.root = leaf(task_id(deal, 0), keccak256([1]), 0x55, B256::ZERO);
        let range = range(deal, 0, 1);
        let call = Hub::settleCallbackCall {
            dealid: deal,
            idx: n(0),
            codec: 0x55,
            content: B256::ZERO,
            link: value.link,
            delivery: B256::ZERO,
            resultsCallback: vec![1].into(),
            members: m.members(range, value, &[Member::Winner(Voter(0))]),
        };
        m.send(Actor::Scheduler, call).succeeds();
        assert_eq!(m.view_of(echo, Mocks::callsCall {}), n(1));
        assert_eq!(m.view_of(echo, Mocks::successesCall {}), n(0));
    }
}
