//! Where a pool is found, and its logs, as iExec's SDK asks for them (offchain.md, sections 6.2 and 6.11).

use std::{collections::BTreeSet, time::Instant};

use alloy_primitives::Address;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use canut_gate::Refusal;
use canut_protocol::TaskId;
use serde::Deserialize;
use serde_json::json;

use super::http::{Desks, parse_task};
use crate::ledger::{Ledger, LedgerError};

/// Longest name of a host that is repeated.
const MAX_HOST: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Who {
    chain_id: String,
    address: String,
}

/// The registry of pools, as far as this one knows: itself.
pub(super) async fn pool(
    State(state): State<Desks>,
    Path((chain, workerpool)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let here = chain == state.door.hub.domain().chain_id.to_string();
    let asked: Option<Address> = workerpool.parse().ok();
    if !here || asked != Some(state.door.workerpool) {
        return Err(Refusal::unknown("that workerpool"));
    }
    let url = match &state.url {
        Some(url) => url.clone(),
        // Where the client reached it, it will again.
        None => reached(&headers)
            .ok_or_else(|| Refusal::bad("the request names no host: its pool was told no --url"))?,
    };
    Ok(Json(json!({ "apiUrl": url })).into_response())
}

fn reached(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let fit = (1..=MAX_HOST).contains(&host.len()) && host.bytes().all(plain);
    fit.then(|| format!("http://{host}"))
}

/// A challenge to sign, for one look at logs.
pub(super) async fn challenge(
    State(state): State<Desks>,
    Query(who): Query<Who>,
) -> Result<Response, Refusal> {
    if who.chain_id != state.door.hub.domain().chain_id.to_string() {
        return Err(Refusal::bad("this pool is of another chain"));
    }
    let account = who.address.parse();
    let account =
        account.map_err(|_| Refusal::bad("an address is 0x and 40 hexadecimal digits"))?;
    Ok(Json(state.challenges.issue(account, Instant::now())).into_response())
}

/// What the workers of a task told of it, for its requester.
pub(super) async fn logs(
    State(state): State<Desks>,
    Path(task): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = parse_task(&task)?;
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|given| state.challenges.redeem(given, Instant::now()));
    let account = given.ok_or_else(|| {
        let sentence = "sign a challenge of /tasks/logs/challenge for each look at logs";
        Refusal::new(StatusCode::UNAUTHORIZED, sentence)
    })?;
    let trouble = |error| Refusal::trouble(&error);
    let known = participants(&state.ledger, id).await.map_err(trouble)?;
    let (requester, workers) = known.ok_or_else(|| Refusal::unknown("that task of this pool"))?;
    if requester != account {
        let sentence = "only the requester of a task sees its logs";
        return Err(Refusal::new(StatusCode::FORBIDDEN, sentence));
    }
    let mut logs = state.logbook.of(id).await.map_err(trouble)?;
    // Anybody with a session can tell tales of any task.
    logs.retain(|log| workers.contains(&log.worker));
    let document = json!({ "chainTaskId": id.to_string(), "computeLogsList": logs });
    Ok(Json(document).into_response())
}

/// Who asked for a task, and which workers were asked to compute it; whichever way it is certified.
async fn participants(
    ledger: &Ledger,
    task: TaskId,
) -> Result<Option<(Address, BTreeSet<Address>)>, LedgerError> {
    if let Some((_, contract, voting)) = ledger.range_task(task).await? {
        let workers = voting.members.iter().map(|member| member.worker);
        return Ok(Some((contract.deal.requester, workers.collect())));
    }
    let known = ledger.task(task).await?;
    Ok(known.map(|(job, contract)| {
        let workers = job.replicas.keys().copied();
        (contract.deal.requester, workers.collect())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_host_is_repeated() {
        let headers = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            reached(&headers)
        };
        assert_eq!(headers("[::1]:8548").as_deref(), Some("http://[::1]:8548"));
        assert_eq!(
            headers("pool.example").as_deref(),
            Some("http://pool.example")
        );
        for odd in ["", "a/b", "a@b", "a b", "a?b", &"x".repeat(256)] {
            assert_eq!(headers(odd), None, "{odd}");
        }
        assert_eq!(reached(&HeaderMap::new()), None);
    }
}
