//! A settlement in memory: a deal, votes, and the block that they are in.

use std::{collections::BTreeSet, sync::LazyLock};

use alloy::{
    consensus::{
        Eip658Value, Header, Receipt as Done, ReceiptEnvelope, SignableTransaction, TxEip1559,
        TxEnvelope,
    },
    eips::eip2718::Encodable2718,
};
use alloy_primitives::{Log, LogData, TxKind, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use alloy_trie::TrieAccount;

use super::*;
use crate::{
    Deal, Nrlc, Resource, Tag,
    range::{Codec, Commitment, Content, broker_digest, tree},
    result::enclave_digest,
    signature::CompactSignature,
    test_support::{domain, key},
};

alloy_sol_types::sol! {
    function settle(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
    function settleCallback(bytes32 dealid, uint256 idx, uint8 codec, bytes32 content, bytes32 link, bytes32 delivery, bytes resultsCallback, bytes members);
    function resolve(bytes32 dealid, uint256 first, uint256 count, bytes32 delivery, uint8 codec, bytes32 content, bytes resultsCallback);
    event RangeSettled(bytes32 indexed dealid, uint256 indexed first, uint256 count, uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Disputed,
    Enclave,
    Callback,
    Resolved,
}

struct World {
    range: Range,
    kind: Kind,
}

const CALLBACK: &[u8] = b"for the contract";

fn link(first: u64, contents: &[Content]) -> Option<B256> {
    let mut bytes = first.to_be_bytes().to_vec();
    bytes.extend(contents.iter().flat_map(|content| content.sha256.0));
    Some(keccak256(bytes))
}

fn cid(content: &Content) -> String {
    format!("cid of {} {}", content.codec as u8, content.sha256)
}

pub(super) fn trusting(blocks: &BTreeSet<B256>) -> Trusted<'_> {
    Trusted { blocks, link, cid }
}

/// Honest receipts: of a bag, a single task, a disputed range, one computed in enclaves, a task with a callback, and a range
/// settled from posted votes.
pub(super) static HONEST: LazyLock<[Receipt; 6]> = LazyLock::new(|| {
    let kinds = [
        (7, 5, Kind::Plain),
        (9, 1, Kind::Plain),
        (7, 5, Kind::Disputed),
        (7, 5, Kind::Enclave),
        (9, 1, Kind::Callback),
        (7, 5, Kind::Resolved),
    ];
    kinds.map(|(first, count, kind)| World::of(first, count, kind).receipt())
});

/// Asks a receipt, believing the blocks of the honest ones.
pub(super) fn judge(receipt: &Receipt) -> Report {
    let blocks = HONEST.iter().map(|honest| honest.settlement.block_hash);
    verify(receipt, &trusting(&blocks.collect()))
}

fn counted(votes: &[Voted]) -> Vec<Counted> {
    let count = |vote: &Voted| Counted {
        kind: vote.member.kind(),
        worker: vote.member.worker(),
        weight: vote.weight,
    };
    votes.iter().map(count).collect()
}

impl World {
    fn of(first: u64, count: u64, kind: Kind) -> Self {
        let range = Range::new(DealId(keccak256("deal")), first, count).unwrap();
        Self { range, kind }
    }

    fn leaves(&self) -> Vec<Leaf> {
        let leaf = |index: u64| Leaf {
            digest: match self.kind {
                Kind::Callback => keccak256(CALLBACK),
                _ => keccak256(format!("digest {index}")),
            },
            content: Content {
                codec: Codec::Raw,
                sha256: keccak256(format!("content {index}")),
            },
        };
        self.range.indices().map(leaf).collect()
    }

    fn hashes(&self) -> Vec<B256> {
        tree::hashes(self.range, &self.leaves())
    }

    fn value(&self) -> Value {
        let contents: Vec<_> = self.leaves().iter().map(|leaf| leaf.content).collect();
        Value {
            root: tree::root(&self.hashes()).unwrap(),
            link: link(self.range.first(), &contents).unwrap(),
        }
    }

    fn terms(&self) -> DealTerms {
        let resource = |byte, price| Resource {
            pointer: Address::repeat_byte(byte),
            owner: Address::repeat_byte(byte + 1),
            price: Nrlc::new(price),
        };
        let deal = Deal {
            app: resource(0x10, 1),
            dataset: resource(0x20, 2),
            workerpool: resource(0x30, 100),
            trust: Trust::new(if self.kind == Kind::Disputed { 4 } else { 8 }),
            category: 2,
            tag: Tag(B256::with_last_byte(if self.kind == Kind::Enclave {
                1
            } else {
                0
            })),
            requester: Address::repeat_byte(0x40),
            beneficiary: Address::repeat_byte(0x41),
            callback: if self.kind == Kind::Callback {
                Address::repeat_byte(0x42)
            } else {
                Address::ZERO
            },
            params: r#"{"iexec_args":"x"}"#.into(),
            start_time: 1_700_000_000,
            bot_first: 4,
            bot_size: 30,
            worker_stake: Nrlc::new(30),
            scheduler_reward_ratio: 5,
            sponsor: Address::repeat_byte(0x40),
        };
        DealTerms {
            deal,
            time_ref: 300,
            marked: true,
        }
    }

    fn votes(&self) -> Vec<Voted> {
        let value = self.value();
        let broker = key(90).0;
        let seeds: &[u8] = if self.kind == Kind::Disputed {
            &[1, 2, 3, 4, 5, 6, 7, 8]
        } else {
            &[1, 2, 3]
        };
        let vote = |seed: &u8| {
            let (sign, worker) = key(*seed);
            let sign = |digest| CompactSignature::from(&sign(digest));
            let range = self.range;
            let right = value.seal(worker, range.id());
            let loses = self.kind == Kind::Disputed && *seed == 1;
            let seal = if loses { B256::repeat_byte(9) } else { right };
            let (prove, enclave) = key(50 + seed);
            let enclave = if self.kind == Kind::Enclave {
                enclave
            } else {
                Address::ZERO
            };
            let signature = sign(
                Commitment {
                    range,
                    enclave,
                    seal,
                }
                .digest(&domain()),
            );
            let member = if loses {
                Member::Loser {
                    worker,
                    signature,
                    enclave,
                    seal,
                }
            } else if self.kind == Kind::Disputed && *seed == 2 {
                Member::Absent { worker }
            } else if self.kind == Kind::Enclave {
                let proof = enclave_digest(value.result_hash(range.id()), seal);
                Member::EnclaveWinner {
                    worker,
                    signature,
                    enclave,
                    enclave_signature: CompactSignature::from(&prove(proof)),
                    broker_signature: Some(CompactSignature::from(&broker(broker_digest(
                        worker,
                        range.id(),
                        enclave,
                    )))),
                }
            } else {
                Member::Winner { worker, signature }
            };
            Voted { member, weight: 2 }
        };
        let mut votes: Vec<_> = seeds.iter().map(vote).collect();
        votes.sort_by_key(|vote| vote.member.worker());
        if self.kind == Kind::Resolved {
            votes.reverse();
        }
        votes
    }

    fn input(&self, votes: &[Voted]) -> Vec<u8> {
        let (deal, first) = (self.range.deal().0, U256::from(self.range.first()));
        let (count, Value { root, link }) = (U256::from(self.range.count()), self.value());
        let members: Vec<_> = votes.iter().map(|vote| vote.member).collect();
        let members = range::member::encode(&members);
        let delivery = B256::ZERO;
        match self.kind {
            Kind::Resolved => resolveCall {
                dealid: deal,
                first,
                count,
                delivery,
                codec: 0x55,
                content: B256::ZERO,
                resultsCallback: Bytes::new(),
            }
            .abi_encode(),
            Kind::Callback => {
                let Content {
                    codec,
                    sha256: content,
                } = self.leaves()[0].content;
                settleCallbackCall {
                    dealid: deal,
                    idx: first,
                    codec: codec as u8,
                    content,
                    link,
                    delivery,
                    resultsCallback: CALLBACK.into(),
                    members,
                }
                .abi_encode()
            }
            _ => settleCall {
                dealid: deal,
                first,
                count,
                root,
                link,
                delivery,
                members,
            }
            .abi_encode(),
        }
    }

    /// Five transactions, the fourth of which settles, with what came of them.
    fn block(&self, votes: &[Voted]) -> (Vec<Bytes>, Vec<Bytes>) {
        let hub = domain().hub;
        let counted = counted(votes);
        let event = RangeSettled {
            dealid: self.range.deal().0,
            first: U256::from(self.range.first()),
            count: U256::from(self.range.count()),
            way: self.way() as u8,
            root: self.value().root,
            link: self.value().link,
            delivery: B256::ZERO,
            members: Counted::encode(&counted),
        };
        let other = Log {
            address: hub,
            data: LogData::new_unchecked(vec![B256::ZERO], Bytes::new()),
        };
        let settled = Log {
            address: hub,
            data: event.encode_log_data(),
        };
        let transactions = (0..5u64).map(|at| {
            let input = if at == 3 {
                self.input(votes)
            } else {
                vec![at as u8; 40]
            };
            let plain = TxEip1559 {
                nonce: at,
                to: TxKind::Call(hub),
                input: input.into(),
                ..Default::default()
            };
            let signature = key(80).0(plain.signature_hash());
            Bytes::from(TxEnvelope::from(plain.into_signed(signature)).encoded_2718())
        });
        let outcomes = (0..5u64).map(|at| {
            let logs = if at == 3 {
                vec![other.clone(), settled.clone()]
            } else {
                Vec::new()
            };
            let done = Done {
                status: Eip658Value::Eip658(true),
                cumulative_gas_used: 21_000 * (at + 1),
                logs,
            };
            Bytes::from(ReceiptEnvelope::Eip1559(done.with_bloom()).encoded_2718())
        });
        (transactions.collect(), outcomes.collect())
    }

    fn way(&self) -> range::Way {
        if self.kind == Kind::Resolved {
            range::Way::Resolve
        } else {
            range::Way::Settle
        }
    }

    fn receipt(&self) -> Receipt {
        let domain = domain();
        let (terms, votes) = (self.terms(), self.votes());
        let (transactions, outcomes) = self.block(&votes);
        let (transactions_root, transaction_proof) = trie::prove(&transactions, 3).unwrap();
        let (receipts_root, receipt_proof) = trie::prove(&outcomes, 3).unwrap();
        let code = Bytes::from(encode(self.range.deal(), &terms));
        let account = Bytes::from(alloy::rlp::encode(TrieAccount {
            nonce: 1,
            code_hash: keccak256(&code),
            ..Default::default()
        }));
        let (state_root, proof) = state(terms::address(domain.hub, self.range.deal()), &account);
        let header = Header {
            number: 77,
            timestamp: 1_700_000_900,
            state_root,
            transactions_root,
            receipts_root,
            ..Default::default()
        };
        let (header, block_hash) = (Bytes::from(alloy::rlp::encode(&header)), header.hash_slow());
        let index = self.range.first() + u64::from(self.range.count()) / 2;
        let position = usize::from(self.range.position(index).unwrap());
        let leaf = self.leaves()[position];
        let counted = counted(&votes);
        Receipt {
            version: Version,
            chain_id: domain.chain_id,
            hub: domain.hub,
            taskid: TaskId::of(self.range.deal(), index),
            dealid: self.range.deal(),
            index,
            way: Way::Certificate,
            result: Found {
                leaf,
                cid: cid(&leaf.content),
                root: self.value().root,
                link: self.value().link,
                delivery: B256::ZERO,
                proof: tree::proof(&self.hashes(), position).unwrap(),
                first: self.range.first(),
                count: self.range.count(),
                leaves: Some(self.leaves()),
            },
            broker: (self.kind == Kind::Enclave).then_some(key(90).1),
            reached: Reached::of(&counted, terms.deal.trust),
            deal: terms,
            votes,
            settlement: Settlement {
                way: self.way(),
                block: 77,
                block_hash,
                header: header.clone(),
                transaction_index: 3,
                transaction: transactions[3].clone(),
                receipt: outcomes[3].clone(),
                log_index: 1,
                transaction_proof,
                receipt_proof,
            },
            terms: DealProof {
                block: 77,
                block_hash,
                header,
                code,
                account,
                proof,
            },
            audit: None,
        }
    }
}

/// A state of three accounts, and the proof of one.
fn state(address: Address, account: &Bytes) -> (B256, Vec<Bytes>) {
    let target = alloy_trie::Nibbles::unpack(keccak256(address));
    let retainer = alloy_trie::proof::ProofRetainer::new(vec![target]);
    let mut builder = alloy_trie::HashBuilder::default().with_proof_retainer(retainer);
    let other = |byte| {
        (
            alloy_trie::Nibbles::unpack(B256::repeat_byte(byte)),
            Bytes::from(alloy::rlp::encode(TrieAccount::default())),
        )
    };
    let mut accounts = vec![other(0x01), (target, account.clone()), other(0xfe)];
    accounts.sort_by_key(|account| account.0);
    for (key, value) in accounts {
        builder.add_leaf(key, &value);
    }
    let root = builder.root();
    (
        root,
        builder
            .take_proof_nodes()
            .into_nodes_sorted()
            .into_iter()
            .map(|(_, node)| node)
            .collect(),
    )
}

/// As `contracts/src/DealCode.sol` writes it.
fn encode(id: DealId, terms: &DealTerms) -> Vec<u8> {
    let deal = &terms.deal;
    let join = |high: Address, low: U256| (U256::from_be_slice(high.as_slice()) << 96) | low;
    let ratio = U256::from(deal.scheduler_reward_ratio) << 80;
    let marked = U256::from(u8::from(terms.marked)) << 88;
    let times = U256::from(deal.start_time) | (U256::from(terms.time_ref) << 40) | ratio | marked;
    let sizes = U256::from(deal.bot_first)
        | (U256::from(deal.bot_size) << 40)
        | (U256::from(deal.category) << 80);
    let words = [
        U256::from_be_bytes(id.0.0),
        join(deal.app.pointer, deal.app.price.0),
        join(deal.app.owner, times),
        join(deal.workerpool.pointer, deal.workerpool.price.0),
        join(deal.scheduler(), deal.worker_stake.0),
        join(deal.requester, deal.trust.0),
        join(deal.dataset.owner, sizes),
        join(deal.dataset.pointer, deal.dataset.price.0),
        U256::from_be_bytes(deal.tag.0.0),
        U256::ZERO,
        join(deal.beneficiary, U256::ZERO),
        join(deal.callback, U256::ZERO),
    ];
    let mut code = vec![0];
    code.extend(words.iter().flat_map(|word| word.to_be_bytes::<32>()));
    code.extend(deal.params.as_bytes());
    code
}
