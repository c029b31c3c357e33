//! A task that workers vote on with others of its range, as iExec's SDK wants to see it (offchain.md, section 6.2).

use alloy_primitives::{Address, B256};
use canut_protocol::{
    Failure, TaskId,
    range::{Clock, Leaf, Value as Found},
};
use canut_store::directory;
use serde_json::{Value, json};

use super::view::{arguments, cause};
use crate::ranges::{Member, Phase, RangeDeal, Stage, Voting};

/// The task model. Times are in milliseconds there.
pub(super) fn task(index: u64, contract: &RangeDeal, voting: &Voting) -> Value {
    let deal = &contract.deal;
    let id = TaskId::of(voting.range.deal(), index);
    let clock = Clock::of(deal.start_time, contract.time_ref).ok();
    let certified = certified(voting);
    let shown = |found| consensus(index, contract, voting, found);
    let replicates: Vec<_> = voting
        .members
        .iter()
        .map(|member| {
            let vote = member.stage.vote();
            let opened = vote.and_then(|vote| voting.opened.get(voting.group_of(vote)?));
            let (found, won) = (opened.map(|opened| opened.value), certified);
            let agreed = found.is_some() && found == won;
            replicate(id, member, agreed, found.and_then(shown))
        })
        .collect();
    let encrypted = voting.delivery.as_ref().and_then(|found| found.encrypted);
    let link = certified.map(|value| {
        let path = directory::path(index, voting.range.count());
        let folder = directory::folder(encrypted.unwrap_or(value.link));
        format!("/ipfs/{folder}/{path}")
    });
    json!({
        "chainTaskId": id.to_string(),
        "dealid": voting.range.deal().to_string(),
        "index": index,
        "range": { "first": voting.range.first(), "count": voting.range.count() },
        "replicates": replicates,
        "maxExecutionTime": contract.time_ref * 1_000,
        "tag": deal.tag.0.to_string(),
        "trust": deal.trust.to_string(),
        "commandLine": arguments(&deal.params),
        "currentStatus": status(voting),
        "initializationTime": voting.started * 1_000,
        "consensus": certified.and_then(shown).map(|hash| hash.to_string()),
        "contributionDeadline": clock.map(|clock| clock.contribution * 1_000),
        "revealDeadline": clock.map(|clock| clock.opening * 1_000),
        "finalDeadline": clock.map(|clock| clock.end * 1_000),
        "resultLink": link,
        "chainCallbackData": voting.delivery.as_ref().and_then(|delivery| delivery.callback.as_ref()).map(ToString::to_string),
        "dateStatusList": history(voting),
    })
}

/// What is or will be paid for.
fn certified(voting: &Voting) -> Option<Found> {
    match (&voting.phase, voting.opened.as_slice()) {
        (Phase::Settling(value), _) => Some(*value),
        (Phase::Settled, [only]) => Some(only.value),
        (Phase::Settled, _) => Some(voting.delivery.as_ref()?.value),
        _ => None,
    }
}

/// What the chain shows as the task's consensus once `found` is certified: where the results are, or of a callback its digest.
fn consensus(index: u64, contract: &RangeDeal, voting: &Voting, found: Found) -> Option<B256> {
    if contract.deal.callback == Address::ZERO {
        let delivery = voting.delivery.as_ref();
        let encrypted = delivery.filter(|delivery| delivery.value == found);
        let encrypted = encrypted.and_then(|delivery| delivery.encrypted);
        return Some(encrypted.unwrap_or(found.link));
    }
    let leaves = &voting.opened(found)?.leaves;
    let leaf: &Leaf = leaves.get(usize::from(voting.range.position(index)?))?;
    Some(leaf.digest)
}

fn replicate(id: TaskId, member: &Member, agreed: bool, found: Option<B256>) -> Value {
    let (current, failure) = match &member.stage {
        Stage::Offered => ("STARTED", None),
        Stage::Away => ("RECOVERING", None),
        Stage::Out(failure) => ("FAILED", Some(*failure)),
        Stage::Outrun => ("ABORTED", None),
        Stage::Countersigned(_) => ("COMPUTED", None),
        Stage::Committed(_) if agreed => ("REVEALED", None),
        Stage::Committed(_) => ("CONTRIBUTED", None),
        Stage::Absent => ("WORKER_LOST", None),
    };
    let update = json!({
        "status": current,
        "date": member.since * 1_000,
        "cause": failure.map(Failure::name),
    });
    json!({
        "chainTaskId": id.to_string(),
        "walletAddress": member.worker.to_string(),
        "currentStatus": current,
        "contributionHash": found.map(|hash| hash.to_string()),
        "cause": failure.map(cause),
        "statusUpdateList": [update],
    })
}

