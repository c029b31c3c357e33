//! From a quote to a verified result, and to the money back.

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256};
use canut_client::{
    Account, CERTIFICATE, Certificate, Error, Limits, Params, Step, Verdict, Wanted, place,
};
use canut_protocol::{DealId, Nrlc, Tag, Trust, task::Status};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    crew::{Crew, upload},
    world::{World, looms},
};

const COMPUTED: (&str, &str) = (
    "computed.json",
    r#"{"deterministic-output-path":"/iexec_out/a.txt"}"#,
);

pub(crate) fn wanted(app: Address, tasks: u64, trust: u64) -> Wanted {
    Wanted {
        app,
        dataset: None,
        workerpool: None,
        category: None,
        trust: Trust::new(trust),
        tag: Tag::NONE,
        tasks,
        max_price: None,
        open: false,
        params: Params {
            arguments: "-n 3".into(),
            inputs: Vec::new(),
            ..Params::default()
        },
    }
}

fn sha(content: &str) -> B256 {
    B256::new(Sha256::digest(content).into())
}

/// A pool that sells runs at trust 10, with a crew of six, and the key that signs its authorisations.
pub(crate) async fn pool(world: &World, orders: &[(u64, u64)]) -> Crew {
    let key = PrivateKeySigner::random();
    let owner = world.client().await.with_key(key.clone()).await.unwrap();
    let patron = world.person(1_000).await;
    let ether = json!([
        owner.address(),
        alloy_primitives::U256::from(10).pow(alloy_primitives::U256::from(20))
    ]);
    world.rpc("anvil_setBalance", ether).await;
    patron.deposit(Nrlc::rlc(100)).await.unwrap();
    patron
        .caller()
        .transfer(owner.address(), Nrlc::rlc(100))
        .await
        .unwrap();
    let pool = owner
        .register_workerpool("the looms")
        .await
        .unwrap()
        .address;
    world.market_follows().await;
    for (rlc, volume) in orders {
        let order = owner.sign(looms(pool, *rlc, *volume, 10)).unwrap();
        owner.publish(&order).await.unwrap();
    }
    Crew::hire(world, owner, key, 6).await
}

pub(crate) async fn buy(account: &Account, wanted: &Wanted) -> Vec<DealId> {
    let quote = account.quote(wanted).await.unwrap();
    let bought = account.buy(wanted, &quote, |_| {}).await.unwrap();
    bought.iter().map(|deal| deal.deal).collect()
}

