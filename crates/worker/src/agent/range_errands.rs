//! What is done about ranges elsewhere, while the agent goes on deciding.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::{
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
};
use alloy_primitives::{Address, B256, Bytes};
use canut_hub::{Bond, Caller, RangeState};
use canut_pool::session::Listed;
use canut_protocol::{
    Deal, DealId, Failure, Nrlc, TaskId,
    range::{Assignment, Commitment, Leaf, Leaves, PostedVote, Range, Settled, Standing, Vote},
    signature::CompactSignature,
};
use canut_relay::{Errand, Remote};
use canut_store::{AddOptions, Layout, directory};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    activity::Progress,
    ranges::{
        record::{Place, RangeJournal, RangeRecord, value_of},
        screen::{Offer, check_roster, screen},
    },
    run::{Order, Runner, contents_of},
    screen::Terms,
};

/// How long the chain is not asked again about a bond or a deal.
const FRESH: Duration = Duration::from_secs(30);
/// Most deals and bonds that are remembered.
const REMEMBERED: usize = 1_024;

/// How something about a range ended.
#[derive(Debug)]
pub(super) enum Done {
    /// An offer passed the worker's checks.
    Admitted(Range, Box<Deal>, Place, Option<Duration>),
    /// It did not, or could not be computed.
    Declined(Range, Failure),
    /// The worker has a vote on a range, written down. It may be shorter than what was offered.
    Voted(Range, Box<RangeRecord>),
    /// A record is on disk as it is now.
    Written(Box<RangeRecord>),
    /// The archives are in the store; where, if they are encrypted. What was voted for may be shown if there is a list of
    /// votes that was checked.
    Delivered(Range, Option<Vec<Listed>>, Option<B256>),
    /// What the chain says of the range; `None` when it does not answer.
    Looked(Range, Option<Option<RangeState>>),
    /// A transaction was included.
    Sent(Range),
    /// It did not work out.
    Failed(Range, Failure),
}

/// What errands about ranges are done with.
#[derive(Clone, Debug)]
pub(crate) struct RangeHands {
    pub(crate) caller: Caller,
    pub(crate) key: PrivateKeySigner,
    pub(crate) runner: Runner,
    pub(crate) journal: RangeJournal,
    pub(crate) workerpool: Address,
    pub(crate) terms: Terms,
    pub(crate) memory: Arc<Memory>,
    pub(crate) relays: Vec<Remote>,
    #[cfg(feature = "misbehaviour")]
    pub(crate) forges: bool,
}

/// What the chain said lately.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    bonds: Mutex<BTreeMap<Address, (Instant, Bond)>>,
    deals: Mutex<BTreeMap<DealId, (Deal, u64)>>,
}

