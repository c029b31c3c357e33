//! What a pool tells about its tasks.

use canut_protocol::TaskId;
use serde_json::Value;

use crate::{
    Error, Result, Service,
    http::{Http, Question},
};

/// The API of a pool. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Pool {
    http: Http,
}

impl Pool {
    pub(crate) fn new(url: &str) -> Result<Self> {
        Ok(Self {
            http: Http::new(Service::Pool, url)?,
        })
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
}
