//! A worker that is lent for certain hours, and only while its machine is not needed otherwise.

use std::{collections::BTreeSet, sync::Arc};

use alloy::primitives::{Address, B256};
use canut_pool::{Handle as Pool, Way};
use canut_protocol::{Deal, DealId, RequestOrder};
use canut_sandbox::{Job, Kind, Limits, Run, Runtime};
use canut_worker::{Handle as Worker, Pause, Presence, Seen};
use jiff::civil::time;
use tokio::sync::{Notify, Semaphore, watch};

use crate::{
    loom::Loom,
    market::{Market, WORKER},
    node::key,
    ranges::settlements,
};

const LENT: u8 = WORKER;
const OTHER: u8 = WORKER + 1;

/// Does as the loom does once it is let.
#[derive(Debug)]
struct Patient {
    began: Arc<Notify>,
    let_go: Arc<Semaphore>,
}

impl Runtime for Patient {
    fn runs(&self, kind: Kind) -> bool {
        Loom.runs(kind)
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(async move {
            self.began.notify_one();
            self.let_go.acquire().await.unwrap().forget();
            Loom.run(job, limits).await
        })
    }
}

struct Stage {
    market: Market,
    pool: Pool,
    lent: Worker,
    tell: watch::Sender<Seen>,
    began: Arc<Notify>,
    let_go: Arc<Semaphore>,
}

fn seen(hour: i8, in_use: bool) -> Seen {
    let time = time(hour, 0, 0, 0);
    Seen { time, in_use }
}

impl Stage {
    /// It is noon, and nobody uses the machine, which is lent at night.
    async fn open(way: Way) -> Self {
        let market = Market::open_for(way).await;
        let pool = market.pool(Market::settings()).await;
        for seed in [LENT, OTHER] {
            market.endow(seed).await;
        }
        let (tell, told) = watch::channel(seen(12, false));
        let (began, let_go) = (Arc::<Notify>::default(), Arc::new(Semaphore::new(0)));
        let mut config = market.worker_config(&pool.sessions(), LENT);
        config.runtime = Arc::new(Patient {
            began: began.clone(),
            let_go: let_go.clone(),
        });
        config.presence = Presence {
            hours: vec!["22:00-07:00".parse().unwrap()],
            idle_only: true,
            told: Some(told),
        };
        Self {
            lent: canut_worker::start(config).await.unwrap(),
            market,
            pool,
            tell,
            began,
            let_go,
        }
    }

    /// Waits until the worker knows why it takes no tasks, or that it does.
    async fn knows(&self, why: Option<Pause>) {
        let mut pause = self.lent.pause();
        pause.wait_for(|pause| *pause == why).await.unwrap();
    }

    /// Who computed the deal, once it is over.
    async fn computed(&self, id: DealId, deal: &Deal) -> BTreeSet<Address> {
        if self.market.way == Way::Certificate {
            let settled = settlements(&self.market, id, deal).await;
            let members = settled.iter().flat_map(|one| &one.members);
            return members.map(|member| member.worker).collect();
        }
        let address = self.pool.address().to_string();
        let at = || address.clone();
        self.market.settle(id, deal, at, &BTreeSet::new()).await;
        let tasks = self.market.tasks(id, deal).await;
        let votes = tasks.iter().flat_map(|task| &task.contributions);
        votes.map(|(worker, _)| *worker).collect()
    }

    /// A new deal of so many tasks.
    async fn deal(&self, volume: u64) -> (DealId, Deal) {
        let request = RequestOrder {
            salt: B256::random(),
            ..RequestOrder::default()
        };
        self.market.deal_for(volume, 1, request).await
    }

    /// Has a deal computed while the other worker is there.
    async fn with_the_other(&self) -> BTreeSet<Address> {
        let other = self.market.worker(&self.pool.sessions(), OTHER).await;
        let (id, deal) = self.deal(3).await;
        let by = self.computed(id, &deal).await;
        other.shutdown().await;
        by
    }

    /// Has a deal computed by the lent worker; `meanwhile` it was told something, and knows it.
    async fn alone(&self, meanwhile: Seen, why: Pause) -> BTreeSet<Address> {
        let (id, deal) = self.deal(1).await;
        self.began.notified().await;
        self.tell.send_replace(meanwhile);
        self.knows(Some(why)).await;
        self.let_go.add_permits(1);
        self.computed(id, &deal).await
    }
}

async fn a_day(way: Way) {
    let stage = Stage::open(way).await;
    let by = |seed| BTreeSet::from([key(seed).address()]);
    // It never takes a task by day, not even in the moment when it starts.
    stage.knows(Some(Pause::Hours)).await;
    assert_eq!(stage.with_the_other().await, by(OTHER));
    // At night it does, and what it took it finishes, though morning comes.
    stage.tell.send_replace(seen(23, false));
    stage.knows(None).await;
    let morning = seen(7, false);
    assert_eq!(stage.alone(morning, Pause::Hours).await, by(LENT));
    assert_eq!(stage.with_the_other().await, by(OTHER));
    // The next night somebody works late, goes to bed, and comes back.
    let late = seen(0, true);
    stage.tell.send_replace(late);
    stage.knows(Some(Pause::InUse)).await;
    assert_eq!(stage.with_the_other().await, by(OTHER));
    stage.tell.send_replace(seen(3, false));
    stage.knows(None).await;
    assert_eq!(stage.alone(late, Pause::InUse).await, by(LENT));
    assert_eq!(stage.with_the_other().await, by(OTHER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_takes_tasks_in_its_hours_and_while_nobody_needs_the_machine() {
    a_day(Way::Open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_ranges_of_tasks_likewise() {
    a_day(Way::Certificate).await;
}
