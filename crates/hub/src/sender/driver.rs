//! The task that owns the nonces.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use alloy::{
    consensus::{TxEip1559, TypedTransaction},
    eips::eip2718::Encodable2718,
    network::{Ethereum, EthereumWallet, NetworkWallet},
    primitives::{Address, B256, Bytes, TxKind},
    providers::{DynProvider, Provider},
    rpc::types::TransactionReceipt,
    transports::{TransportError, TransportErrorKind},
};
use tokio::{sync::mpsc, time::sleep};
use tracing::{debug, warn};

use super::{
    Job, SenderConfig,
    flight::{Flight, Objection, bumped},
};
use crate::{Error, Result, heads::Heads};

/// Looks in vain after which a transaction whose nonce is used counts as replaced, and every so many of which it is handed
/// over again: a node may be a little behind another, or may have forgotten.
const PATIENCE: u32 = 16;

/// Answered transactions that are remembered.
const MEMORY: usize = 64;

/// First wait before an unanswered transaction is handed over again; it doubles each time.
const BACKOFF: Duration = Duration::from_millis(100);

/// Times a transaction is signed anew because its nonce or its fee was outdated.
const REVISIONS: u32 = 5;

pub(super) struct Driver {
    provider: DynProvider,
    wallet: EthereumWallet,
    address: Address,
    chain_id: u64,
    config: SenderConfig,
    /// The next nonce; unknown at first, and after anything unexpected.
    next: Option<u64>,
    flights: BTreeMap<u64, Flight>,
    /// The last transactions that were answered, for a re-organisation may undo them after all, and then every later one
    /// waits for their nonces.
    landed: VecDeque<(u64, Bytes)>,
    head: u64,
}

/// A signed transaction.
struct Signed {
    tx: TxEip1559,
    raw: Bytes,
    hash: B256,
}

impl Driver {
    pub(super) const fn new(
        provider: DynProvider,
        wallet: EthereumWallet,
        address: Address,
        chain_id: u64,
        config: SenderConfig,
    ) -> Self {
        Self {
            provider,
            wallet,
            address,
            chain_id,
            config,
            next: None,
            flights: BTreeMap::new(),
            landed: VecDeque::new(),
            head: 0,
        }
    }

