//! Apps that are container images, from the deal to the certificate.

use std::{collections::BTreeSet, sync::Arc};

use canut_protocol::{
    Failure,
    task::{ContributionStatus, Status},
};
use canut_sandbox::{EngineKind, OciRuntime, Runtimes};

use crate::{
    boxes::{debian_image, say},
    loom::Loom,
    market::{Market, WORKER, get},
    node::key,
};

/// Says what is skipped; in CI nothing may be.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    say(&format!("SKIPPED: {reason}"));
}

/// Python with numpy, on numbers that come with the request.
const PARAMS: &str = r#"{"iexec_args": "python3 -c 'import numpy, os, json; out = os.environ[\"IEXEC_OUT\"]; numbers = numpy.arange(10) + int(os.environ[\"IEXEC_TASK_INDEX\"]); print(numbers.mean(), file=open(out + \"/mean.txt\", \"w\")); json.dump({\"deterministic-output-path\": out + \"/mean.txt\"}, open(out + \"/computed.json\", \"w\"))'"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debian_image_is_certified_by_the_workers_that_can_run_it() {
    let Some(image) = debian_image() else {
        return skip("no Debian image");
    };
    let mut market = Market::open().await;
    market.sell("OCI", &image).await;
    let pool = market.pool(Market::settings()).await;
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 4 {
        market.endow(seed).await;
        let mut config = market.worker_config(&pool.sessions(), seed);
        // The first has no engine.
        if seed > WORKER {
            let folder = config.folder.join("containers");
            match OciRuntime::new(&folder, &EngineKind::ALL).await {
                Ok(oci) => {
                    config.runtime = Arc::new(Runtimes::new(vec![Arc::new(Loom), Arc::new(oci)]))
                }
                Err(reason) => return skip(&reason.to_string()),
            }
        }
        workers.push(canut_worker::start(config).await.unwrap());
    }
    let (id, deal) = market.deal(2, 5, PARAMS).await;
    let address = pool.address().to_string();
    market
        .settle(id, &deal, || address.clone(), &BTreeSet::new())
        .await;
    for task in market.tasks(id, &deal).await {
        assert_eq!(task.status, Status::Completed);
        assert_eq!(task.contributions.len(), 3, "three agree");
        for (worker, vote) in &task.contributions {
            assert_eq!(vote.status, ContributionStatus::Proved);
            assert_ne!(*worker, key(WORKER).address());
        }
        let archive = market.result(&task).await;
        let mean = format!("{}.5\n", 4 + task.index);
        assert!(
            archive
                .windows(mean.len())
                .any(|part| part == mean.as_bytes()),
            "{mean}"
        );
        let view = get(&address, &format!("/tasks/{}", task.id()))
            .await
            .unwrap();
        assert_eq!(
            view["replicates"].as_array().unwrap().len(),
            3,
            "nobody else was asked: {view}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_an_engine_says_why_it_does_not_run_an_image() {
    let mut market = Market::open().await;
    let image = market.folder.path().join("image.tar");
    let mut builder = tar::Builder::new(std::fs::File::create(&image).unwrap());
    crate::boxes::add(&mut builder, "manifest.json", b"[]");
    builder.finish().unwrap();
    // As iExec's tools register every app: what it is, only its bytes say.
    market.sell("DOCKER", &image).await;
    let pool = market.pool(Market::settings()).await;
    market.endow(WORKER).await;
    let _worker = market.worker(&pool.sessions(), WORKER).await;
    let (id, deal) = market.deal(1, 1, "").await;
    let (_, task) = deal.tasks(id).next().unwrap();
    let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        look.tick().await;
        let view = get(&pool.address().to_string(), &format!("/tasks/{task}")).await;
        if view.is_some_and(|view| view.to_string().contains(Failure::RuntimeMissing.name())) {
            return;
        }
    }
}