#[tokio::test]
async fn a_bag_is_bought_where_it_is_cheapest_and_its_tasks_are_numbered_through() {
    let world = World::open().await;
    let _crew = pool(&world, &[(3, 5), (1, 2)]).await;
    let requester = world.person(20).await;
    requester.deposit(Nrlc::rlc(1)).await.unwrap();
    let wanted = wanted(world.app(&requester).await, 4, 10);
    let quote = requester.quote(&wanted).await.unwrap();
    let prices: Vec<_> = quote
        .fills
        .iter()
        .map(|fill| (fill.price().unwrap(), fill.tasks))
        .collect();
    assert_eq!(prices, [(Nrlc::rlc(1), 2), (Nrlc::rlc(3), 2)]);
    assert_eq!(
        (quote.total, quote.balance, quote.deposit),
        (Nrlc::rlc(8), Nrlc::rlc(1), Nrlc::rlc(7))
    );
    assert_eq!(quote.guarantee, Nrlc::new(2_400_000_000));

    let mut heard = Vec::new();
    let bought = requester
        .buy(&wanted, &quote, |deal| heard.push(*deal))
        .await
        .unwrap();
    assert_eq!(bought, heard);
    let spans: Vec<_> = bought
        .iter()
        .map(|deal| (deal.first, deal.tasks, deal.cost))
        .collect();
    assert_eq!(spans, [(0, 2, Nrlc::rlc(2)), (2, 2, Nrlc::rlc(6))]);
    let balance = requester
        .client()
        .balance(requester.address())
        .await
        .unwrap();
    assert_eq!(
        (balance.stake, balance.locked, balance.wallet),
        (Nrlc::ZERO, Nrlc::rlc(8), Nrlc::rlc(12))
    );

    let status = requester
        .client()
        .deal_status(bought[1].deal)
        .await
        .unwrap();
    assert_eq!(
        status
            .tasks
            .iter()
            .map(|task| task.index)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(status.deal.params, r#"{"iexec_args":"-n 3"}"#);
    // The market lists them as soon as they are in its database.
    let query = canut_client::OrderQuery::default().with("requester", requester.address());
    let market = requester.client().market().unwrap();
    while market.deals(&query, 20).await.unwrap().count < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_finds_nothing_or_cannot_pay_learns_why() {
    let world = World::open().await;
    let _crew = pool(&world, &[(3, 5)]).await;
    let requester = world.person(5).await;
    let app = world.app(&requester).await;
    let told = |error: Error| error.to_string();

    let sure = requester.quote(&wanted(app, 1, 1_000)).await.unwrap_err();
    let sure = told(sure);
    assert!(
        sure.contains("on offer: trust up to 10 (at 3 RLC a task), prices from 3 RLC"),
        "{sure}"
    );
    let cheap = Wanted {
        max_price: Some(Nrlc::rlc(2)),
        ..wanted(app, 1, 10)
    };
    assert!(matches!(
        requester.quote(&cheap).await,
        Err(Error::NoOffer { missing: 1, .. })
    ));
    let many = requester.quote(&wanted(app, 9, 10)).await.unwrap_err();
    assert!(
        matches!(
            many,
            Error::NoOffer {
                tasks: 9,
                missing: 4,
                ..
            }
        ),
        "{many}"
    );
    let poor = requester.quote(&wanted(app, 2, 10)).await.unwrap_err();
    assert!(matches!(poor, Error::TooPoor { .. }) && told(poor).contains("6 RLC"));
    let nowhere = requester
        .quote(&wanted(Address::repeat_byte(9), 1, 10))
        .await
        .unwrap_err();
    assert!(matches!(nowhere, Error::NoAsset { .. }));
    // Of somebody else's app that nobody sells there is nothing to buy.
    let stranger = world.person(5).await;
    assert!(matches!(
        stranger.quote(&wanted(app, 1, 10)).await,
        Err(Error::NoOffer { .. })
    ));
}

#[tokio::test]
async fn when_somebody_was_faster_the_rest_is_planned_anew_but_never_dearer() {
    let world = World::open().await;
    let crew = pool(&world, &[(1, 1)]).await;
    let pool = crew
        .scheduler
        .client()
        .assets(
            canut_hub::events::AssetKind::Workerpool,
            crew.scheduler.address(),
        )
        .await
        .unwrap()[0];
    let (slow, fast) = (world.person(9).await, world.person(9).await);
    let app = world.app(&slow).await;
    let quote = slow.quote(&wanted(app, 1, 10)).await.unwrap();
    buy(&fast, &wanted(world.app(&fast).await, 1, 10)).await;
    world.market_follows().await;
    let late = slow
        .buy(&wanted(app, 1, 10), &quote, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(late, Error::NoOffer { .. }), "{late}");

    let dearer = crew.scheduler.sign(looms(pool, 2, 1, 10)).unwrap();
    crew.scheduler.publish(&dearer).await.unwrap();
    assert!(slow.buy(&wanted(app, 1, 10), &quote, |_| {}).await.is_err());
    let same = crew.scheduler.sign(looms(pool, 1, 1, 10)).unwrap();
    crew.scheduler.publish(&same).await.unwrap();
    assert_eq!(
        slow.buy(&wanted(app, 1, 10), &quote, |_| {}).await.unwrap()[0].cost,
        Nrlc::rlc(1)
    );
}

#[tokio::test]
async fn a_result_is_watched_fetched_and_verified_and_a_lie_is_on_the_certificate() {
    let world = World::open().await;
    let crew = pool(&world, &[(1, 5)]).await;
    let requester = world.person(9).await;
    let deals = buy(&requester, &wanted(world.app(&requester).await, 1, 10)).await;
    let client = requester.client().clone();

    let mut watch = client.watch(&deals).await.unwrap();
    let watching = tokio::spawn(async move {
        let mut steps = Vec::new();
        while let Some(news) = watch.next().await.unwrap() {
            steps.push(news.step);
        }
        steps
    });
    let (right, wrong) = (sha("42"), sha("43"));
    let votes = [wrong, right, right, right, right, right];
    let task = crew.vote(deals[0], 0, &votes).await;
    let early = client
        .fetch(task, world.folder.path(), Limits::default())
        .await
        .unwrap_err();
    assert!(
        matches!(
            early,
            Error::NoResult {
                status: Status::Revealing,
                ..
            }
        ),
        "{early}"
    );
    let cid = upload(
        &world,
        &[("a.txt", "42"), ("stdout.txt", "hello"), COMPUTED],
    )
    .await;
    crew.finish(task, &votes, right, &cid).await;

    let steps = watching.await.unwrap();
    assert_eq!(steps.first(), Some(&Step::Initialized));
    assert_eq!(steps.last(), Some(&Step::Completed));
    let voted = |step: &&Step| matches!(step, Step::Voted { .. });
    let revealed = |step: &&Step| matches!(step, Step::Revealed { .. });
    assert_eq!(steps.iter().filter(voted).count(), 6);
    assert_eq!(steps.iter().filter(revealed).count(), 5);
    // Whoever begins to watch now learns how it ended.
    let mut late = client.watch(&deals).await.unwrap();
    assert_eq!(late.next().await.unwrap().unwrap().step, Step::Completed);
    assert_eq!(late.next().await.unwrap(), None);

    let placed = place(&world.folder.path().join("out"), 0, true);
    let fetched = client
        .fetch(task, &placed.folder, Limits::default())
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(placed.folder.join("a.txt")).unwrap(),
        "42"
    );
    let text = std::fs::read_to_string(placed.folder.join(CERTIFICATE)).unwrap();
    let certificate: Certificate = serde_json::from_str(&text).unwrap();
    assert_eq!(certificate, fetched.certificate);
    assert_eq!(
        std::fs::read_dir(&placed.folder).unwrap().count(),
        4,
        "no leftovers"
    );

    one_of_six_lied(&certificate);
}

/// What the certificate says of five votes for one result and one, the first, for another.
fn one_of_six_lied(certificate: &Certificate) {
    let verdicts: Vec<_> = certificate.votes.iter().map(|vote| vote.verdict).collect();
    assert_eq!(verdicts[0], Verdict::Dissented);
    assert!(
        verdicts[1..]
            .iter()
            .all(|verdict| *verdict == Verdict::Agreed)
    );
    assert_eq!(certificate.votes[0].seized, Nrlc::new(300_000_000));
    assert_eq!(certificate.votes[1].reward, Nrlc::new(257_400_000));
    let credibility = certificate.credibility;
    assert!(credibility.holds && credibility.exact);
    // 2⁵ of 1 + 2⁵ + 2.
    assert!(
        (credibility.reached - 32.0 / 35.0).abs() < 1e-9,
        "{credibility:?}"
    );
    assert_eq!(certificate.price.total, Nrlc::rlc(1));
    let covered: Vec<_> = certificate
        .files
        .iter()
        .filter(|file| file.certified)
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(covered, ["a.txt"]);
    let steps: Vec<_> = certificate
        .transactions
        .iter()
        .map(|step| step.step.as_str())
        .collect();
    assert_eq!(
        steps.iter().filter(|step| **step == "contribute").count(),
        6
    );
    assert_eq!(
        (steps[0], *steps.last().unwrap()),
        ("initialize", "finalize")
    );
}

#[tokio::test]
async fn another_result_than_the_certified_one_is_never_unpacked() {
    let world = World::open().await;
    let crew = pool(&world, &[(1, 5)]).await;
    let requester = world.person(9).await;
    let deals = buy(&requester, &wanted(world.app(&requester).await, 1, 10)).await;
    let votes = [sha("42"); 4];
    let task = crew.vote(deals[0], 0, &votes).await;
    let cid = upload(&world, &[("a.txt", "43"), COMPUTED]).await;
    crew.finish(task, &votes, sha("42"), &cid).await;

    let folder = world.folder.path().join("out");
    let refused = requester
        .client()
        .fetch(task, &folder, Limits::default())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, Error::Tampered { found, .. } if found == sha("43")),
        "{refused}"
    );
    assert!(refused.to_string().contains("NOT the certified one"));
    assert!(!folder.exists(), "nothing is left of it");
}

