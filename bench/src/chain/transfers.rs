//! The work: a token, clients that hold it, and their transfers, signed beforehand.

use super::http::{Connection, request};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{Address, B256, Bytes as Data, TxKind, U256, hex, keccak256},
    signers::{SignerSync, local::PrivateKeySigner},
    sol,
    sol_types::{SolCall, SolConstructor},
};
use bytes::Bytes;
use eyre::{Result, bail, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

sol!(
    #[allow(missing_docs)]
    RLC,
    "../contracts/artifacts/RLC.json"
);

/// The first account of the mnemonic that developer nodes fund.
const RICH: B256 =
    alloy::primitives::b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const CHAIN_ID: u64 = 31_337;
const GWEI: u128 = 1_000_000_000;
/// ETH for a client, wei: pays for a million transfers.
const ALLOWANCE: u128 = 400_000_000_000 * GWEI;
/// Tokens for a client.
const TOKENS: u64 = 1_000_000_000_000_000;
/// Someone with money of its own, and so nonces of its own.
#[derive(Clone, Debug)]
pub(super) struct Client {
    signer: PrivateKeySigner,
}

/// A token that the clients hold.
#[derive(Debug)]
pub(super) struct Market {
    token: Address,
    recipients: u64,
    pub(super) clients: Vec<Client>,
}

/// The part of a receipt that says how it went.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    status: String,
    contract_address: Option<Address>,
}

impl Receipt {
    pub(super) fn succeeded(&self) -> bool {
        self.status == "0x1"
    }
}

impl Market {
    /// Deploys the token and gives each of `clients` its share. Their transfers will go to `recipients` accounts in turn;
    /// a first transfer to one makes a new storage slot.
    pub(super) async fn open(
        connection: &mut Connection,
        clients: usize,
        recipients: u64,
    ) -> Result<Self> {
        let rich = Client {
            signer: PrivateKeySigner::from_bytes(&RICH)?,
        };
        let holder = RLC::constructorCall {
            holder: rich.signer.address(),
        }
        .abi_encode();
        let code = [RLC::BYTECODE.as_ref(), &holder].concat();
        let deployment = rich.sign(0, TxKind::Create, 0, code.into(), 2_000_000)?;
        let token = confirm(connection, deployment)
            .await?
            .contract_address
            .ok_or_else(|| eyre!("no contract"))?;
        let clients = (0..clients).map(Client::nth).collect::<Result<Vec<_>>>()?;
        let mut nonce = 0;
        for client in &clients {
            let to = client.signer.address();
            nonce += 1;
            confirm(
                connection,
                rich.sign(nonce, to.into(), ALLOWANCE, Data::new(), 21_000)?,
            )
            .await?;
            nonce += 1;
            let share = RLC::transferCall {
                to,
                value: U256::from(TOKENS),
            }
            .abi_encode();
            confirm(
                connection,
                rich.sign(nonce, token.into(), 0, share.into(), 100_000)?,
            )
            .await?;
        }
        Ok(Self {
            token,
            recipients: recipients.max(1),
            clients,
        })
    }

    /// Requests that send `count` transfers of one token for each client, from nonce `first`.
    pub(super) fn sign(&self, first: u64, count: u64) -> Result<Vec<Vec<Bytes>>> {
        let one = |client: &Client| {
            (first..first + count)
                .map(|nonce| client.transfer(self.token, nonce, nonce % self.recipients))
                .collect()
        };
        let workers = thread::available_parallelism()?.get();
        let share = self.clients.len().div_ceil(workers);
        thread::scope(|scope| {
            let parts: Vec<_> = self
                .clients
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().map(one).collect::<Result<Vec<_>>>()))
                .collect();
            let mut all = Vec::with_capacity(self.clients.len());
            for part in parts {
                all.extend(part.join().map_err(|_| eyre!("signing panicked"))??);
            }
            Ok(all)
        })
    }

    /// Checks that each client has paid for exactly `count` transfers.
    pub(super) async fn settle(&self, connection: &mut Connection, count: u64) -> Result<()> {
        for client in &self.clients {
            let account = client.signer.address();
            let data = hex::encode_prefixed(RLC::balanceOfCall { account }.abi_encode());
            let call = json!([{ "to": self.token, "data": data }, "latest"]);
            let left: U256 = connection.call("eth_call", call).await?;
            if left != U256::from(TOKENS - count) {
                bail!("{account} holds {left} after {count} transfers");
            }
        }
        Ok(())
    }
}

impl Client {
    fn nth(index: usize) -> Result<Self> {
        Ok(Self {
            signer: PrivateKeySigner::from_bytes(&keccak256(format!("client {index}")))?,
        })
    }

    fn transfer(&self, token: Address, nonce: u64, recipient: u64) -> Result<Bytes> {
        let recipient = keccak256(recipient.to_be_bytes());
        let to = Address::from_slice(&recipient[12..]);
        let call = RLC::transferCall {
            to,
            value: U256::from(1),
        }
        .abi_encode();
        self.sign(nonce, token.into(), 0, call.into(), 80_000)
    }

    /// The request that sends a transaction.
    fn sign(
        &self,
        nonce: u64,
        to: TxKind,
        value: u128,
        input: Data,
        gas_limit: u64,
    ) -> Result<Bytes> {
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to,
            value: U256::from(value),
            input,
            ..Default::default()
        };
        let signature = self.signer.sign_hash_sync(&tx.signature_hash())?;
        let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
        Ok(request(
            "eth_sendRawTransaction",
            &json!([hex::encode_prefixed(raw)]),
        ))
    }
}

/// How soon to ask again for a receipt that is not there yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asking {
    /// At once: one client alone takes nothing from anybody.
    AtOnce,
    /// After a quarter of the time since the transaction was sent: the latency is seen to within a quarter, and
    /// a slow node is not kept busy by questions.
    Patiently(Instant),
}

impl Asking {
    async fn pause(self) {
        if let Self::Patiently(sent) = self {
            let pause =
                (sent.elapsed() / 4).clamp(Duration::from_millis(2), Duration::from_millis(100));
            tokio::time::sleep(pause).await;
        }
    }
}

/// Nobody waits longer for one receipt.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks for the receipt of `hash` until there is one.
///
/// # Errors
/// A transaction that failed, or that has no receipt in time: then with what the node knows of it.
pub(super) async fn receipt(
    connection: &mut Connection,
    hash: B256,
    asking: Asking,
) -> Result<Receipt> {
    let body = request("eth_getTransactionReceipt", &json!([hash]));
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(receipt) = connection.send::<Receipt>(body.clone()).await? {
            return if receipt.succeeded() {
                Ok(receipt)
            } else {
                Err(eyre!("transaction {hash} failed"))
            };
        }
        asking.pause().await;
    }
    let known = request("eth_getTransactionByHash", &json!([hash]));
    let known: Option<Value> = connection.send(known).await?;
    let pool: Value = connection.call("txpool_status", json!([])).await?;
    let head: Value = connection.call("eth_blockNumber", json!([])).await?;
    bail!(
        "no receipt after {} s; the transaction: {}; the pool: {pool}; the head: {head}",
        PATIENCE.as_secs(),
        known.unwrap_or_default()
    )
}

/// Sends a request made by [`Client::sign`]: the transaction's hash.
pub(super) async fn send(connection: &mut Connection, body: Bytes) -> Result<B256> {
    connection
        .send(body)
        .await?
        .ok_or_else(|| eyre!("no hash for a transaction"))
}

async fn confirm(connection: &mut Connection, body: Bytes) -> Result<Receipt> {
    let hash = send(connection, body).await?;
    receipt(connection, hash, Asking::AtOnce).await
}