    /// Works until every [`Sender`](super::Sender) is dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut heads = Heads::new(self.provider.clone(), self.config.poll);
        loop {
            let room = self.flights.len() < self.config.in_flight;
            tokio::select! {
                job = jobs.recv(), if room => {
                    let Some(job) = job else { return };
                    self.launch(job).await;
                    // On a chain that seals on demand the receipt is there already.
                    if jobs.is_empty() {
                        self.watch().await;
                    }
                }
                () = heads.next(), if !self.flights.is_empty() => self.watch().await,
            }
        }
    }

    /// Gives `job` a nonce and hands it to the node; or answers it, and gives the nonce to nobody.
    async fn launch(&mut self, job: Job) {
        if job.reply.is_closed() {
            return;
        }
        match self.hand_over(&job).await {
            Ok(signed) => {
                let nonce = signed.tx.nonce;
                self.next = Some(nonce + 1);
                let Signed { tx, raw, hash } = signed;
                let (since, hashes) = (self.head, vec![hash]);
                self.flights.insert(
                    nonce,
                    Flight {
                        tx,
                        raw,
                        hashes,
                        since,
                        looked: 0,
                        reply: job.reply,
                    },
                );
            }
            Err(error) => {
                self.next = None;
                // The caller may have given up in the meantime.
                let _ = job.reply.send(Err(error));
            }
        }
    }

    async fn hand_over(&mut self, job: &Job) -> Result<Signed> {
        let mut outcome = Error::Closed;
        for _ in 0..REVISIONS {
            let signed = self.prepare(job).await?;
            let Err(error) = self.broadcast(&signed.raw).await else {
                return Ok(signed);
            };
            match Objection::of(&error) {
                Objection::Known => return Ok(signed),
                Objection::NoAnswer => {
                    return Err(Error::Unknown {
                        hash: signed.hash,
                        source: error,
                    });
                }
                Objection::Final => return Err(rejected(&error)),
                // An unanswered attempt before this one may be what took the nonce.
                Objection::NonceTaken if self.is_known(signed.hash).await => return Ok(signed),
                Objection::NonceTaken | Objection::FeeTooLow => {
                    self.next = None;
                    outcome = rejected(&error);
                }
            }
        }
        Err(outcome)
    }

    async fn prepare(&mut self, job: &Job) -> Result<Signed> {
        let nonce = match self.next {
            Some(nonce) => nonce,
            None => {
                let pending = self
                    .provider
                    .get_transaction_count(self.address)
                    .pending()
                    .await?;
                let ours = self
                    .flights
                    .last_key_value()
                    .map_or(0, |(last, _)| last + 1);
                pending.max(ours)
            }
        };
        let fees = self.provider.estimate_eip1559_fees().await?;
        let limit = self.config.fee_limit;
        self.sign(TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: job.gas,
            max_fee_per_gas: fees.max_fee_per_gas.min(limit),
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas.min(limit),
            to: TxKind::Call(job.to),
            value: job.value,
            access_list: Default::default(),
            input: job.input.clone(),
        })
        .await
    }

    async fn sign(&self, tx: TxEip1559) -> Result<Signed> {
        let typed = TypedTransaction::Eip1559(tx.clone());
        let signing =
            NetworkWallet::<Ethereum>::sign_transaction_from(&self.wallet, self.address, typed);
        let envelope = signing.await.map_err(TransportErrorKind::custom)?;
        Ok(Signed {
            tx,
            raw: envelope.encoded_2718().into(),
            hash: *envelope.tx_hash(),
        })
    }

    /// Hands a transaction over until the node says yes or no. Doing it twice is harmless.
    async fn broadcast(&self, raw: &Bytes) -> Result<(), TransportError> {
        let mut wait = BACKOFF;
        let mut attempt = 1;
        loop {
            let Err(error) = self.provider.send_raw_transaction(raw).await else {
                return Ok(());
            };
            if Objection::of(&error) != Objection::NoAnswer || attempt >= self.config.attempts {
                return Err(error);
            }
            debug!(%error, attempt, "no answer to a transaction, handing it over again");
            sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn is_known(&self, hash: B256) -> bool {
        matches!(
            self.provider.get_transaction_by_hash(hash).await,
            Ok(Some(_))
        )
    }

    /// Answers what is included, and pushes what is stuck.
    async fn watch(&mut self) {
        if let Err(error) = self.look().await {
            debug!(%error, "the node does not say what became of our transactions");
        }
    }

    async fn look(&mut self) -> Result<(), TransportError> {
        self.head = self.provider.get_block_number().await?;
        let used = self.provider.get_transaction_count(self.address).await?;
        let included: Vec<u64> = self
            .flights
            .range(..used)
            .map(|(nonce, _)| *nonce)
            .collect();
        for nonce in included {
            self.settle(nonce).await?;
        }
        let stuck = self.flights.range(used..).next().map(|(nonce, _)| *nonce);
        if let Some(nonce) = stuck {
            self.restore(used).await;
            self.push(nonce).await;
        }
        Ok(())
    }

    /// Answers the transaction of a used nonce, once its receipt is deep enough.
    async fn settle(&mut self, nonce: u64) -> Result<(), TransportError> {
        let Some(flight) = self.flights.get_mut(&nonce) else {
            return Ok(());
        };
        for hash in flight.hashes.iter().rev() {
            let Some(receipt) = self.provider.get_transaction_receipt(*hash).await? else {
                continue;
            };
            let depth = receipt
                .block_number
                .map_or(0, |block| (self.head + 1).saturating_sub(block));
            if depth < self.config.confirmations {
                return Ok(());
            }
            self.land(nonce, receipt);
            return Ok(());
        }
        flight.looked += 1;
        if flight.looked >= PATIENCE {
            warn!(address = %self.address, nonce, "another transaction took this nonce");
            self.next = None;
            if let Some(flight) = self.flights.remove(&nonce) {
                let _ = flight.reply.send(Err(Error::Replaced {
                    account: self.address,
                    nonce,
                }));
            }
        }
        Ok(())
    }

    fn land(&mut self, nonce: u64, receipt: TransactionReceipt) {
        let Some(flight) = self.flights.remove(&nonce) else {
            return;
        };
        if self.landed.len() == MEMORY {
            self.landed.pop_front();
        }
        self.landed.push_back((nonce, flight.raw));
        // The caller may have given up in the meantime.
        let _ = flight.reply.send(Ok(receipt));
    }

    /// Hands over again what was included once and is no more.
    async fn restore(&self, used: u64) {
        for (nonce, raw) in self.landed.iter().filter(|(nonce, _)| *nonce >= used) {
            let answer = self.provider.send_raw_transaction(raw).await.err();
            debug!(
                nonce,
                ?answer,
                "restored a transaction that a re-organisation undid"
            );
        }
    }

    /// Raises the fee of a transaction that was passed over, or reminds the node of it.
    async fn push(&mut self, nonce: u64) {
        let Some(flight) = self.flights.get_mut(&nonce) else {
            return;
        };
        flight.looked += 1;
        // The head known when it was sent may be an old one: blocks count from the first look.
        if flight.looked == 1 {
            flight.since = self.head;
        } else if self.head >= flight.since.saturating_add(self.config.bump_after) {
            flight.since = self.head;
            let tx = flight.tx.clone();
            if let Err(error) = self.bump(nonce, tx).await {
                warn!(%error, nonce, "the fee of a stuck transaction was not raised");
            }
        } else if flight.looked % PATIENCE == 0 {
            let raw = flight.raw.clone();
            let answer = self.provider.send_raw_transaction(&raw).await.err();
            debug!(nonce, ?answer, "reminded the node of a transaction");
        }
    }

    async fn bump(&mut self, nonce: u64, mut tx: TxEip1559) -> Result<()> {
        let market = self.provider.estimate_eip1559_fees().await?;
        let max_fee = bumped(tx.max_fee_per_gas, market.max_fee_per_gas);
        if max_fee > self.config.fee_limit {
            return Err(Error::Rejected {
                message: format!("{max_fee} wei per gas is over the limit set"),
            });
        }
        tx.max_priority_fee_per_gas =
            bumped(tx.max_priority_fee_per_gas, market.max_priority_fee_per_gas).min(max_fee);
        tx.max_fee_per_gas = max_fee;
        let Signed { tx, raw, hash } = self.sign(tx).await?;
        // Remembered before it is handed over: if the answer is lost, its receipt is still looked for.
        if let Some(flight) = self.flights.get_mut(&nonce) {
            (flight.tx, flight.raw) = (tx, raw.clone());
            flight.hashes.push(hash);
        }
        debug!(nonce, max_fee, "raised the fee of a stuck transaction");
        match self.provider.send_raw_transaction(&raw).await {
            Err(error) if Objection::of(&error) != Objection::Known => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn rejected(error: &TransportError) -> Error {
    let message = error
        .as_error_resp()
        .map(|payload| payload.message.to_string());
    Error::Rejected {
        message: message.unwrap_or_else(|| error.to_string()),
    }
}