#[tokio::test]
async fn what_is_not_done_in_time_is_claimed_and_the_money_comes_back() {
    let world = World::open().await;
    let crew = pool(&world, &[(1, 5)]).await;
    let requester = world.person(9).await;
    let deals = buy(&requester, &wanted(world.app(&requester).await, 3, 10)).await;
    // One task is begun, two are never opened.
    crew.vote(deals[0], 0, &[]).await;
    let early = requester.claim_deal(deals[0]).await.unwrap_err();
    assert!(matches!(early, Error::TooEarly { .. }), "{early}");

    world.rpc("evm_increaseTime", json!([3_001])).await;
    world.rpc("evm_mine", json!([])).await;
    let mut watch = requester.client().watch(&deals).await.unwrap();
    let mut last = Vec::new();
    while let Some(news) = watch.next().await.unwrap() {
        last.push(news.step);
    }
    assert_eq!(
        last.iter().filter(|step| **step == Step::Expired).count(),
        3
    );
    let claimed = requester.claim_deal(deals[0]).await.unwrap();
    assert_eq!((claimed.tasks.len(), claimed.transactions.len()), (3, 2));
    let balance = requester
        .client()
        .balance(requester.address())
        .await
        .unwrap();
    // Of a marked deal the pool's stake, 30 % of its price, is the payer's.
    let compensated = Nrlc::new(3_900_000_000);
    assert_eq!((balance.stake, balance.locked), (compensated, Nrlc::ZERO));
    assert!(
        requester
            .claim_deal(deals[0])
            .await
            .unwrap()
            .tasks
            .is_empty(),
        "again claims nothing"
    );
}