impl Memory {
    fn bonds(&self) -> MutexGuard<'_, BTreeMap<Address, (Instant, Bond)>> {
        self.bonds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deals(&self) -> MutexGuard<'_, BTreeMap<DealId, (Deal, u64)>> {
        self.deals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RangeHands {
    fn address(&self) -> Address {
        self.caller.address()
    }

    async fn bond(&self, worker: Address) -> Result<Bond, Failure> {
        if let Some((at, bond)) = self.memory.bonds().get(&worker)
            && at.elapsed() < FRESH
        {
            return Ok(*bond);
        }
        let asked = self.caller.hub().bond(self.workerpool, worker).await;
        let bond = asked.map_err(|_| Failure::ChainUnreachable)?;
        let mut bonds = self.memory.bonds();
        if bonds.len() >= REMEMBERED {
            bonds.clear();
        }
        bonds.insert(worker, (Instant::now(), bond));
        Ok(bond)
    }

    /// A bond changed.
    pub(super) fn forget_bond(&self, worker: Address) {
        self.memory.bonds().remove(&worker);
    }

    async fn deal(&self, id: DealId) -> Result<(Deal, u64), Failure> {
        if let Some(known) = self.memory.deals().get(&id) {
            return Ok(known.clone());
        }
        let hub = self.caller.hub();
        let unreachable = |_| Failure::ChainUnreachable;
        let deal = hub
            .deal(id)
            .await
            .map_err(unreachable)?
            .ok_or(Failure::DealForeign)?;
        let category = hub.category(deal.category).await.map_err(unreachable)?;
        let time_ref = category.ok_or(Failure::DealForeign)?.work_clock_time_ref;
        let mut deals = self.memory.deals();
        if deals.len() >= REMEMBERED {
            deals.clear();
        }
        deals.insert(id, (deal.clone(), time_ref));
        Ok((deal, time_ref))
    }

    /// Judges an offer by what the chain says.
    pub(super) async fn admit(
        self,
        range: Range,
        budget: Option<Duration>,
        at_risk: Nrlc,
        now: u64,
    ) -> Done {
        let judged = async {
            let (deal, time_ref) = self.deal(range.deal()).await?;
            let bond = self.bond(self.address()).await?.amount;
            let offer = Offer {
                range,
                deal: &deal,
                time_ref,
                bond,
                at_risk,
                now,
            };
            let place = screen(offer, self.workerpool, &self.terms)?;
            Ok((deal, place))
        };
        match judged.await {
            Ok((deal, place)) => Done::Admitted(range, Box::new(deal), place, budget),
            Err(failure) => Done::Declined(range, failure),
        }
    }

    /// Computes the range, and signs and writes down the vote.
    pub(super) async fn weave(
        self,
        range: Range,
        deal: Box<Deal>,
        place: Place,
        budget: Option<Duration>,
        progress: Progress,
    ) -> Done {
        match self.find(range, *deal, place, budget, &progress).await {
            Ok(record) => Done::Voted(range, Box::new(record)),
            Err(failure) => Done::Declined(range, failure),
        }
    }

    async fn find(
        &self,
        range: Range,
        deal: Deal,
        place: Place,
        budget: Option<Duration>,
        progress: &Progress,
    ) -> Result<RangeRecord, Failure> {
        let results = self.journal.results(range);
        let order = Order {
            task: TaskId::of(range.deal(), range.first()),
            deal_id: range.deal(),
            index: range.first(),
            deal,
            time_ref: place.time_ref,
            folder: self.journal.folder(range),
            archive: results.clone(),
            durable: false,
            lean: false,
        };
        let leaves = self
            .runner
            .weave(order, range, &results, budget, progress)
            .await?;
        let count = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let part =
            Range::new(range.deal(), range.first(), count).map_err(|_| Failure::WorkerBroken)?;
        if part != range {
            let journal = self.journal.clone();
            blocking(move || journal.shorten(range, part)).await?;
        }
        self.vote(part, place, leaves, None).await
    }

    /// Signs a vote, and writes it down before anyone hears of it. A vote on the same range that was signed before is kept,
    /// whatever was found this time.
    async fn vote(
        &self,
        range: Range,
        place: Place,
        leaves: Vec<Leaf>,
        whole: Option<Range>,
    ) -> Result<RangeRecord, Failure> {
        let journal = self.journal.clone();
        if let Some(known) = blocking(move || journal.find(range)).await? {
            return Ok(known);
        }
        let value = value_of(range, &leaves).ok_or(Failure::WorkerBroken)?;
        let worker = self.address();
        let seal = value.seal(worker, range.id());
        #[cfg(feature = "misbehaviour")]
        let seal = if self.forges {
            value.seal(self.workerpool, range.id())
        } else {
            seal
        };
        let commitment = Commitment {
            range,
            enclave: Address::ZERO,
            seal,
        };
        let digest = commitment.digest(&self.caller.hub().domain());
        let signed = self.key.sign_hash_sync(&digest).map_err(|error| {
            warn!(%error, "the worker's key cannot sign");
            Failure::WorkerBroken
        })?;
        let vote = Vote {
            worker,
            commitment,
            signature: CompactSignature::from(&signed),
        };
        let record = RangeRecord {
            range,
            place,
            leaves,
            vote,
            assignment: None,
            roster: None,
            whole,
            settled: None,
        };
        self.write(&record).await?;
        Ok(record)
    }

    /// Votes on a part of a range that it voted on, with what it found then.
    pub(super) async fn vote_on_part(self, whole: RangeRecord, part: Range) -> Done {
        let from = whole.range.position(part.first()).map(usize::from);
        let leaves = from.and_then(|from| whole.leaves.get(from..from + usize::from(part.count())));
        let Some(leaves) = leaves.filter(|_| whole.range.contains(&part)) else {
            return Done::Declined(part, Failure::DealForeign);
        };
        let computed = whole.whole.unwrap_or(whole.range);
        match self
            .vote(part, whole.place, leaves.to_vec(), Some(computed))
            .await
        {
            Ok(record) => Done::Voted(part, Box::new(record)),
            Err(failure) => Done::Declined(part, failure),
        }
    }

    pub(super) async fn write_down(self, record: RangeRecord) -> Done {
        match self.write(&record).await {
            Ok(()) => Done::Written(Box::new(record)),
            Err(failure) => Done::Failed(record.range, failure),
        }
    }

    async fn write(&self, record: &RangeRecord) -> Result<(), Failure> {
        let (journal, record) = (self.journal.clone(), record.clone());
        blocking(move || journal.write(&record)).await
    }

    /// Whether the scheduler countersigned the worker's vote.
    pub(super) fn is_countersigned(
        &self,
        record: &RangeRecord,
        signature: CompactSignature,
    ) -> bool {
        let (range, worker, sealed) = (record.range, self.address(), record.vote.sealed());
        let digest = Assignment {
            range,
            worker,
            sealed,
        }
        .digest(&self.caller.hub().domain());
        signature.recover(digest) == Some(record.place.scheduler)
    }

    /// Checks the list of votes, writes it down, and puts the archives in the store.
    pub(super) async fn open(self, mut record: RangeRecord, members: Vec<Listed>) -> Done {
        let range = record.range;
        let opened = async {
            let members = members;
            let mut bonds = BTreeMap::new();
            for member in &members {
                let bond = self.bond(member.worker).await?;
                bonds.insert(member.worker, (bond.whole(), Standing::new(bond.score, 0)));
            }
            let domain = self.caller.hub().domain();
            check_roster(&record, &domain, &members, &bonds).map_err(|fault| {
                warn!(%range, %fault, "what was voted for is not shown");
                Failure::AuthorizationInvalid
            })?;
            record.roster = Some(members);
            self.write(&record).await?;
            self.upload(&record).await
        };
        match opened.await {
            Ok(delivery) => Done::Delivered(range, record.roster, delivery),
            Err(failure) => Done::Failed(range, failure),
        }
    }

    pub(super) async fn deliver(self, record: RangeRecord) -> Done {
        match self.upload(&record).await {
            Ok(delivery) => Done::Delivered(record.range, None, delivery),
            Err(failure) => Done::Failed(record.range, failure),
        }
    }

    /// Puts the archives of a range in the store, and the folder that lists them. Gives the hash of that folder if they are
    /// encrypted: nobody else can tell it.
    async fn upload(&self, record: &RangeRecord) -> Result<Option<B256>, Failure> {
        let range = record.range;
        let results = self.journal.results(record.whole.unwrap_or(range));
        let store = self.runner.fetcher.store();
        let refused = |error: canut_store::Error| {
            warn!(%range, %error, "the results cannot be uploaded");
            Failure::UploadFailed
        };
        let options = AddOptions {
            layout: Layout::V1,
            pin: true,
        };
        store.add_path(&results, options).await.map_err(refused)?;
        let nodes = if record.place.encrypted {
            let paths = range.indices().map(|index| results.join(index.to_string()));
            let contents = contents_of(paths.collect()).await?;
            let told = Bytes::from(Leaves(record.leaves.clone()));
            let told = store.add_bytes(told.0, options).await.map_err(refused)?;
            let told = directory::content(&told.cid).ok_or(Failure::WorkerBroken)?;
            directory::delivery(range.first(), &contents, told)
        } else {
            let contents: Vec<_> = record.leaves.iter().map(|leaf| leaf.content).collect();
            directory::nodes(range.first(), &contents)
        };
        let root = nodes.last().map(|node| node.content.sha256);
        for node in nodes {
            store.add_folder_block(node.block).await.map_err(refused)?;
        }
        Ok(root.filter(|_| record.place.encrypted))
    }

    pub(super) async fn look(self, range: Range) -> Done {
        let seen = self
            .caller
            .hub()
            .range_at(range.deal(), range.first())
            .await;
        let seen = seen.inspect_err(|error| info!(%range, %error, "the range cannot be seen"));
        // A record of another range over the same task means that this one can never be settled.
        let state = seen.ok().map(|found| {
            found.map(|found| {
                if found.range == range {
                    found.state
                } else {
                    RangeState::Failed
                }
            })
        });
        Done::Looked(range, state)
    }

    /// Posts the votes that the worker knows of.
    pub(super) async fn post(self, record: RangeRecord) -> Done {
        let known = record.roster.iter().flatten();
        let mut votes: Vec<_> = known
            .filter_map(|listed| {
                Some(PostedVote {
                    vote: listed.vote?,
                    assignment: listed.assignment?,
                })
            })
            .collect();
        if let Some(assignment) = record.assignment
            && votes
                .iter()
                .all(|posted| posted.vote.worker != record.vote.worker)
        {
            votes.push(PostedVote {
                vote: record.vote,
                assignment,
            });
        }
        let range = record.range;
        self.send(Errand::Post { range, votes }).await
    }

    /// Opens what the worker voted for.
    pub(super) async fn reveal(self, record: RangeRecord) -> Done {
        let range = record.range;
        match record.value() {
            Some(value) => self.send(Errand::Open { range, value }).await,
            None => Done::Failed(range, Failure::WorkerBroken),
        }
    }

    /// Has a posted range decided.
    pub(super) async fn resolve(self, range: Range) -> Done {
        self.send(Errand::Resolve { range }).await
    }

    /// Proves that the pool left the worker's vote out of a settlement.
    pub(super) async fn complain(self, record: RangeRecord, settled: Settled) -> Done {
        let range = record.range;
        let Some(signature) = record.assignment else {
            return Done::Failed(range, Failure::WorkerBroken);
        };
        let assignment = Assignment {
            range,
            worker: record.vote.worker,
            sealed: record.vote.sealed(),
        };
        self.send(Errand::Complain {
            settled: Box::new(settled),
            assignment,
            signature,
        })
        .await
    }

    /// Sends a transaction. Who has no ether for it has a relay do so.
    async fn send(&self, errand: Errand) -> Done {
        let range = errand.range();
        let hub = self.caller.hub();
        let ether = hub.provider().get_balance(self.address()).await;
        if !ether.is_ok_and(|ether| ether.is_zero()) {
            match errand.send(&self.caller).await {
                Ok(_) => return Done::Sent(range),
                Err(error) => {
                    info!(%range, %error, "a transaction was not carried out");
                    // Too little ether is as good as none.
                    if !matches!(error, canut_hub::Error::Rejected { .. }) {
                        return Done::Failed(range, Failure::TransactionFailed);
                    }
                }
            }
        }
        for relay in &self.relays {
            match relay.carry(&hub.domain(), errand.clone()).await {
                Ok(_) => return Done::Sent(range),
                Err(error) => info!(%range, %error, "a relay did not carry a transaction"),
            }
        }
        if self.relays.is_empty() {
            warn!(%range, "the pool stalls, and without ether or a relay the worker can only hope that somebody else posts its vote");
            return Done::Failed(range, Failure::GasTooLow);
        }
        Done::Failed(range, Failure::TransactionFailed)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::WorkerBroken)?;
    done.map_err(|error| {
        warn!(%error, "the worker cannot write down what it does, so it does nothing");
        Failure::DiskFull
    })
}
