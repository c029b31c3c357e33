//! Workers die, freeze, limp and are cut off at random amid a bag; all of it is certified, nobody honest loses anything, nothing
//! is left.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use canut_protocol::task::Status;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use crate::{
    chaos::{check_ranges, fetched},
    network::Network,
    services::Services,
    traces::{home, mark, processes, traces},
};

const WORKERS: usize = 6;
const TRUST: u64 = 10;
const PARAMS: &str = r#"{"iexec_args":"--paths 2000"}"#;
/// Blows before the workers are left in peace, at least, and for each ten tasks.
const BLOWS: u64 = 60;
const BLOWS_PER_TEN: u64 = 3;
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
    cut_off: BTreeMap<usize, Instant>,
}

impl Stricken {
    fn strike(&mut self, services: &mut Services, network: Option<&Network>, rng: &mut StdRng) {
        let number = rng.random_range(0..WORKERS);
        let until = Instant::now() + Duration::from_millis(rng.random_range(100..4_000));
        match (rng.random_range(0..4), network) {
            (0, _) => {
                // It needs its node to start.
                self.cut_off.remove(&number);
                if let Some(network) = network {
                    network.join(number);
                }
                services.workers[number].kill_and_restart();
                self.frozen.remove(&number);
                self.limping.remove(&number);
            }
            (1, Some(network)) => {
                network.plug(number, false);
                // Now and then for so long that its connections do not live to see the end.
                let long = Duration::from_secs(if rng.random_bool(0.2) { 12 } else { 0 });
                self.cut_off.insert(number, until + long);
            }
            (2, _) => {
                services.workers[number].signal("STOP");
                self.frozen.insert(number, until);
            }
            _ => {
                self.limping.insert(number, until);
            }
        }
    }

    /// Lets go those whose time is over, and those that limp take every other step.
    fn go_on(&mut self, services: &Services, network: Option<&Network>, step: u64) {
        let now = Instant::now();
        self.cut_off.retain(|number, until| {
            let cut_off = *until > now;
            if let Some(network) = network.filter(|_| !cut_off) {
                network.plug(*number, true);
            }
            cut_off
        });
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
        self.frozen.is_empty() && self.limping.is_empty() && self.cut_off.is_empty()
    }
}

async fn storm(seed: u64) {
    let network = Network::open(WORKERS);
    let network = network.as_ref();
    let mut services = Services::start_in(network, WORKERS, "option-pricer.wasm", &[]).await;
    let supply = services.hub().await.total_supply().await.unwrap();
    let (id, deal) = services.deal(tasks(), TRUST, PARAMS).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut stricken = Stricken::default();
    let blows = BLOWS.max(tasks() * BLOWS_PER_TEN / 10);
    let mut step = 0;
    while step < blows || !stricken.is_over() {
        // When the blow falls is the point of the test; nothing waits for it.
        sleep(Duration::from_millis(rng.random_range(20..200))).await;
        step += 1;
        if step < blows {
            stricken.strike(&mut services, network, &mut rng);
        }
        stricken.go_on(&services, network, step);
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
    let marks = end_workers(&mut services);
    let folder = services.folder.path().to_owned();
    drop(services);
    nothing_is_left(&folder, &marks);
}

/// Has the workers stop, which owe nothing any more. Gives what the names of their containers have in common.
fn end_workers(services: &mut Services) -> Vec<String> {
    let mut marks = Vec::new();
    for (number, worker) in services.workers.iter_mut().enumerate() {
        let end = worker.terminate();
        assert!(end.success(), "worker {number} ended with {end}");
        let folder = services.folder.path().join(format!("worker-{number}"));
        let records = fs::read_dir(folder.join("tasks")).unwrap();
        assert_eq!(records.count(), 0, "records of worker {number}");
        // A worker that is not root runs none.
        if folder.join("containers").exists() {
            marks.push(mark(&folder.join("containers")));
        }
    }
    marks
}

/// No process, mount or control group of anybody, and no folder.
fn nothing_is_left(folder: &Path, marks: &[String]) {
    for mark in marks {
        assert_eq!(traces(mark), Vec::<String>::new());
        assert_eq!(processes(mark), Vec::<String>::new());
        assert!(!home(mark).exists());
    }
    let folder_name = folder.display().to_string();
    assert_eq!(processes(&folder_name), Vec::<String>::new());
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_is_certified_though_workers_die_freeze_limp_and_are_cut_off() {
    let seed = rand::random();
    let patience = Duration::from_secs(60 + tasks() * PATIENCE);
    timeout(patience, storm(seed))
        .await
        .unwrap_or_else(|_| panic!("the bag of seed {seed} does not complete"));
}

#[test]
fn nothing_is_left_of_a_network() {
    let Some(network) = Network::open(2) else {
        return;
    };
    let tag = network.tag();
    assert_eq!(
        Network::traces(&tag).len(),
        5,
        "two namespaces, two cables and a bridge"
    );
    network.join(0);
    network.join(1);
    network.plug(0, false);
    assert!(!network.reaches(0) && network.reaches(1));
    network.join(0);
    drop(network);
    assert_eq!(Network::traces(&tag), Vec::<String>::new());
}
