//! Workers die, freeze and limp at random amid a bag; all of it is certified, nobody honest loses anything, nothing is left.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use canut_protocol::task::Status;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use crate::{
    chaos::{check_ranges, fetched},
    services::Services,
};

const WORKERS: usize = 6;
const TRUST: u64 = 10;
const PARAMS: &str = r#"{"iexec_args":"--paths 2000"}"#;
/// Blows before the workers are left in peace.
const BLOWS: u32 = 60;
/// Seconds that a bag may take, for each task.
const PATIENCE: u64 = 3;

/// Tasks of the bag: `CANUT_STORM`, or some.
fn tasks() -> u64 {
    std::env::var("CANUT_STORM").map_or(200, |tasks| tasks.parse().unwrap())
}

/// What befell the workers that do not work now, and until when.
#[derive(Default)]
struct Stricken {
    frozen: BTreeMap<usize, Instant>,
    limping: BTreeMap<usize, Instant>,
}

impl Stricken {
    fn strike(&mut self, services: &mut Services, rng: &mut StdRng) {
        let number = rng.random_range(0..WORKERS);
        let until = Instant::now() + Duration::from_millis(rng.random_range(100..4_000));
        match rng.random_range(0..3) {
            0 => {
                services.workers[number].kill_and_restart();
                self.frozen.remove(&number);
                self.limping.remove(&number);
            }
            1 => {
                services.workers[number].signal("STOP");
                self.frozen.insert(number, until);
            }
            _ => {
                self.limping.insert(number, until);
            }
        }
    }

    /// Lets go those whose time is over, and those that limp take every other step.
    fn go_on(&mut self, services: &Services, step: u32) {
        let now = Instant::now();
        self.frozen.retain(|number, until| {
            let frozen = *until > now;
            if !frozen {
                services.workers[*number].signal("CONT");
            }
            frozen
        });
        let frozen = &self.frozen;
        self.limping.retain(|number, until| {
            let limping = *until > now;
            if !frozen.contains_key(number) {
                let stops = limping && step.is_multiple_of(2);
                services.workers[*number].signal(if stops { "STOP" } else { "CONT" });
            }
            limping
        });
    }

    fn is_over(&self) -> bool {
        self.frozen.is_empty() && self.limping.is_empty()
    }
}

async fn storm(seed: u64) {
    let mut services = Services::start(WORKERS, "option-pricer.wasm", &[]).await;
    let supply = services.hub().await.total_supply().await.unwrap();
    let (id, deal) = services.deal(tasks(), TRUST, PARAMS).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut stricken = Stricken::default();
    let mut step = 0;
    while step < BLOWS || !stricken.is_over() {
        // When the blow falls is the point of the test; nothing waits for it.
        sleep(Duration::from_millis(rng.random_range(20..200))).await;
        step += 1;
        if step < BLOWS {
            stricken.strike(&mut services, &mut rng);
        }
        stricken.go_on(&services, step);
    }
    let watched = tokio::task::spawn_blocking({
        let mut client = services.client(id);
        move || client.output().unwrap()
    });
    assert!(watched.await.unwrap().status.success());
    let ended = services.tasks(id, &deal).await.unwrap();
    assert!(ended.iter().all(|task| task.status == Status::Completed));
    check_ranges(&services, id, &deal, supply).await;
    fetched(&services, id);
    for (number, worker) in services.workers.iter_mut().enumerate() {
        let end = worker.terminate();
        assert!(end.success(), "worker {number} ended with {end}");
        let records = services
            .folder
            .path()
            .join(format!("worker-{number}/tasks"));
        assert_eq!(fs::read_dir(records).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_is_certified_though_workers_die_freeze_and_limp() {
    let seed = rand::random();
    let patience = Duration::from_secs(60 + tasks() * PATIENCE);
    timeout(patience, storm(seed))
        .await
        .unwrap_or_else(|_| panic!("the bag of seed {seed} does not complete"));
}
