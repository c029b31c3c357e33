//! What a pool tells about its tasks.

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolStruct, eip712_domain};
use canut_protocol::{
    DealId, TaskId,
    range::{Leaf, audit::Promise},
    signature,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, Result, Service,
    http::{Http, Question},
    wallet::WalletError,
};

alloy_sol_types::sol! {
    #[derive(Deserialize)]
    struct Challenge { string challenge; }
}

#[derive(Deserialize)]
struct Typed {
    message: Challenge,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    compute_logs_list: Vec<TaskLog>,
}

/// What one worker told of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    /// The worker.
    #[serde(rename(deserialize = "walletAddress"))]
    pub worker: Address,
    /// The end of the app's standard output.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
}

/// What a pool promised of its draws for a day, with the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The day, since 1970.
    pub epoch: u32,
    /// The promise.
    pub promise: Promise,
}

/// What a pool tells of its promises.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Audits {
    pub(crate) workerpool: Address,
    pub(crate) promises: Vec<Told>,
}

#[derive(Deserialize)]
struct Served {
    workerpool: Address,
}

#[derive(Deserialize)]
struct Opening {
    leaves: Vec<Leaf>,
}

/// The API of a pool. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Pool {
    http: Http,
}

impl Pool {
    /// The pool whose port is at `url`, by HTTP.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self {
            http: Http::new(Service::Pool, url)?,
        })
    }

    /// What the workers of a task told of the app's standard streams, for its requester, who signs with `key`. Nobody vouches
    /// for it.
    pub async fn logs(
        &self,
        task: TaskId,
        chain_id: u64,
        key: &PrivateKeySigner,
    ) -> Result<Vec<TaskLog>> {
        let account = key.address();
        let query = [
            ("chainId", chain_id.to_string()),
            ("address", account.to_string()),
        ];
        let path = ["tasks", "logs", "challenge"];
        let typed: Typed = self.http.ask(Question::get(&path, &query)).await?;
        let domain = eip712_domain! { name: "iExec Core", version: "1", chain_id: chain_id, };
        let digest = typed.message.eip712_signing_hash(&domain);
        let signed = key
            .sign_hash_sync(&digest)
            .map_err(|_| WalletError::NoKey)?;
        let signature = signature::to_bytes(&signed);
        let name = task.to_string();
        let path = ["tasks", &name, "logs"];
        let question = Question {
            authorization: Some(format!("{digest}_{signature}_{account}")),
            ..Question::get(&path, &[])
        };
        let answer: Answer = self.http.ask(question).await?;
        Ok(answer.compute_logs_list)
    }

    /// What the pool promised of its draws, for the days whose deals are all over. The chain has the hashes.
    pub(crate) async fn audits(&self) -> Result<Audits> {
        self.http.ask(Question::get(&["audits"], &[])).await
    }

    /// The leaves with this root of the range around a task. Whoever asks has to check that they are.
    pub(crate) async fn leaves(&self, deal: DealId, index: u64, root: B256) -> Result<Vec<Leaf>> {
        let (deal, index, root) = (deal.to_string(), index.to_string(), root.to_string());
        let path = ["leaves", &deal, &index, &root];
        let opening: Opening = self.http.ask(Question::get(&path, &[])).await?;
        Ok(opening.leaves)
    }

    /// The pool's own view of a task: its history, and what became of it at each worker. Nobody vouches for it. `None` when
    /// the pool does not know the task.
    pub async fn task(&self, task: TaskId) -> Result<Option<Value>> {
        let name = task.to_string();
        match self.http.ask(Question::get(&["tasks", &name], &[])).await {
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            asked => asked.map(Some),
        }
    }

    /// Whether the pool is that of `workerpool`, as it says itself.
    pub(crate) async fn serves(&self, workerpool: Address) -> Result<bool> {
        match self.http.ask(Question::get(&["status"], &[])).await {
            Err(Error::Refused { status: 404, .. }) => Ok(false),
            asked => asked.map(|served: Served| served.workerpool == workerpool),
        }
    }

    /// How the pool is: its workers, its tasks, why workers are idle.
    pub async fn status(&self) -> Result<Value> {
        self.http.ask(Question::get(&["status"], &[])).await
    }

    /// A page of the pool's workers: those whose addresses follow `after`.
    pub async fn workers(&self, after: Option<Address>) -> Result<Value> {
        let after: Vec<_> = after
            .map(|after| ("after", after.to_string()))
            .into_iter()
            .collect();
        self.http.ask(Question::get(&["workers"], &after)).await
    }

    /// What a worker of the pool does, and why it is not asked for more.
    pub async fn worker(&self, worker: Address) -> Result<Value> {
        let name = worker.to_string();
        self.http.ask(Question::get(&["workers", &name], &[])).await
    }

    /// What the pool does about a task that is not over.
    pub async fn place(&self, deal: DealId, index: u64) -> Result<Value> {
        let (deal, index) = (deal.to_string(), index.to_string());
        self.http
            .ask(Question::get(&["deals", &deal, &index], &[]))
            .await
    }
}
