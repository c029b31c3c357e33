//! A task as iExec's SDK wants to see it (offchain.md, section 6.2).

use alloy_primitives::{Address, B256};
use canut_protocol::{Failure, task::Deadlines};
use serde_json::{Value, json};

use crate::schedule::{Contract, Job, Milestone, Phase, Replica, Stage, Standing};

/// The task model. Times are in milliseconds there.
pub(super) fn task(job: &Job, contract: &Contract) -> Value {
    let deal = &contract.deal;
    let deadlines = Deadlines::of(deal.start_time, contract.time_ref).ok();
    let (consensus, reveal) = match job.phase {
        Phase::Revealing {
            consensus,
            deadline,
        } => (Some(consensus), Some(deadline)),
        _ => (certified(job), None),
    };
    let link = job
        .delivery
        .as_ref()
        .map(|delivery| format!("/ipfs/{}", delivery.cid));
    let history: Vec<_> = job
        .history
        .iter()
        .map(|(at, milestone)| json!({ "status": status(*milestone), "date": at * 1_000 }))
        .collect();
    let initialized = job.history.first().map(|(at, _)| *at);
    json!({
        "chainTaskId": job.id().to_string(),
        "dealid": job.deal.to_string(),
        "index": job.index,
        "replicates": job.replicas.iter().map(|(worker, part)| replicate(job, *worker, part)).collect::<Vec<_>>(),
        "maxExecutionTime": contract.time_ref * 1_000,
        "tag": deal.tag.0.to_string(),
        "trust": deal.trust.to_string(),
        "commandLine": arguments(&deal.params),
        "currentStatus": job.history.last().map_or("RECEIVED", |(_, milestone)| status(*milestone)),
        "initializationTime": initialized.map(|at| at * 1_000),
        "consensus": consensus.map(|hash| hash.to_string()),
        "contributionDeadline": deadlines.map(|deadlines| deadlines.contribution * 1_000),
        "revealDeadline": reveal.map(|at| at * 1_000),
        "finalDeadline": deadlines.map(|deadlines| deadlines.end * 1_000),
        "resultLink": link,
        "chainCallbackData": job.delivery.as_ref().map(|delivery| delivery.callback.to_string()),
        "dateStatusList": history,
    })
}

fn replicate(job: &Job, worker: Address, part: &Replica) -> Value {
    let (current, hash, failure) = match part.stage {
        Stage::Computing => ("STARTED", None, None),
        Stage::Computed => ("COMPUTED", None, None),
        Stage::Away(_) => ("RECOVERING", None, None),
        Stage::Out(failure) => ("FAILED", None, Some(failure)),
        Stage::Voted(vote) => match vote.standing {
            Standing::Cast => ("CONTRIBUTED", Some(vote.hash), None),
            Standing::Revealed => ("REVEALED", Some(vote.hash), None),
            Standing::Rejected => ("REVEAL_TIMEOUT", Some(vote.hash), None),
        },
    };
    let update = json!({
        "status": current,
        "date": part.since * 1_000,
        "cause": failure.map(Failure::name),
    });
    json!({
        "chainTaskId": job.id().to_string(),
        "walletAddress": worker.to_string(),
        "currentStatus": current,
        "contributionHash": hash.map(|hash: B256| hash.to_string()),
        "cause": failure.map(cause),
        "statusUpdateList": [update],
    })
}

fn certified(job: &Job) -> Option<B256> {
    let mut revealed = job
        .votes()
        .filter(|(_, vote)| vote.standing == Standing::Revealed);
    revealed.next().map(|(_, vote)| vote.hash)
}

/// Why a worker has nothing to tell, with what to do about it.
pub(super) fn cause(failure: Failure) -> Value {
    json!({
        "name": failure.name(),
        "fault": failure.fault(),
        "meaning": failure.meaning(),
        "remedy": failure.remedy(),
    })
}

pub(super) fn arguments(params: &str) -> Option<String> {
    let params: Value = serde_json::from_str(params).ok()?;
    Some(params.get("iexec_args")?.as_str()?.to_owned())
}

/// The name of the official scheduler's status.
const fn status(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::Initialized => "INITIALIZED",
        Milestone::Running => "RUNNING",
        Milestone::Certified => "CONSENSUS_REACHED",
        Milestone::Revealed => "AT_LEAST_ONE_REVEALED",
        Milestone::Uploaded => "RESULT_UPLOADED",
        Milestone::Reopened => "REOPENED",
        Milestone::Completed => "COMPLETED",
        Milestone::Failed => "FAILED",
    }
}
