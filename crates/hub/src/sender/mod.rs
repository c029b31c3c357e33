//! Sending transactions from one key, many at once.
//!
//! One task owns the key and its nonces. It hands one transaction after the other to the node, so nonces neither collide nor
//! leave gaps, and it drives each to inclusion: it looks for receipts, hands transactions over again that the node forgot,
//! and raises the fee of the one that is stuck. A transaction that cannot be sent takes no nonce, so it stops no other.
//!
//! Giving up on a call (dropping its future) is always safe: what was handed over is still driven to inclusion.

mod driver;
mod flight;

use std::{fmt, sync::Arc, time::Duration};

use alloy::{
    network::{EthereumWallet, TxSigner},
    primitives::{Address, Bytes, Signature, U256},
    providers::{DynProvider, Provider},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Error, Refusal, Result};
use driver::Driver;

/// How a [`Sender`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct SenderConfig {
    /// How often receipts are looked for. Over WebSocket they are looked for after every block as well.
    pub poll: Duration,
    /// Blocks that must hold a transaction, its own included, before its receipt is believed: 1 where blocks are final.
    pub confirmations: u64,
    /// Blocks after which the fee of a transaction that was passed over is raised by a quarter.
    pub bump_after: u64,
    /// Fee per gas, in wei, above which it is never raised.
    pub fee_limit: u128,
    /// How often an unanswered transaction is handed to the node again before giving up.
    pub attempts: u32,
    /// Transactions sent and not yet included; more wait.
    pub in_flight: usize,
}

impl Default for SenderConfig {
    /// For a chain with final blocks: one confirmation, looked for four times a second; at most 500 gwei.
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            confirmations: 1,
            bump_after: 4,
            fee_limit: 500_000_000_000,
            attempts: 6,
            in_flight: 64,
        }
    }
}

/// A key that sends transactions. Clones share the key; when the last is dropped the task that sends ends.
#[derive(Clone)]
pub struct Sender {
    address: Address,
    provider: DynProvider,
    queue: mpsc::Sender<Job>,
    _driver: Arc<Owned>,
}

/// A transaction to send, priced in gas already.
struct Job {
    to: Address,
    input: Bytes,
    value: U256,
    gas: u64,
    reply: oneshot::Sender<Result<TransactionReceipt>>,
}

/// A task that ends with its owner.
struct Owned(JoinHandle<()>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender for `signer`'s key. There must be one sender per key: nobody else may use it meanwhile.
    ///
    /// Must be called within a Tokio runtime.
    pub async fn new<S>(
        provider: impl Provider + 'static,
        signer: S,
        config: SenderConfig,
    ) -> Result<Self>
    where
        S: TxSigner<Signature> + Send + Sync + 'static,
    {
        let provider = provider.erased();
        let chain_id = provider.get_chain_id().await?;
        let address = signer.address();
        let (queue, jobs) = mpsc::channel(config.in_flight.max(1));
        let driver = Driver::new(
            provider.clone(),
            EthereumWallet::from(signer),
            address,
            chain_id,
            config,
        );
        let task = tokio::spawn(driver.run(jobs));
        Ok(Self {
            address,
            provider,
            queue,
            _driver: Arc::new(Owned(task)),
        })
    }

    /// The account of the key.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Sends a call and waits until it is included.
    ///
    /// The call is tried out first, so one that would fail costs nothing: [`Error::Refused`]. If it fails all the same
    /// (somebody was faster) its gas is spent: [`Error::Reverted`].
    pub async fn send(&self, to: Address, input: Bytes, value: U256) -> Result<TransactionReceipt> {
        let request = TransactionRequest::default()
            .from(self.address)
            .to(to)
            .value(value)
            .input(input.clone().into());
        let gas = self
            .provider
            .estimate_gas(request.clone())
            .pending()
            .await
            .map_err(refused)?;
        // Between the estimate and the block others may make the call a little dearer.
        let gas = gas.saturating_add(gas / 4);
        let (reply, answer) = oneshot::channel();
        let job = Job {
            to,
            input,
            value,
            gas,
            reply,
        };
        self.queue.send(job).await.map_err(|_| Error::Closed)?;
        let receipt = answer.await.map_err(|_| Error::Closed)??;
        if receipt.status() {
            return Ok(receipt);
        }
        Err(Error::Reverted {
            hash: receipt.transaction_hash,
            refusal: self.replay(request, gas, &receipt).await,
        })
    }

    /// Why a transaction failed: the same call on the state before its block.
    async fn replay(
        &self,
        request: TransactionRequest,
        gas: u64,
        receipt: &TransactionReceipt,
    ) -> Refusal {
        if receipt.gas_used >= gas {
            return Refusal::Said("it ran out of gas".into());
        }
        let before = receipt.block_number.unwrap_or_default().saturating_sub(1);
        let outcome = self
            .provider
            .call(request.gas_limit(gas))
            .block(before.into())
            .await;
        outcome
            .err()
            .and_then(|error| Refusal::in_error(&error))
            .unwrap_or(Refusal::Silent)
    }
}

/// Tells a refusal of the contract, and one of the node, from a failure of the node.
fn refused(error: alloy::transports::TransportError) -> Error {
    if let Some(refusal) = Refusal::in_error(&error) {
        return Error::Refused(refusal);
    }
    match error.as_error_resp() {
        Some(payload) => Error::Rejected {
            message: payload.message.to_string(),
        },
        None => Error::Node(error),
    }
}
