//! Whoever is refused learns why, and what to do.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    signers::SignerSync,
};
use canut_hub::{Error, Hub, Refusal};
use canut_protocol::{
    Nrlc, Order, Tag,
    matching::{MatchRefusal, Orders},
    order::Operation,
    result::authorization_digest,
    signature,
    task::{Status, TaskRefusal},
};

use crate::{
    market::{Market, REQUESTER, SCHEDULER, STRANGER, WORKER, address},
    node::key,
};

fn refusal(result: Result<impl std::fmt::Debug, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_worker_learns_why_his_vote_is_refused() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(1, 5).await;
    let (worker, poor) = (market.party(WORKER).await, market.poor(STRANGER).await);
    let task = canut_protocol::TaskId::of(id, 0);
    let ballot = market.ballot(worker.address(), task, "truth");

    let unopened = refusal(worker.contribute(task, &ballot).await);
    let (status, needed) = (Status::Unset, Status::Active);
    assert_eq!(
        unopened,
        Refusal::Task(TaskRefusal::WrongStatus { status, needed })
    );
    scheduler.initialize(id, 0).await.unwrap();

    let stolen = refusal(poor.contribute(task, &ballot).await);
    assert_eq!(
        stolen,
        Refusal::Unauthorized {
            signer: scheduler.address()
        }
    );
    let hungry = refusal(
        poor.contribute(task, &market.ballot(poor.address(), task, "truth"))
            .await,
    );
    let needed = Nrlc::new(300_000_000);
    assert_eq!(
        hungry,
        Refusal::TooPoor {
            account: poor.address(),
            free: Nrlc::ZERO,
            needed
        }
    );
    let mut broken = ballot.clone();
    broken.authorization = Bytes::from_static(b"short");
    assert_eq!(
        refusal(worker.contribute(task, &broken).await),
        Refusal::Unauthorized {
            signer: scheduler.address()
        }
    );

    worker.contribute(task, &ballot).await.unwrap();
    let twice = refusal(worker.contribute(task, &ballot).await);
    assert_eq!(
        twice,
        Refusal::Task(TaskRefusal::AlreadyContributed {
            worker: worker.address()
        })
    );

    market.node.pass(7 * 300).await;
    let late = refusal(
        poor.contribute(task, &market.ballot(poor.address(), task, "truth"))
            .await,
    );
    assert!(
        late.to_string()
            .starts_with("the contribution deadline passed at"),
        "{late}"
    );
}

#[tokio::test]
async fn an_enclave_must_sign_the_vote() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(1, 5).await;
    let worker = market.party(WORKER).await;
    let task = scheduler.initialize(id, 0).await.unwrap().value;
    let enclave = address(200);
    let digest = authorization_digest(worker.address(), task, enclave);
    let mut ballot = market.ballot(worker.address(), task, "truth");
    ballot.enclave = enclave;
    ballot.authorization = signature::to_bytes(&key(SCHEDULER).sign_hash_sync(&digest).unwrap());
    ballot.enclave_sign = ballot.authorization.clone();
    assert_eq!(
        refusal(worker.contribute(task, &ballot).await),
        Refusal::NotFromEnclave { enclave }
    );
}

#[tokio::test]
async fn a_winner_and_a_scheduler_learn_what_is_missing() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(1, 3).await;
    let (first, second) = (market.party(WORKER).await, market.party(WORKER + 1).await);
    let task = scheduler.initialize(id, 0).await.unwrap().value;
    assert_eq!(
        refusal(scheduler.initialize(id, 0).await),
        Refusal::Task(TaskRefusal::AlreadyInitialized)
    );
    let beyond = refusal(scheduler.initialize(id, 1).await);
    assert_eq!(
        beyond,
        Refusal::Task(TaskRefusal::NoSuchTask {
            index: 1,
            first: 0,
            size: 1
        })
    );

    for worker in [&first, &second] {
        worker
            .contribute(task, &market.ballot(worker.address(), task, "truth"))
            .await
            .unwrap();
    }
    let wrong = refusal(first.reveal(task, keccak256("lie")).await);
    assert_eq!(wrong, Refusal::Task(TaskRefusal::WrongDigest));
    first.reveal(task, keccak256("truth")).await.unwrap();
    let empty = Bytes::new();
    let stranger = refusal(first.finalize(task, empty.clone(), empty.clone()).await);
    assert!(
        matches!(stranger, Refusal::Task(TaskRefusal::NotTheScheduler { .. })),
        "{stranger}"
    );
    let early = refusal(scheduler.finalize(task, empty.clone(), empty.clone()).await);
    assert!(
        matches!(
            early,
            Refusal::Task(TaskRefusal::StillRevealing {
                revealed: 1,
                winners: 2,
                ..
            })
        ),
        "{early}"
    );
    let stray = refusal(
        scheduler
            .finalize(task, empty.clone(), Bytes::from_static(b"x"))
            .await,
    );
    assert!(
        matches!(stray, Refusal::Task(TaskRefusal::StillRevealing { .. })),
        "{stray}"
    );
    let soon = refusal(scheduler.claim(task).await);
    assert!(
        matches!(soon, Refusal::Task(TaskRefusal::NotExpired { .. })),
        "{soon}"
    );
    assert!(matches!(
        refusal(scheduler.claim_all(&[task]).await),
        Refusal::Task(TaskRefusal::NotExpired { .. })
    ));
}