fn history(voting: &Voting) -> Vec<Value> {
    let at = |status: &str, time: u64| json!({ "status": status, "date": time * 1_000 });
    let mut history = vec![at("INITIALIZED", voting.started)];
    history.extend(
        voting
            .members
            .first()
            .map(|_| at("RUNNING", voting.started)),
    );
    history.extend(voting.ended.map(|ended| at(status(voting), ended)));
    history
}

/// The name of the official scheduler's status.
fn status(voting: &Voting) -> &'static str {
    match &voting.phase {
        Phase::Open if voting.members.is_empty() => "INITIALIZED",
        Phase::Open | Phase::Split | Phase::Posted => "RUNNING",
        Phase::Settling(_) if voting.delivery.is_some() => "RESULT_UPLOADED",
        Phase::Settling(_) => "CONSENSUS_REACHED",
        Phase::Settled => "COMPLETED",
        Phase::Failed => "FAILED",
    }
}

#[cfg(test)]
mod tests {
    use canut_protocol::{
        Deal, DealId, Trust,
        range::{
            Range,
            audit::{Promise, Rates},
        },
    };

    use super::*;

    fn voting(phase: Value, ended: Option<u64>) -> Voting {
        let range = Range::new(DealId(B256::repeat_byte(1)), 3, 2).unwrap();
        let found = |byte| B256::repeat_byte(byte).to_string();
        let leaf = |byte| json!({ "digest": found(byte), "content": { "codec": 0x55, "sha256": found(byte) } });
        let value = json!({ "root": found(7), "link": found(8) });
        let member = |byte, stage| json!({ "worker": Address::repeat_byte(byte), "since": 20, "stage": stage, "bound": false });
        serde_json::from_value(json!({
            "range": range, "started": 10, "sealed": [], "audit": null, "pace": null, "delivery": null, "phase": phase, "ended": ended,
            "members": [member(1, json!("offered")), member(2, json!({ "out": "APP_TRAPPED" })), member(3, json!("absent"))],
            "opened": [{ "worker": Address::repeat_byte(4), "value": value, "leaves": [leaf(1), leaf(2)] }],
        }))
        .unwrap()
    }

    #[test]
    fn everybody_sees_where_a_task_of_a_range_stands_and_who_gave_up() {
        let contract = |callback| RangeDeal {
            deal: Deal {
                start_time: 100,
                trust: Trust::new(10),
                params: r#"{"iexec_args":"--fast"}"#.into(),
                callback,
                ..Deal::default()
            },
            time_ref: 300,
            promise: Promise {
                secret: B256::ZERO,
                rates: Rates::default(),
                stride: 64,
            },
            forgotten: false,
        };
        let shown = task(4, &contract(Address::ZERO), &voting(json!("open"), None));
        assert_eq!(shown["currentStatus"], "RUNNING");
        assert_eq!(shown["commandLine"], "--fast");
        assert_eq!(shown["finalDeadline"], 3_100_000);
        assert_eq!(
            (&shown["consensus"], &shown["resultLink"]),
            (&Value::Null, &Value::Null)
        );
        let of = |shown: &Value, field: &str| -> Vec<Value> {
            let replicates = shown["replicates"].as_array().unwrap().iter();
            replicates
                .map(|replicate| replicate[field].clone())
                .collect()
        };
        assert_eq!(
            of(&shown, "currentStatus"),
            ["STARTED", "FAILED", "WORKER_LOST"]
        );
        assert_eq!(of(&shown, "cause")[1]["name"], "APP_TRAPPED");

        let over = voting(json!("settled"), Some(50));
        let shown = task(4, &contract(Address::ZERO), &over);
        assert_eq!(
            shown["dateStatusList"][2],
            json!({ "status": "COMPLETED", "date": 50_000 })
        );
        assert_eq!(shown["consensus"], B256::repeat_byte(8).to_string());
        let link = shown["resultLink"].as_str().unwrap();
        assert!(
            link.starts_with("/ipfs/bafybei") && link.ends_with("/4"),
            "{link}"
        );
        let delivered = task(4, &contract(Address::repeat_byte(9)), &over);
        assert_eq!(delivered["consensus"], B256::repeat_byte(2).to_string());
    }
}
