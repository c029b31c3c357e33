//! Receipts: made from what the chain, the pool and the store have, and put to the chain again.

mod block;
mod leaves;
mod online;
mod votes;

use std::{collections::BTreeSet, path::Path};

use alloy::{consensus::TrieAccount, providers::Provider, rlp};
use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{
    DealId,
    range::{
        Content, Leaf, Value,
        audit::{Promise, epoch},
        tree,
    },
    receipt::{
        Audited, DealProof, Found, MAX_LEAVES, MAX_RECEIPT, Outcome, Reached, Receipt, Report,
        Trusted, Version, Voted, Way, terms, verify,
    },
    task::Status,
};
use canut_store::directory;

use crate::{Client, Error, Result, TaskName, status::Located};
use block::Block;
pub(crate) use votes::listed;

fn odd(what: &str) -> Error {
    Error::Unproven(what.to_owned())
}

/// What a receipt is checked against, offline: the hashes of blocks.
fn trusting(blocks: &BTreeSet<B256>) -> Trusted<'_> {
    fn cid(content: &Content) -> String {
        directory::cid(content).to_string()
    }
    Trusted {
        blocks,
        link: directory::link,
        cid,
    }
}

/// Reads a receipt, which may come from anybody.
///
/// # Errors
///
/// [`Error::NoReceipt`] when it is none, or too large.
pub fn read_receipt(bytes: &[u8]) -> Result<Receipt> {
    if bytes.len() > MAX_RECEIPT {
        return Err(Error::NoReceipt(format!(
            "it has more than {MAX_RECEIPT} bytes"
        )));
    }
    serde_json::from_slice(bytes).map_err(|error| Error::NoReceipt(error.to_string()))
}

/// Asks a receipt everything that can be asked without a network, believing these blocks.
pub fn verify_receipt(receipt: &Receipt, blocks: &BTreeSet<B256>) -> Report {
    verify(receipt, &trusting(blocks))
}

/// Whether the file at `path` is the archive that was certified: the plain one, after decryption. Blocks.
pub fn verify_archive(receipt: &Receipt, path: &Path) -> Result<Outcome> {
    let cid = canut_store::cid_of(path)?;
    Ok(
        if directory::content(&cid) == Some(receipt.result.leaf.content) {
            Outcome::Passed
        } else {
            Outcome::Failed(format!(
                "the file's CID is {cid}, the certified one is {}",
                receipt.result.cid
            ))
        },
    )
}

impl Client {
    /// The receipt of a completed task that was settled by certificate. It was verified.
    ///
    /// # Errors
    ///
    /// [`Error::OpenWay`] of a task that was not; [`Error::NoResult`] of one that is not completed; [`Error::Unproven`] when
    /// what the services say does not hold together.
    pub async fn receipt(&self, name: impl Into<TaskName>) -> Result<Receipt> {
        let located = self.locate(name.into()).await?;
        let Located {
            id, deal, index, ..
        } = located;
        if located.task.status != Status::Completed {
            return Err(Error::NoResult {
                task: id,
                status: located.task.status,
            });
        }
        let settlement = self.settlement(deal, index).await?;
        let settlement = settlement.ok_or(Error::OpenWay(id))?;
        let settled = &settlement.settled;
        let block = self.whole_block(settlement.block).await?;
        let its = block.prove(&settlement, settled.way)?;
        let (proof, terms) = self.prove_deal(deal, &block).await?;
        let members = self.members(&its.transaction, settled).await?;
        let broker = self.broker_of(&members).await?;
        let votes = members.into_iter().zip(&settled.members);
        let leaves = self.leaves(&located, settled, &terms.deal).await?;
        let receipt = Receipt {
            version: Version,
            chain_id: self.hub().domain().chain_id,
            hub: self.hub().address(),
            taskid: id,
            dealid: deal,
            index,
            way: Way::Certificate,
            result: found(
                &located,
                settled.range,
                settled.value,
                settled.delivery,
                leaves,
            )
            .ok_or_else(|| Error::Unproven("the task is not in its range".into()))?,
            votes: votes
                .map(|(member, counted)| Voted {
                    member,
                    weight: counted.weight,
                })
                .collect(),
            broker,
            reached: Reached::of(&settled.members, terms.deal.trust),
            settlement: its,
            terms: proof,
            audit: self
                .told(terms.deal.workerpool.pointer, terms.deal.start_time)
                .await,
            deal: terms,
        };
        let blocks = BTreeSet::from([receipt.settlement.block_hash, receipt.terms.block_hash]);
        let report = verify_receipt(&receipt, &blocks);
        if report.holds() {
            Ok(receipt)
        } else {
            Err(Error::Unproven(words(&report)))
        }
    }

