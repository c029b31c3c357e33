//! Workers that cheat, for tests and for the demonstration that shows one being caught. No worker that anybody runs for money
//! is one of them: only `canut demo` and tests start them, and the feature `misbehaviour` is off by default.
//!
//! Each is the honest worker with one thing bent: what it finds, what it does next, or how long it stays.

use std::sync::Arc;

use alloy::{providers::Provider, sol_types::SolCall};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use canut_hub::{Caller, Event, Follower, Hub, bindings::IHub, connect};
use canut_protocol::{TaskId, task::Status};
use canut_sandbox::{Job, Kind, Limits, ResultFile, Run, Runtime};
use sha2::{Digest, Sha256};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    Config, Handle, StartError,
    service::{Conduct, start_with},
    step::{Sight, Step, next},
};

/// A way to cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Votes for a result of its own making.
    WrongResult,
    /// Waits for a neighbour's vote, and votes the same. On a range, where votes are sealed, it votes with a seal that is not its
    /// own.
    CopiesVotes,
    /// Votes as it should, and never reveals, or shows what it voted for.
    NeverReveals,
    /// Leaves for ever once it has voted.
    Disconnects,
    /// Computes, and votes only when it is too late; on a range, never.
    ContributesLate,
}

impl Misbehaviour {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::WrongResult,
        Self::CopiesVotes,
        Self::NeverReveals,
        Self::Disconnects,
        Self::ContributesLate,
    ];
}

/// A running cheat.
#[derive(Debug)]
pub struct Cheat {
    /// The worker it is.
    pub worker: Handle,
    _minder: Option<AbortOnDropHandle<()>>,
}

/// Starts a worker that cheats. `seed` makes its lies different from those of others.
pub async fn start(mut config: Config, how: Misbehaviour, seed: u64) -> Result<Cheat, StartError> {
    let mut conduct = Conduct::default();
    let mut minder = None;
    match how {
        Misbehaviour::WrongResult => {
            config.runtime = Arc::new(Liar {
                inner: config.runtime,
                seed,
            });
        }
        Misbehaviour::CopiesVotes => {
            conduct.copies = true;
            conduct.forges = true;
            conduct.choose = imitate;
        }
        Misbehaviour::NeverReveals => {
            conduct.manners.withholds = true;
            conduct.choose = never_reveal;
        }
        Misbehaviour::Disconnects => {
            minder = Some((config.key.address(), follower(&config).await?))
        }
        Misbehaviour::ContributesLate => {
            conduct.manners.keeps_votes = true;
            conduct.choose = dawdle;
        }
    }
    let worker = start_with(config, conduct).await?;
    let minder = minder.map(|(address, follower)| {
        let stop = worker.stopper();
        AbortOnDropHandle::new(tokio::spawn(desert(address, follower, stop)))
    });
    Ok(Cheat {
        worker,
        _minder: minder,
    })
}

fn never_reveal(sight: Sight<'_>) -> Step {
    match next(sight) {
        Step::Reveal | Step::Upload | Step::ContributeAndFinalize => Step::Wait(None),
        step => step,
    }
}

fn imitate(sight: Sight<'_>) -> Step {
    let nobody = sight.task.contributions.is_empty();
    match never_reveal(sight) {
        Step::Contribute if nobody => Step::Wait(None),
        step => step,
    }
}

fn dawdle(sight: Sight<'_>) -> Step {
    let voted = sight.task.contribution(sight.worker).is_some();
    match next(sight) {
        Step::Contribute | Step::Upload | Step::ContributeAndFinalize => Step::Wait(None),
        Step::Forget(Some(_)) if sight.task.status == Status::Revealing && !voted => {
            Step::Contribute
        }
        step => step,
    }
}

async fn follower(config: &Config) -> Result<Follower, StartError> {
    let provider = connect(&config.rpc).await?;
    let hub = Hub::at(provider.clone(), config.hub).await?;
    let head = provider
        .get_block_number()
        .await
        .map_err(canut_hub::Error::from)?;
    Ok(Follower::from_block(
        provider,
        *hub.deployment(),
        config.follow,
        head,
    ))
}

async fn desert(worker: Address, mut follower: Follower, stop: CancellationToken) {
    while let Ok(batch) = follower.next().await {
        let mine = |event: &Event| matches!(event, Event::Contributed { worker: voter, .. } if *voter == worker);
        if batch.events.iter().any(|happening| mine(&happening.event)) {
            stop.cancel();
            return;
        }
    }
}

/// Votes what somebody else voted, without knowing for what.
pub(crate) async fn copy(
    caller: &Caller,
    task: TaskId,
    authorization: Bytes,
) -> canut_hub::Result<()> {
    let hub = caller.hub();
    let seen = hub.task(task).await?;
    let Some((_, neighbour)) = seen.contributions.first() else {
        return Ok(());
    };
    let call = IHub::contributeCall {
        taskid: task.0,
        resultHash: neighbour.result_hash,
        resultSeal: keccak256(caller.address()),
        enclaveChallenge: Address::ZERO,
        enclaveSign: Bytes::new(),
        authorizationSign: authorization,
    };
    let input = call.abi_encode().into();
    caller
        .sender()
        .send(hub.address(), input, U256::ZERO)
        .await
        .map(|_| ())
}

/// Runs the app, then changes what it left.
#[derive(Debug)]
struct Liar {
    inner: Arc<dyn Runtime>,
    seed: u64,
}

impl Runtime for Liar {
    fn runs(&self, kind: Kind) -> bool {
        self.inner.runs(kind)
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(async move {
            let mut outcome = self.inner.run(job, limits).await?;
            let lie = keccak256([job.task.as_slice(), &self.seed.to_be_bytes()].concat());
            (outcome.files, outcome.digest) = forge(lie);
            Ok(outcome)
        })
    }
}

/// A lie in the place of a result, and its digest.
fn forge(lie: B256) -> (Vec<ResultFile>, B256) {
    let text = format!("{lie}\n");
    let digest = B256::new(Sha256::digest(&text).into());
    let computed = r#"{"deterministic-output-path":"/iexec_out/lie.txt"}"#;
    let files = vec![
        ResultFile::held("computed.json", computed),
        ResultFile::held("lie.txt", text),
    ];
    (files, digest)
}
