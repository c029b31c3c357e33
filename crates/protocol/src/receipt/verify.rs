//! Asking a receipt what can be asked without a network.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, keccak256};

use super::{
    Check, Finding, MAX_LEAVES, Outcome, Reached, Receipt, Report,
    calls::{self, Call},
    evidence::{self, Block},
    terms, trie,
};
use crate::{
    Range, TaskId,
    range::{
        Content, Counted, Leaf, MAX_POSTS, Member, Value, Way, member,
        member::{Ballot, MemberFault},
        tree,
    },
};

/// What whoever verifies believes, and how results are addressed.
#[derive(Clone, Copy, Debug)]
pub struct Trusted<'a> {
    /// Hashes of blocks of the chain.
    pub blocks: &'a BTreeSet<B256>,
    /// The link of results, the first of which is of the task of that index; `None` of none.
    pub link: fn(u64, &[Content]) -> Option<B256>,
    /// A CID as text.
    pub cid: fn(&Content) -> String,
}

type Answer = Result<(), String>;

/// Asks `receipt` all that can be asked offline. Questions for the chain and the store stay [unchecked](Outcome::Unchecked).
pub fn verify(receipt: &Receipt, trusted: &Trusted<'_>) -> Report {
    let findings = Check::ALL.map(|check| Finding {
        check,
        outcome: ask(receipt, trusted, check),
    });
    Report(findings.into())
}