    /// The deal's bytes, proved at the block of the settlement, or at the latest one if the node has forgotten that state.
    async fn prove_deal(
        &self,
        deal: DealId,
        settled: &Block,
    ) -> Result<(DealProof, terms::DealTerms)> {
        let address = terms::address(self.hub().address(), deal);
        let (account, at) = match self.account_proof(address, settled.number).await {
            Ok(proof) => (proof, None),
            Err(_) => {
                let provider = self.hub().provider();
                let latest = provider.get_block_number().await.map_err(Error::node)?;
                let proof = self.account_proof(address, latest).await?;
                let (header, hash) = self.header(latest).await?;
                (proof, Some((header, hash, latest)))
            }
        };
        let (header, hash, number) =
            at.unwrap_or_else(|| (settled.header.clone(), settled.hash, settled.number));
        let (account, proof, code) = account;
        let terms = terms::decode(deal, &code).ok_or_else(|| {
            Error::Unproven("the deal is not kept as this program's hubs keep deals".into())
        })?;
        let proof = DealProof {
            block: number,
            block_hash: hash,
            header,
            code,
            account,
            proof,
        };
        Ok((proof, terms))
    }

    /// An account (RLP), its proof, and its code, at the end of a block.
    async fn account_proof(
        &self,
        address: Address,
        block: u64,
    ) -> Result<(Bytes, Vec<Bytes>, Bytes)> {
        let provider = self.hub().provider();
        let code = provider
            .get_code_at(address)
            .number(block)
            .await
            .map_err(Error::node)?;
        let answer = provider
            .get_proof(address, Vec::new())
            .number(block)
            .await
            .map_err(Error::node)?;
        let account = TrieAccount {
            nonce: answer.nonce,
            balance: answer.balance,
            storage_root: answer.storage_hash,
            code_hash: answer.code_hash,
        };
        Ok((rlp::encode(account).into(), answer.account_proof, code))
    }

    /// What the pool tells of its draws for the day of a deal, once it does. A receipt holds without.
    async fn told(&self, workerpool: Address, start: u64) -> Option<Audited> {
        let day = epoch(start)?;
        let promises = self.pool_of(workerpool).await.ok()?.audits().await.ok()?;
        let promise: Promise = promises
            .promises
            .into_iter()
            .find(|told| told.epoch == day)?
            .promise;
        let promised = self.hub().audit(workerpool, day).await.ok()??;
        (promise.hash(workerpool, day) == promised).then_some(Audited {
            epoch: day,
            promise,
        })
    }
}

/// The task's place in the results of its range.
fn found(
    located: &Located,
    range: canut_protocol::Range,
    value: Value,
    delivery: B256,
    leaves: Vec<Leaf>,
) -> Option<Found> {
    let position = usize::from(range.position(located.index)?);
    let leaf = *leaves.get(position)?;
    let hashes = tree::hashes(range, &leaves);
    Some(Found {
        leaf,
        cid: directory::cid(&leaf.content).to_string(),
        root: value.root,
        link: value.link,
        delivery,
        proof: tree::proof(&hashes, position)?,
        first: range.first(),
        count: range.count(),
        leaves: (leaves.len() <= usize::from(MAX_LEAVES)).then_some(leaves),
    })
}

/// What failed, in words.
fn words(report: &Report) -> String {
    let failed = report
        .0
        .iter()
        .filter_map(|finding| match &finding.outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}", finding.check.means())),
            _ => None,
        });
    failed.collect::<Vec<_>>().join("; ")
}