/// Breaks one rule.
type Spoil = fn(&mut Orders);

#[tokio::test]
async fn orders_that_do_not_match_say_why_before_and_after() {
    let market = Market::open().await;
    let requester = market.party(REQUESTER).await;
    market.party(SCHEDULER).await;
    let spoils: [(MatchRefusal, Spoil); 7] = [
        (MatchRefusal::UnknownCategory, |o| {
            (o.request.category, o.workerpool.category) = (U256::from(9), U256::from(9));
        }),
        (MatchRefusal::AppTooExpensive, |o| {
            o.app.appprice = Nrlc::rlc(9)
        }),
        (MatchRefusal::AppIsNotTee, |o| {
            (o.request.tag, o.workerpool.tag) = (Tag::TEE, Tag::TEE)
        }),
        (MatchRefusal::DatasetRefusesRequester, |o| {
            o.dataset.requesterrestrict = Address::repeat_byte(9)
        }),
        (MatchRefusal::AppUnknown, |o| {
            (o.app.app, o.request.app) = (o.dataset.dataset, o.dataset.dataset);
        }),
        (MatchRefusal::WorkerpoolUnknown, |o| {
            o.workerpool.workerpool = o.app.app
        }),
        (MatchRefusal::NothingLeft, |o| {
            o.workerpool.volume = U256::ZERO
        }),
    ];
    for (expected, spoil) in spoils {
        let mut orders = market.orders(1, 1, 1);
        spoil(&mut orders);
        let orders = market.signed(orders);
        assert_eq!(
            refusal(requester.match_orders(&orders).await),
            Refusal::Match(expected)
        );
        let foretold = market.hub().preflight(&orders, requester.address()).await;
        assert_eq!(refusal(foretold), Refusal::Match(expected));
    }
    let mut forged = market.orders(1, 1, 1);
    forged.dataset = market.sign(forged.dataset, STRANGER);
    let unsigned = Refusal::Match(MatchRefusal::DatasetUnsigned);
    assert_eq!(refusal(requester.match_orders(&forged).await), unsigned);
    forged.dataset.sign = Bytes::new();
    assert_eq!(refusal(requester.match_orders(&forged).await), unsigned);
}

#[tokio::test]
async fn an_asset_that_is_none_is_unknown() {
    let market = Market::open().await;
    let requester = market.party(REQUESTER).await;
    market.party(SCHEDULER).await;
    let mut orders = market.orders(1, 1, 1);
    (orders.app.app, orders.request.app) = (Address::repeat_byte(7), Address::repeat_byte(7));
    let orders = market.signed(orders);
    assert_eq!(
        refusal(requester.match_orders(&orders).await),
        Refusal::Match(MatchRefusal::AppUnknown)
    );
}

#[tokio::test]
async fn who_cannot_pay_is_named() {
    let market = Market::open().await;
    let (requester, scheduler) = (market.party(REQUESTER).await, market.poor(SCHEDULER).await);
    let poor = refusal(requester.match_orders(&market.orders(2, 1, 1)).await);
    let needed = Nrlc::new(600_000_000);
    assert_eq!(
        poor,
        Refusal::TooPoor {
            account: scheduler.address(),
            free: Nrlc::ZERO,
            needed
        }
    );
    let mut dear = market.orders(1, 1, 1);
    dear.workerpool.workerpoolprice = Nrlc(U256::ONE << 96);
    dear.request.workerpoolmaxprice = Nrlc(U256::MAX);
    assert_eq!(
        refusal(requester.match_orders(&market.signed(dear)).await),
        Refusal::TooLarge
    );
    assert_eq!(
        refusal(scheduler.deposit(Nrlc::rlc(1)).await),
        Refusal::TokenRefused
    );
    assert_eq!(
        refusal(scheduler.withdraw(Nrlc::rlc(1)).await),
        Refusal::Silent
    );
}

#[tokio::test]
async fn strangers_manage_nothing() {
    let market = Market::open().await;
    let stranger = market.poor(STRANGER).await;
    let order = market.orders(1, 1, 1).app;
    let forged = Bytes::from(vec![1; 65]);
    let refused = refusal(
        stranger
            .manage_app_order(&order, Operation::Close, forged)
            .await,
    );
    assert_eq!(refused, Refusal::NotTheOrdersOwner);
    assert_eq!(
        refusal(stranger.set_callback_gas(1).await),
        Refusal::NotTheOwner
    );

    // With the owner's signature over the operation anybody can carry it.
    let digest = order.operation_hash(Operation::Close, &market.hub().domain());
    let sign = signature::to_bytes(
        &key(crate::market::APP_OWNER)
            .sign_hash_sync(&digest)
            .unwrap(),
    );
    stranger
        .manage_app_order(&order, Operation::Close, sign)
        .await
        .unwrap();
    assert_eq!(market.hub().remaining(&order).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn an_address_that_is_no_hub_is_told_from_one() {
    let market = Market::open().await;
    let nowhere = Hub::at(market.node.provider.clone(), Address::repeat_byte(1))
        .await
        .unwrap_err();
    assert!(matches!(nowhere, Error::NotAHub { .. }), "{nowhere}");
    assert_eq!(market.hub().deal(B256::ZERO.into()).await.unwrap(), None);
    assert_eq!(market.hub().category(99).await.unwrap(), None);
    assert_eq!(
        market.hub().app(Address::repeat_byte(1)).await.unwrap(),
        None
    );
}
