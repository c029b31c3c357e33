//! The signed votes of a settlement, from the transactions that brought them to the hub.

use std::collections::BTreeMap;

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    providers::Provider,
    rpc::types::Filter,
    sol_types::SolEvent,
};
use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use canut_hub::bindings::IHub;
use canut_protocol::{
    range::{Counted, Kind, Member, PostedVote, Settled, Way, member},
    receipt::calls::{Call, opened, posted},
    signature::CompactSignature,
};

use super::odd;
use crate::{Client, Error, Result};

/// An enclave's signature, and the broker's if there is one.
type Proof = (CompactSignature, Option<CompactSignature>);

impl Client {
    /// Everyone accounted for, in the order of the settlement's event.
    pub(super) async fn members(
        &self,
        transaction: &[u8],
        settled: &Settled,
    ) -> Result<Vec<Member>> {
        let transaction = TxEnvelope::decode_2718(&mut &*transaction)
            .map_err(|_| odd("the settlement's transaction is of an unknown kind"))?;
        match (Call::decode(transaction.input()), settled.way) {
            (Some(Call::Settle { members, .. }), Way::Settle) => listed(&members, settled)
                .ok_or_else(|| odd("the settlement's votes are not those of its event")),
            (Some(Call::Resolve { .. }), Way::Resolve) => self.resolved(settled).await,
            _ => Err(odd(
                "the range was settled through another contract, which hides the votes",
            )),
        }
    }

    /// Those whose votes were posted and counted by the hub.
    async fn resolved(&self, settled: &Settled) -> Result<Vec<Member>> {
        let (mut votes, mut proofs) = (BTreeMap::new(), BTreeMap::new());
        let enclaves = settled
            .members
            .iter()
            .any(|member| member.kind == Kind::EnclaveWinner);
        for input in self
            .inputs(settled, IHub::RangePosted::SIGNATURE_HASH)
            .await?
        {
            let list = posted(&input).filter(|(range, _)| *range == settled.range);
            let read = list.and_then(|(range, bytes)| PostedVote::decode(&bytes, range).ok());
            for PostedVote { vote, .. } in read.into_iter().flatten() {
                votes.entry(vote.worker).or_insert(vote);
            }
        }
        if enclaves {
            for input in self
                .inputs(settled, IHub::RangeOpened::SIGNATURE_HASH)
                .await?
            {
                let list = opened(&input)
                    .filter(|(range, value, _)| (*range, *value) == (settled.range, settled.value));
                let bytes = list.map(|(.., bytes)| bytes).unwrap_or_default();
                // The hub looks at the first proof that holds; a later one may be anything.
                for (worker, proof) in read_proofs(&bytes) {
                    proofs.entry(worker).or_insert(proof);
                }
            }
        }
        let members = settled.members.iter().map(|counted| {
            let worker = counted.worker;
            let vote = votes.get(&worker)?;
            let (signature, enclave) = (vote.signature, vote.commitment.enclave);
            Some(match counted.kind {
                Kind::Winner => Member::Winner { worker, signature },
                Kind::Absent => Member::Absent { worker },
                Kind::Loser => Member::Loser {
                    worker,
                    signature,
                    enclave,
                    seal: vote.commitment.seal,
                },
                Kind::EnclaveWinner => {
                    let (enclave_signature, broker_signature) = *proofs.get(&worker)?;
                    Member::EnclaveWinner {
                        worker,
                        signature,
                        enclave,
                        enclave_signature,
                        broker_signature,
                    }
                }
            })
        });
        let members: Option<Vec<_>> = members.collect();
        members.ok_or_else(|| odd("a vote was posted through another contract, which hides it"))
    }

    /// What the transactions say that made this event of the range, in the order of the chain.
    async fn inputs(&self, settled: &Settled, event: B256) -> Result<Vec<Bytes>> {
        let filter = Filter::new()
            .address(self.hub().address())
            .event_signature(event)
            .topic1(settled.range.id().0)
            .from_block(0);
        let provider = self.hub().provider();
        let logs = provider.get_logs(&filter).await.map_err(Error::node)?;
        let mut hashes: Vec<_> = logs.iter().filter_map(|log| log.transaction_hash).collect();
        hashes.dedup();
        let mut inputs = Vec::new();
        for hash in hashes {
            let found = provider
                .get_transaction_by_hash(hash)
                .await
                .map_err(Error::node)?;
            inputs.extend(found.map(|transaction| transaction.input().clone()));
        }
        Ok(inputs)
    }

    /// Who signed for the enclaves of these votes, if anybody had to.
    pub(super) async fn broker_of(&self, members: &[Member]) -> Result<Option<Address>> {
        let brokered = members.iter().any(|member| {
            matches!(
                member,
                Member::EnclaveWinner {
                    broker_signature: Some(_),
                    ..
                }
            )
        });
        Ok(if brokered {
            self.hub().tee_broker().await?
        } else {
            None
        })
    }
}

/// The members of a settlement, from the bytes of its call. Whether the hub had a broker then shows in their length.
pub(crate) fn listed(bytes: &[u8], settled: &Settled) -> Option<Vec<Member>> {
    let mut read = [false, true]
        .into_iter()
        .filter_map(|brokered| member::decode(bytes, brokered).ok());
    read.find(|members| are(members, &settled.members))
}

fn are(members: &[Member], counted: &[Counted]) -> bool {
    let named = members
        .iter()
        .map(|member| (member.kind(), member.worker()));
    named.eq(counted.iter().map(|member| (member.kind, member.worker)))
}

/// Worker 20 bytes, the enclave's signature 64, the broker's 64 if there is one.
fn read_proofs(bytes: &[u8]) -> Vec<(Address, Proof)> {
    let length = if bytes.len().is_multiple_of(148) {
        148
    } else {
        84
    };
    let read = |record: &[u8]| {
        let (worker, signs) = record.split_at_checked(20)?;
        let mut signs = signs
            .chunks(64)
            .map(|sign| CompactSignature::try_from(FixedBytes::<64>::try_from(sign).ok()?).ok());
        Some((
            Address::from_slice(worker),
            (signs.next()??, signs.next().flatten()),
        ))
    };
    bytes.chunks(length).filter_map(read).collect()
}
