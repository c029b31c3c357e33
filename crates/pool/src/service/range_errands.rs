//! Carrying out orders about ranges: countersignatures, transactions, and looking at archives.

use std::{io::Cursor, sync::Arc};

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{Caller, Delivered};
use canut_protocol::{
    Deal, Failure,
    range::{Assignment, Content, Leaf, PostedVote, Range, Value},
    signature::CompactSignature,
};
use canut_store::{Remote, directory};
use canut_vault::format::result::is_wanted;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use super::route::Heard;
use crate::{
    archive::{ArchiveError, ArchiveLimits, Contents, inspect, inspect_in, is_sealed},
    ranges::{Delivery, Phase, RangeChain, RangeCommand, RangeEvent, RangeReport, Stage, Voting},
    session::Listed,
};

/// Largest archive that is looked at in memory, in bytes.
const SMALL: u64 = 1 << 20;
/// Archives of one range fetched at the same time.
const FETCHES: usize = 8;
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
                Stage::Offered | Stage::Away | Stage::Out(_) | Stage::Absent => None,
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
            (RangeCommand::Resolve { range, found }, _) => {
                let delivered = found.map(|(leaf, data)| Delivered {
                    content: leaf.content,
                    data,
                });
                caller
                    .resolve(range, B256::ZERO, delivered.as_ref())
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
            None => caller.settle(range, value, B256::ZERO, &members).await,
        };
        settled.map(|_| ())
    }

    /// What is delivered on chain; none for a deal without a callback.
    fn delivered(&self, voting: &Voting, value: Value) -> Option<Delivered> {
        let data = voting.delivery.as_ref()?.callback.clone()?;
        let opened = voting.opened.iter().find(|opened| opened.value == value)?;
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

    /// Fetches all archives of a value, and sees whether they are what the leaves say.
    pub(super) async fn check(
        self,
        range: Range,
        value: Value,
        leaves: Vec<Leaf>,
        deal: Arc<Deal>,
    ) -> Option<RangeEvent> {
        let report = match self.examine(range, &leaves, &deal).await {
            Ok(callback) => RangeReport::Delivered(Delivery { value, callback }),
            Err(failure) => {
                info!(%range, %failure, "the results of a range are not there");
                RangeReport::Undelivered(failure)
            }
        };
        Some(RangeEvent::Errand(range, report))
    }

    async fn examine(
        &self,
        range: Range,
        leaves: &[Leaf],
        deal: &Arc<Deal>,
    ) -> Result<Option<Bytes>, Failure> {
        let contents: Vec<Content> = leaves.iter().map(|leaf| leaf.content).collect();
        for node in directory::nodes(range.first(), &contents) {
            let folder = directory::cid(&node.content);
            self.store.list(&folder).await.map_err(refused)?;
        }
        let found: Vec<Bytes> = stream::iter(leaves.to_vec())
            .map(|leaf| self.clone().archive(leaf, Arc::clone(deal)))
            .buffered(FETCHES)
            .try_collect()
            .await?;
        let callback = deal.callback != Address::ZERO;
        Ok(found.into_iter().next().filter(|_| callback))
    }

    /// Fetches one archive. Gives the bytes for the callback, if the deal has one.
    async fn archive(self, leaf: Leaf, deal: Arc<Deal>) -> Result<Bytes, Failure> {
        let room = self.fetches.acquire().await;
        let _room = room.map_err(|_| Failure::StoreUnreachable)?;
        let cid = directory::cid(&leaf.content);
        let (limits, callback) = (self.limits, deal.callback != Address::ZERO);
        // Most are small, and need no file.
        if !is_wanted(&deal.params)
            && let Ok(small) = self.store.bytes(&cid, SMALL).await
        {
            // What is small may unpack to much.
            let look = tokio::task::spawn_blocking(move || {
                inspect_in(Cursor::new(small), callback, limits)
            });
            return agrees(leaf, look.await.map_err(|_| Failure::UploadWrong)?);
        }
        let folder = tempfile::tempdir().map_err(|_| Failure::StoreUnreachable)?;
        let path = folder.path().join("result.zip");
        self.store.download(&cid, &path).await.map_err(refused)?;
        let look = tokio::task::spawn_blocking(move || {
            // Its bytes were voted for: all honest workers encrypt alike.
            if is_sealed(&path, &deal, limits) {
                return Ok(None);
            }
            inspect(&path, callback, limits).map(Some)
        });
        match look.await.map_err(|_| Failure::UploadWrong)?.transpose() {
            None => Ok(Bytes::new()),
            Some(contents) => agrees(leaf, contents),
        }
    }
}

/// The bytes for the callback, if an archive is what its leaf says.
fn agrees(leaf: Leaf, contents: Result<Contents, ArchiveError>) -> Result<Bytes, Failure> {
    match contents {
        Ok(contents) if contents.digest == leaf.digest => Ok(contents.callback),
        Ok(_) => Err(Failure::UploadWrong),
        Err(error) => {
            info!(%error, "a result is no result");
            Err(Failure::UploadWrong)
        }
    }
}

fn refused(error: canut_store::Error) -> Failure {
    info!(%error, "a result cannot be fetched");
    match error {
        canut_store::Error::TooLarge { .. }
        | canut_store::Error::NotAFile(_)
        | canut_store::Error::NotAFolder(_)
        | canut_store::Error::NotFound(_)
        | canut_store::Error::Refused { status: 404, .. } => Failure::UploadWrong,
        _ => Failure::StoreUnreachable,
    }
}
