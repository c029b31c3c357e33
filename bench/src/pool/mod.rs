//! `bench pool`: a pool with a thousand workers at work, and with ten thousand that wait.
//!
//! The pool is the service that `canut pool` runs, in a process of its own, and serves deals by certificate. The node, the
//! contracts and the store are real too; they run in this process, with the workers. Each worker has a session of its own
//! over a socket, and says, signs and uploads all that a worker does. Only instead of computing it waits, and every result is
//! the same archive.

mod farm;
mod report;
mod service;
mod worker;
mod world;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use tokio::runtime::Handle;

pub(crate) use service::Args as ServiceArgs;
pub(crate) use service::serve;

use farm::Farm;
use report::{Idle, Report, Run};
use service::Service;
use world::World;

/// What to measure.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Workers that compute
    #[arg(long, default_value_t = 1_000)]
    workers: u16,

    /// Tasks per second that they compute together, while dispatching is timed
    #[arg(long, default_value_t = 1_000)]
    rate: u32,

    /// Tasks that a worker is given at once, while dispatching is timed
    #[arg(long, default_value_t = 4)]
    range: u16,

    /// How often each worker is given some, while dispatching is timed
    #[arg(long, default_value_t = 10)]
    rounds: u16,

    /// Tasks of the deal that is done as fast as can be
    #[arg(long, default_value_t = 64_000)]
    tasks: u64,

    /// Workers that wait
    #[arg(long, default_value_t = 10_000)]
    idle: u16,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Longest time for all tasks of a deal.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long idle sessions are looked at: three heartbeats.
const WATCH: Duration = Duration::from_secs(30);

/// A run takes a few minutes: whoever waits should see that it goes on.
fn say(what: &str) {
    eprintln!("{what}");
}

/// Measures.
pub(crate) fn run(args: &Args) -> Result<Report> {
    rlimit::increase_nofile_limit(u64::MAX).wrap_err("the limit of open files")?;
    let runtime = tokio::runtime::Runtime::new()?;
    // Node and store have threads of their own, as in their own process.
    let servers = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(args, servers.handle()));
    servers.shutdown_background();
    report
}

async fn measure(args: &Args, servers: &Handle) -> Result<Report> {
    let world = Arc::new(servers.spawn(World::open()).await??);
    let (workers, range) = (u64::from(args.workers), u64::from(args.range));
    let each = Duration::from_secs(workers * range) / args.rate.max(1);
    let paced = Work {
        tasks: workers * range * u64::from(args.rounds),
        range: args.range,
        each,
    };
    say(&format!(
        "{} tasks in ranges of {range}, {each:?} each",
        paced.tasks
    ));
    let paced = work(&world, args.workers, paced).await?;
    let fast = Work {
        tasks: args.tasks,
        range: canut_pool::STRIDE,
        each: Duration::ZERO,
    };
    say(&format!("{} tasks as fast as can be", fast.tasks));
    let fast = work(&world, args.workers, fast).await?;
    say(&format!("{} workers that wait", args.idle));
    let idle = wait(&world, args.idle).await?;
    Ok(Report {
        json: args.json,
        paced,
        fast,
        idle,
    })
}

/// A deal to do.
#[derive(Clone, Copy, Debug)]
struct Work {
    tasks: u64,
    /// Most tasks of a range.
    range: u16,
    /// How long a worker computes a range, on average.
    each: Duration,
}

/// Has all tasks of a deal certified by a pool with so many workers.
async fn work(world: &Arc<World>, workers: u16, work: Work) -> Result<Run> {
    let service = Service::start(world, work.range).await?;
    let mut farm = Farm::open(world, &service, workers, work.tasks, work.each).await?;
    // A pool serves no deal that is as old as its folder, to the second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (start, processor) = (Instant::now(), service.processor()?);
    world.deal(work.tasks).await?;
    tokio::time::timeout(PATIENCE, farm.certified(work.tasks))
        .await
        .wrap_err("not all tasks were certified in time")??;
    let elapsed = start.elapsed();
    let processor = service.processor()? - processor;
    let memory = service.memory()?;
    let (first, next) = farm.close().await?;
    let run = Run {
        tasks: work.tasks,
        elapsed,
        processor,
        memory,
        burst: first.into_iter().map(|at| at - start).collect(),
        next: next.into_iter().collect(),
    };
    say(&run.to_string());
    Ok(run)
}

/// Has so many workers wait at a pool that has nothing for them.
async fn wait(world: &Arc<World>, workers: u16) -> Result<Idle> {
    let service = Service::start(world, canut_pool::STRIDE).await?;
    let empty = service.memory()?;
    let start = Instant::now();
    let farm = Farm::open(world, &service, workers, 0, Duration::ZERO).await?;
    let joined = start.elapsed();
    let processor = service.processor()?;
    tokio::time::sleep(WATCH).await;
    let processor = service.processor()? - processor;
    let memory = service.memory()?;
    farm.close().await?;
    Ok(Idle {
        workers,
        empty,
        memory,
        joined,
        processor: processor / WATCH.as_secs_f64(),
    })
}
