//! Apps that are images in a registry: Debian's own registry, from the push to the certificate.

use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::B256;
use canut_protocol::{
    Failure, TaskId,
    location::Location,
    task::{ContributionStatus, Status},
};
use canut_sandbox::{EngineKind, OciRuntime, Runtimes};

use crate::{
    containers::skip,
    depot::{Registry, push_shell},
    loom::Loom,
    market::{Market, WORKER, get},
    node::key,
};

const PARAMS: &str = r#"{"iexec_args": "'echo task $IEXEC_TASK_INDEX >$IEXEC_OUT/said; echo \"{\\\"deterministic-output-path\\\":\\\"/iexec_out/said\\\"}\" >$IEXEC_OUT/computed.json'"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_pulled_from_its_registry_and_its_result_certified() {
    let Some(registry) = Registry::start() else {
        return skip("no registry: apt install docker-registry");
    };
    let digest = push_shell(&registry).await;
    let mut market = Market::open().await;
    let place = Location::Other(format!("{}/team/app:latest", registry.address));
    market.sell_at("DOCKER", &place, digest).await;
    let pool = market.pool(Market::settings()).await;
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 4 {
        market.endow(seed).await;
        let mut config = market.worker_config(&pool.sessions(), seed);
        let folder = config.folder.join("containers");
        match OciRuntime::new(&folder, &EngineKind::ALL).await {
            Ok(oci) => {
                config.runtime = Arc::new(Runtimes::new(vec![Arc::new(Loom), Arc::new(oci)]))
            }
            Err(reason) => return skip(&reason.to_string()),
        }
        // The owner of the first does not let it go to this registry, which is on a private network.
        config.private_networks = seed > WORKER;
        workers.push(canut_worker::start(config).await.unwrap());
    }
    let (id, deal) = market.deal(2, 5, PARAMS).await;
    let address = pool.address().to_string();
    market
        .settle(id, &deal, || address.clone(), &BTreeSet::new())
        .await;
    for task in market.tasks(id, &deal).await {
        assert_eq!(task.status, Status::Completed);
        for (worker, vote) in &task.contributions {
            assert_eq!(vote.status, ContributionStatus::Proved);
            assert_ne!(*worker, key(WORKER).address(), "it could not pull");
        }
        let archive = market.result(&task).await;
        let said = format!("task {}\n", task.index);
        assert!(
            archive
                .windows(said.len())
                .any(|part| part == said.as_bytes()),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_pulled_is_declined_with_the_reason() {
    let Some(registry) = Registry::start() else {
        return skip("no registry: apt install docker-registry");
    };
    let digest = push_shell(&registry).await;
    let at = &registry.address;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap();
    drop(free);
    let unknown = B256::repeat_byte(1);
    for (place, checksum, expected) in [
        (
            format!("{at}/team/app:latest"),
            unknown,
            Failure::AppMissing,
        ),
        (format!("{at}/team/other"), digest, Failure::AppMissing),
        (
            format!("{nobody}/team/app"),
            digest,
            Failure::AppUnreachable,
        ),
    ] {
        let mut market = Market::open().await;
        market
            .sell_at("DOCKER", &Location::Other(place), checksum)
            .await;
        let pool = market.pool(Market::settings()).await;
        market.endow(WORKER).await;
        let mut config = market.worker_config(&pool.sessions(), WORKER);
        match OciRuntime::new(&config.folder.join("containers"), &EngineKind::ALL).await {
            Ok(oci) => config.runtime = Arc::new(oci),
            Err(reason) => return skip(&reason.to_string()),
        }
        config.private_networks = true;
        let _worker = canut_worker::start(config).await.unwrap();
        let (id, deal) = market.deal(1, 1, "").await;
        let (_, task) = deal.tasks(id).next().unwrap();
        told(&pool.address().to_string(), task, expected).await;
    }
}

/// Waits until the pool tells that it was given this reason.
async fn told(pool: &str, task: TaskId, reason: Failure) {
    let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        look.tick().await;
        let view = get(pool, &format!("/tasks/{task}")).await;
        if view.is_some_and(|view| view.to_string().contains(reason.name())) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_lent_too_little_of_the_disk_leaves_tasks_to_others() {
    let market = Market::open().await;
    let pool = market.pool(Market::settings()).await;
    let address = pool.address().to_string();
    let mut workers = Vec::new();
    for (seed, work) in [(WORKER, 64 << 20), (WORKER + 1, 4 << 30)] {
        market.endow(seed).await;
        let mut config = market.worker_config(&pool.sessions(), seed);
        (config.cache, config.work) = (1 << 30, Some(work));
        workers.push(canut_worker::start(config).await.unwrap());
    }
    let (id, deal) = market.deal(6, 1, "").await;
    market
        .settle(id, &deal, || address.clone(), &BTreeSet::new())
        .await;
    for task in market.tasks(id, &deal).await {
        let voters: Vec<_> = task
            .contributions
            .iter()
            .map(|(worker, _)| *worker)
            .collect();
        assert_eq!(voters, [key(WORKER + 1).address()]);
    }
}
