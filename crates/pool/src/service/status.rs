//! What the pool tells of itself: how it is, who its workers are, why a task waits, why a worker is not asked.

use alloy_primitives::Address;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use canut_gate::Refusal;
use canut_protocol::{DealId, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{desk::Desk, door::Arrival, http::Desks, view};
use crate::ranges::WorkerView;

/// Workers on one page.
const PAGE: usize = 100;

/// What somebody wants to know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// How the pool is.
    Pool,
    /// Who its workers are, after this one.
    Workers(Option<Address>),
    /// What a worker does.
    Worker(Address),
    /// What happens with a task.
    Place(DealId, u64),
}

#[derive(Deserialize)]
pub(super) struct After {
    after: Option<Address>,
}

pub(super) async fn pool(State(state): State<Desks>) -> Result<Json<Value>, Refusal> {
    ask(&state, Question::Pool, "that pool").await
}

pub(super) async fn workers(
    State(state): State<Desks>,
    Query(After { after }): Query<After>,
) -> Result<Json<Value>, Refusal> {
    ask(&state, Question::Workers(after), "that page").await
}

pub(super) async fn worker(
    State(state): State<Desks>,
    Path(worker): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let worker = worker
        .parse()
        .map_err(|_| Refusal::bad("an address is 0x and 40 hexadecimal digits"))?;
    ask(&state, Question::Worker(worker), "that worker").await
}

pub(super) async fn place(
    State(state): State<Desks>,
    Path((deal, index)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let (Ok(deal), Ok(index)) = (deal.parse(), index.parse()) else {
        let sentence = "a task is /deals/DEAL/INDEX: 0x and 64 hexadecimal digits, and a number";
        return Err(Refusal::bad(sentence));
    };
    ask(&state, Question::Place(deal, index), "that task").await
}

async fn ask(state: &Desks, question: Question, what: &str) -> Result<Json<Value>, Refusal> {
    let stopping = || {
        let sentence = "the pool is stopping: ask again when it is back";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence)
    };
    let (answer, told) = oneshot::channel();
    let asked = state
        .door
        .inbox
        .send(Arrival::Asked(question, answer))
        .await;
    asked.map_err(|_| stopping())?;
    let told = told.await.map_err(|_| stopping())?;
    told.map(Json).ok_or_else(|| Refusal::unknown(what))
}

impl Desk {
    pub(super) fn answer(&self, question: Question) -> Option<Value> {
        match question {
            Question::Pool => Some(self.pool()),
            Question::Workers(after) => Some(self.workers(after)),
            Question::Worker(worker) => self.told(self.ranges.worker(self.clock.now(), worker)),
            Question::Place(deal, index) => self.place(deal, index),
        }
    }

    fn pool(&self) -> Value {
        let now = self.clock.now();
        let left = u64::try_from(self.scheduler.open_tasks_count()).unwrap_or(u64::MAX);
        json!({
            "workerpool": self.workerpool,
            "time": now,
            "workers": self.ranges.workers(),
            "slots": self.ranges.slots(),
            "minSpeed": self.min_speed,
            "reach": self.ranges.reach(),
            "openTasks": self.ranges.open_tasks().saturating_add(left),
            "waiting": { "ranges": self.ranges.waiting(), "tasks": self.scheduler.waiting() },
            "idle": self.ranges.idle(now),
        })
    }

    fn workers(&self, after: Option<Address>) -> Value {
        let page = self.ranges.workers_after(self.clock.now(), after, PAGE);
        let workers: Vec<_> = page
            .into_iter()
            .filter_map(|seen| self.told(seen))
            .collect();
        json!({ "workers": workers, "pageSize": PAGE })
    }

    fn told(&self, mut seen: WorkerView) -> Option<Value> {
        seen.machine = self.machines.get(&seen.worker).cloned();
        let (meaning, remedy) = (seen.idle.meaning(), seen.idle.remedy());
        let tasks = self.scheduler.tasks_of(seen.worker);
        let mut told = serde_json::to_value(seen).ok()?;
        let more = json!({ "tasks": tasks, "meaning": meaning, "remedy": remedy });
        told.as_object_mut()?.extend(more.as_object()?.clone());
        Some(told)
    }

    fn place(&self, deal: DealId, index: u64) -> Option<Value> {
        if let Some(range) = self.ranges.explain(self.clock.now(), deal, index) {
            return serde_json::to_value(range).ok();
        }
        let job = self.scheduler.job(TaskId::of(deal, index))?;
        let contract = self.scheduler.contract(deal)?;
        Some(json!({ "task": view::task(job, contract) }))
    }
}