fn ask(receipt: &Receipt, trusted: &Trusted<'_>, check: Check) -> Outcome {
    let unchecked = |why: &str| Outcome::Unchecked(why.to_owned());
    let answer = match check {
        Check::Task => task(receipt),
        Check::Result => result(receipt, trusted),
        Check::Link => match &receipt.result.leaves {
            Some(leaves) => link(receipt, leaves, trusted),
            None if receipt.result.count <= MAX_LEAVES => {
                Err("the leaves of the range were left out".to_owned())
            }
            None => {
                return unchecked("the range is large, and the store was not asked for its folder");
            }
        },
        Check::Votes => votes(receipt, false),
        Check::Enclaves => votes(receipt, true),
        Check::Trust => trust(receipt),
        Check::Settlement => settlement(receipt, trusted),
        Check::Call => call(receipt),
        Check::Deal => deal(receipt, trusted),
        Check::Record => return unchecked("the chain was not asked: give --rpc"),
        Check::Archive => return unchecked("no file was given: give --archive"),
        Check::Audit => {
            return unchecked(match receipt.audit {
                Some(_) => "the chain was not asked what was promised: give --rpc",
                None => "the pool had not told its draws when the receipt was made",
            });
        }
    };
    match answer {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn unless(wrong: bool, why: impl FnOnce() -> String) -> Answer {
    if wrong { Err(why()) } else { Ok(()) }
}

fn range(receipt: &Receipt) -> Result<Range, String> {
    receipt
        .range()
        .ok_or_else(|| "its range of tasks is none".to_owned())
}

fn task(receipt: &Receipt) -> Answer {
    let right = TaskId::of(receipt.dealid, receipt.index);
    unless(right != receipt.taskid, || {
        format!(
            "task {} of deal {} is {right}, and not {}",
            receipt.index, receipt.dealid, receipt.taskid
        )
    })
}

fn result(receipt: &Receipt, trusted: &Trusted<'_>) -> Answer {
    let (range, found) = (range(receipt)?, &receipt.result);
    let position = range
        .position(receipt.index)
        .ok_or_else(|| format!("task {} is not in the range", receipt.index))?;
    let leaf = found.leaf.hash(TaskId::of(receipt.dealid, receipt.index));
    let root = tree::root_from(leaf, position.into(), range.count().into(), &found.proof);
    unless(root != Some(found.root), || {
        "the leaf and its siblings do not lead to the root that was voted for".to_owned()
    })?;
    let cid = (trusted.cid)(&found.leaf.content);
    unless(cid != found.cid, || {
        format!("the archive's CID is {cid}, and not the one written")
    })
}

fn link(receipt: &Receipt, leaves: &[Leaf], trusted: &Trusted<'_>) -> Answer {
    let (range, found) = (range(receipt)?, &receipt.result);
    unless(leaves.len() != usize::from(range.count()), || {
        format!(
            "{} leaves are attached for {} tasks",
            leaves.len(),
            range.count()
        )
    })?;
    unless(
        tree::root(&tree::hashes(range, leaves)) != Some(found.root),
        || "the attached leaves are not those of the root".to_owned(),
    )?;
    let contents: Vec<_> = leaves.iter().map(|leaf| leaf.content).collect();
    unless(
        (trusted.link)(range.first(), &contents) != Some(found.link),
        || "the folder of the attached archives has another hash".to_owned(),
    )
}

/// The signatures of the votes, or else those of their enclaves and the broker.
fn votes(receipt: &Receipt, of_enclaves: bool) -> Answer {
    unless(
        receipt.votes.is_empty() || receipt.votes.len() > MAX_POSTS,
        || format!("{} votes are no settlement", receipt.votes.len()),
    )?;
    let ballot = Ballot {
        domain: receipt.domain(),
        range: range(receipt)?,
        value: receipt.value(),
        tee: receipt.deal.deal.tag.is_tee(),
        broker: receipt.broker,
    };
    let mut workers = BTreeSet::new();
    let mut last = Address::ZERO;
    for vote in &receipt.votes {
        let worker = vote.member.worker();
        let unsorted = receipt.settlement.way == Way::Settle && worker <= last;
        unless(
            !of_enclaves && (unsorted || !workers.insert(worker)),
            || format!("{worker} is listed twice, or out of order"),
        )?;
        last = worker;
        match vote.member.check(&ballot) {
            Err(fault @ (MemberFault::Vote(_) | MemberFault::RightVote(_))) => {
                unless(!of_enclaves, || fault.to_string())?;
            }
            Err(fault) => unless(of_enclaves, || fault.to_string())?,
            Ok(()) => {}
        }
    }
    let admitted = |vote: &super::Voted| {
        matches!(
            &vote.member,
            Member::EnclaveWinner {
                broker_signature: Some(_),
                ..
            }
        )
    };
    let brokered = receipt.votes.iter().any(admitted);
    unless(of_enclaves && brokered != receipt.broker.is_some(), || {
        "a broker is named and signed nothing, or the reverse".to_owned()
    })
}

fn trust(receipt: &Receipt) -> Answer {
    let trust = receipt.deal.deal.trust;
    let counted = receipt.counted();
    unless(counted.iter().any(|member| member.weight == 0), || {
        "a vote weighs nothing".to_owned()
    })?;
    let reached = Reached::of(&counted, trust);
    unless(reached != receipt.reached, || {
        format!(
            "the votes weigh {} for and {} against, and reach trust {}, which is not what is written",
            reached.p, reached.q, reached.reached
        )
    })?;
    unless(!Counted::sides(&counted).certify(trust), || {
        format!(
            "the votes reach trust {}, and {} is needed",
            reached.reached, reached.required
        )
    })
}

/// A header's block, if it is trusted and is what is written beside it.
fn trusted_block(
    header: &[u8],
    number: u64,
    hash: B256,
    trusted: &Trusted<'_>,
) -> Result<Block, String> {
    let block = evidence::block(header).ok_or("a header of a block cannot be read")?;
    unless(block.hash != hash || block.number != number, || {
        format!(
            "the header is of block {} ({}), and not of block {number} ({hash})",
            block.number, block.hash
        )
    })?;
    unless(!trusted.blocks.contains(&hash), || {
        format!("block {number} has the hash {hash} here, which is none that you trust")
    })?;
    Ok(block)
}

fn settlement(receipt: &Receipt, trusted: &Trusted<'_>) -> Answer {
    let its = &receipt.settlement;
    let block = trusted_block(&its.header, its.block, its.block_hash, trusted)?;
    let key = trie::key(its.transaction_index);
    for (what, root, bytes, proof) in [
        (
            "transaction",
            block.transactions,
            &its.transaction,
            &its.transaction_proof,
        ),
        (
            "transaction's outcome",
            block.receipts,
            &its.receipt,
            &its.receipt_proof,
        ),
    ] {
        unless(!trie::holds(root, &key, bytes, proof), || {
            format!(
                "the {what} is not the one at place {} of the block",
                its.transaction_index
            )
        })?;
    }
    let (succeeded, log) = evidence::outcome(&its.receipt, its.log_index)
        .ok_or("the transaction's outcome cannot be read")?;
    unless(!succeeded, || "the transaction failed".to_owned())?;
    let settled = log
        .and_then(|log| calls::settled(&log, receipt.hub))
        .ok_or_else(|| format!("event {} is no settlement of this hub", its.log_index))?;
    let right = settled.range == range(receipt)?
        && settled.way == its.way
        && settled.value == receipt.value()
        && settled.delivery == receipt.result.delivery;
    unless(!right, || {
        "the settlement's event tells of another range, result or place".to_owned()
    })?;
    unless(settled.members != receipt.counted(), || {
        "the settlement's event lists other votes, or other weights".to_owned()
    })
}

fn call(receipt: &Receipt) -> Answer {
    let (range, found) = (range(receipt)?, &receipt.result);
    let (to, input) = evidence::transaction(&receipt.settlement.transaction)
        .ok_or("the transaction cannot be read")?;
    unless(to != receipt.hub, || {
        format!("the transaction is for {to}, so that its votes are not in it")
    })?;
    let call = Call::decode(&input).ok_or("the transaction settles nothing")?;
    let other = || "the transaction is about another range, result or place".to_owned();
    match (call, receipt.settlement.way) {
        (
            Call::Settle {
                range: its,
                root,
                link,
                delivery,
                callback,
                members,
            },
            Way::Settle,
        ) => {
            let root = root.or_else(|| {
                let (content, data) = callback.as_ref()?;
                let leaf = Leaf {
                    digest: keccak256(data),
                    content: *content,
                };
                Some(leaf.hash(TaskId::of(range.deal(), range.first())))
            });
            let value = root.map(|root| Value { root, link });
            unless(
                its != range || value != Some(receipt.value()) || delivery != found.delivery,
                other,
            )?;
            let listed: Vec<_> = receipt.votes.iter().map(|vote| vote.member).collect();
            unless(member::encode(&listed) != members, || {
                "the hub was given other votes or signatures".to_owned()
            })
        }
        (
            Call::Resolve {
                range: its,
                delivery,
            },
            Way::Resolve,
        ) => unless(its != range || delivery != found.delivery, other),
        _ => Err("the transaction settles in another way".to_owned()),
    }
}

fn deal(receipt: &Receipt, trusted: &Trusted<'_>) -> Answer {
    let its = &receipt.terms;
    let block = trusted_block(&its.header, its.block, its.block_hash, trusted)?;
    let key = keccak256(terms::address(receipt.hub, receipt.dealid));
    unless(
        !trie::holds(block.state, key.as_slice(), &its.account, &its.proof),
        || "the hub keeps no such deal in that block".to_owned(),
    )?;
    let hash = evidence::code_hash(&its.account).ok_or("the deal's account cannot be read")?;
    unless(keccak256(&its.code) != hash, || {
        "the deal's bytes are not those that the hub keeps".to_owned()
    })?;
    let kept = terms::decode(receipt.dealid, &its.code)
        .ok_or("the bytes that the hub keeps are no deal")?;
    unless(kept != receipt.deal, || {
        "the terms written are not those that the hub keeps".to_owned()
    })?;
    unless(!range(receipt)?.is_within(&kept.deal), || {
        "the range is not of this deal".to_owned()
    })
}
