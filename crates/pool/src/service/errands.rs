//! Carrying orders out: signatures, transactions, and looking at results.

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::Caller;
use canut_protocol::{Deal, DealId, Failure, TaskId, result, signature};
use canut_store::{Remote, parse_cid};
use tracing::{info, warn};

use crate::{
    archive::{ArchiveLimits, inspect, is_sealed},
    schedule::{Command, Delivery, Event, Report},
    session::ToWorker,
};

/// What orders are carried out with.
#[derive(Clone, Debug)]
pub(super) struct Errands {
    pub(super) caller: Caller,
    pub(super) key: PrivateKeySigner,
    pub(super) store: Remote,
    pub(super) limits: ArchiveLimits,
}

impl Errands {
    /// The authorisation of a worker, as a message. The same one comes out every time (RFC 6979).
    pub(super) fn assignment(
        &self,
        task: TaskId,
        deal: DealId,
        index: u64,
        worker: Address,
        sole: bool,
    ) -> Option<ToWorker> {
        let digest = result::authorization_digest(worker, task, Address::ZERO);
        match self.key.sign_hash_sync(&digest) {
            Ok(signed) => {
                let authorization = signature::to_bytes(&signed);
                Some(ToWorker::Assign {
                    task,
                    deal,
                    index,
                    authorization,
                    sole,
                })
            }
            Err(error) => {
                warn!(%error, "the pool's key cannot sign");
                None
            }
        }
    }

    /// Sends a transaction. When it is not carried out the scheduler is told; else the chain tells.
    pub(super) async fn transact(self, command: Command) -> Option<Event> {
        let caller = &self.caller;
        let pairs = |deal: DealId, indices: &[u64]| -> Vec<_> {
            indices.iter().map(|index| (deal, *index)).collect()
        };
        let (sent, thwarted) = match command {
            Command::Initialize { deal, indices } => {
                let sent = caller
                    .initialize_all(&pairs(deal, &indices))
                    .await
                    .map(|receipt| receipt.with(()));
                (sent, Event::Unopened(deal, indices))
            }
            Command::ClaimUnopened { deal, indices } => {
                let sent = caller
                    .initialize_and_claim_all(&pairs(deal, &indices))
                    .await;
                (sent, Event::Unopened(deal, indices))
            }
            Command::Finalize { task, delivery } => {
                let sent = caller
                    .finalize(task, link(&delivery.cid), delivery.callback)
                    .await;
                (sent, Event::Errand(task, Report::Thwarted))
            }
            Command::Reopen { task } => (
                caller.reopen(task).await,
                Event::Errand(task, Report::Thwarted),
            ),
            Command::Claim { task } => (
                caller.claim(task).await,
                Event::Errand(task, Report::Thwarted),
            ),
            Command::Authorise { .. }
            | Command::Reveal { .. }
            | Command::Upload { .. }
            | Command::Abort { .. }
            | Command::Check { .. } => return None,
        };
        match sent {
            Ok(_) => None,
            Err(error) => {
                info!(%error, ?thwarted, "a transaction was not carried out");
                Some(thwarted)
            }
        }
    }

    /// Fetches an uploaded result and sees whether it is the certified one.
    pub(super) async fn check(
        self,
        task: TaskId,
        cid: String,
        consensus: B256,
        deal: Deal,
    ) -> Option<Event> {
        let report = match self.examine(task, &cid, consensus, deal).await {
            Ok(callback) => Report::Checked(Delivery { cid, callback }),
            Err(failure) => {
                info!(%task, cid, %failure, "an uploaded result is refused");
                Report::Unchecked(failure)
            }
        };
        Some(Event::Errand(task, report))
    }

    async fn examine(
        &self,
        task: TaskId,
        cid: &str,
        consensus: B256,
        deal: Deal,
    ) -> Result<Bytes, Failure> {
        let cid = parse_cid(cid).map_err(|_| Failure::UploadWrong)?;
        let folder = tempfile::tempdir().map_err(|_| Failure::StoreUnreachable)?;
        let path = folder.path().join("result.zip");
        self.store.download(&cid, &path).await.map_err(|error| {
            info!(%error, "a result cannot be fetched");
            match error {
                canut_store::Error::TooLarge { .. } | canut_store::Error::NotAFile(_) => {
                    Failure::UploadWrong
                }
                canut_store::Error::Refused { status: 404, .. } => Failure::UploadWrong,
                _ => Failure::StoreUnreachable,
            }
        })?;
        let limits = self.limits;
        let callback = deal.callback != Address::ZERO;
        let look = tokio::task::spawn_blocking(move || {
            if is_sealed(&path, &deal, limits) {
                return Ok(None);
            }
            inspect(&path, callback, limits).map(Some)
        });
        let contents = look.await.map_err(|_| Failure::UploadWrong)?;
        let contents = contents.map_err(|error| {
            info!(%error, "a result is no result");
            Failure::UploadWrong
        })?;
        match contents {
            None => Ok(Bytes::new()),
            Some(contents) if result::result_hash(task, contents.digest) == consensus => {
                Ok(contents.callback)
            }
            Some(_) => Err(Failure::UploadWrong),
        }
    }
}

/// What `finalize` publishes (offchain.md, section 4.1).
pub(crate) fn link(cid: &str) -> Bytes {
    let json = serde_json::json!({ "storage": "ipfs", "location": format!("/ipfs/{cid}") });
    json.to_string().into_bytes().into()
}
