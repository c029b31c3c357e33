//! Carrying out orders about ranges: countersignatures and transactions.

use std::sync::Arc;

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{Caller, Delivered};
use canut_protocol::{
    range::{Assignment, PostedVote, Range, Value},
    signature::CompactSignature,
};
use canut_store::Remote;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use super::route::Heard;
use crate::{
    archive::ArchiveLimits,
    ranges::{Phase, RangeChain, RangeCommand, RangeEvent, RangeReport, Stage, Voting},
    session::Listed,
};

/// Archives of all ranges fetched at the same time: more would wait for each other at the store.
pub(super) const ALL_FETCHES: usize = 64;

/// What orders are carried out with.
#[derive(Clone, Debug)]
pub(super) struct RangeErrands {
    pub(super) caller: Caller,
    pub(super) key: PrivateKeySigner,
    pub(super) store: Remote,
    pub(super) limits: ArchiveLimits,
    pub(super) workerpool: Address,
    /// Room for fetches of archives.
    pub(super) fetches: Arc<Semaphore>,
}

impl RangeErrands {
    /// The pool's word that a vote will be accounted for. The same one comes out every time (RFC 6979).
    pub(super) fn countersign(
        &self,
        range: Range,
        worker: Address,
        sealed: B256,
    ) -> Option<CompactSignature> {
        let assignment = Assignment {
            range,
            worker,
            sealed,
        };
        let digest = assignment.digest(&self.caller.hub().domain());
        match self.key.sign_hash_sync(&digest) {
            Ok(signed) => Some(CompactSignature::from(&signed)),
            Err(error) => {
                warn!(%error, "the pool's key cannot sign");
                None
            }
        }
    }

    /// Everyone who is accounted for in a range.
    pub(super) fn roster(&self, voting: &Voting) -> Vec<Listed> {
        let list = voting.listed().map(|member| {
            let worker = member.worker;
            let sealed = match &member.stage {
                Stage::Committed(vote) => Some(vote.sealed()),
                Stage::Countersigned(sealed) => Some(*sealed),
                Stage::Offered | Stage::Away | Stage::Out(_) | Stage::Outrun | Stage::Absent => {
                    None
                }
            };
            Listed {
                worker,
                vote: member.stage.vote().copied(),
                assignment: sealed
                    .and_then(|sealed| self.countersign(voting.range, worker, sealed)),
            }
        });
        list.collect()
    }

    /// The range that a transaction is about.
    pub(super) const fn range_of(&self, command: &RangeCommand) -> Option<Range> {
        match command {
            RangeCommand::Settle { range }
            | RangeCommand::Post { range }
            | RangeCommand::Open { range, .. }
            | RangeCommand::Resolve { range, .. }
            | RangeCommand::Claim { range } => Some(*range),
            _ => None,
        }
    }

    /// Sends a transaction. When it is not carried out the scheduler is told; else the chain tells.
    pub(super) async fn transact(self, command: RangeCommand, voting: Option<Voting>) -> Heard {
        let Some(range) = self.range_of(&command) else {
            return Heard::default();
        };
        match self.send(command, voting).await {
            Ok(()) => Heard::default(),
            Err(error) => {
                info!(%range, %error, "a transaction was not carried out");
                RangeEvent::Errand(range, RangeReport::Thwarted).into()
            }
        }
    }

    async fn send(&self, command: RangeCommand, voting: Option<Voting>) -> canut_hub::Result<()> {
        let caller = &self.caller;
        match (command, voting) {
            (RangeCommand::Settle { range }, Some(voting)) => self.settle(range, &voting).await,
            (RangeCommand::Post { range }, Some(voting)) => {
                caller.post(range, &self.posts(&voting)).await.map(|_| ())
            }
            (RangeCommand::Open { range, value }, _) => {
                caller.open(range, value, Bytes::new()).await.map(|_| ())
            }
            (RangeCommand::Resolve { range, found }, voting) => {
                let delivered = found.map(|(leaf, data)| Delivered {
                    content: leaf.content,
                    data,
                });
                let encrypted = voting.as_ref().map(encrypted).unwrap_or_default();
                caller
                    .resolve(range, encrypted, delivered.as_ref())
                    .await
                    .map(|_| ())
            }
            (RangeCommand::Claim { range }, _) => caller.claim_range(range).await.map(|_| ()),
            _ => Ok(()),
        }
    }

    async fn settle(&self, range: Range, voting: &Voting) -> canut_hub::Result<()> {
        let Phase::Settling(value) = voting.phase else {
            return Ok(());
        };
        let members = voting.account(value);
        let content = self.delivered(voting, value);
        let caller = &self.caller;
        let settled = match content {
            Some(delivered) => {
                let nowhere = B256::ZERO;
                caller
                    .settle_callback(range, &delivered, value.link, nowhere, &members)
                    .await
            }
            None => {
                caller
                    .settle(range, value, encrypted(voting), &members)
                    .await
            }
        };
        settled.map(|_| ())
    }

    /// What is delivered on chain; none for a deal without a callback.
    fn delivered(&self, voting: &Voting, value: Value) -> Option<Delivered> {
        let data = voting.delivery.as_ref()?.callback.clone()?;
        let opened = voting.opened(value)?;
        Some(Delivered {
            content: opened.leaves.first()?.content,
            data,
        })
    }

    /// All votes that were shown to the pool, for the hub to decide about.
    fn posts(&self, voting: &Voting) -> Vec<PostedVote> {
        let posts = voting.votes().filter_map(|vote| {
            let assignment = self.countersign(voting.range, vote.worker, vote.sealed())?;
            Some(PostedVote {
                vote: *vote,
                assignment,
            })
        });
        posts.collect()
    }

    /// Asks the chain what workers' votes are worth.
    pub(super) async fn look(self, workers: Vec<Address>) -> Heard {
        let mut heard = Heard::default();
        for worker in workers {
            match self.caller.hub().bond(self.workerpool, worker).await {
                Ok(bond) => {
                    let bonded = RangeChain::Bonded(worker, bond.amount, bond.standing());
                    heard.ranges.push(RangeEvent::Chain(bonded));
                }
                Err(error) => info!(%worker, %error, "a bond cannot be seen"),
            }
        }
        heard
    }
}

/// SHA-256 of the folder of the encrypted archives; zero when there is none.
fn encrypted(voting: &Voting) -> B256 {
    let delivery = voting.delivery.as_ref();
    delivery
        .and_then(|delivery| delivery.encrypted)
        .unwrap_or_default()
}
