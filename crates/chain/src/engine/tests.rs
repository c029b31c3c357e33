use super::*;
use crate::state::StateReader;
use crate::{
    executor::next_base_fee,
    genesis::Genesis,
    store::{Snapshot, Store, StoreConfig},
};
use alloy::consensus::{SignableTransaction, TxLegacy};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use proptest::prelude::*;
use std::{collections::BTreeMap, path::Path};

/// What a test block has: who sends how much to whom.
type Transfer = (u8, u8, u64);

struct List(std::vec::IntoIter<Recovered<TxEnvelope>>, Vec<Rejection>);

impl TxSource for List {
    fn next(&mut self) -> Option<Arc<Recovered<TxEnvelope>>> {
        self.0.next().map(Arc::new)
    }
    fn reject(&mut self, _: &Recovered<TxEnvelope>, reason: Rejection) {
        self.1.push(reason);
    }
}

struct AnyHeader;
impl HeaderRules for AnyHeader {
    fn check(&self, _: &Header, _: &Header) -> Verdict {
        Verdict::Valid
    }
}

fn account(id: u8) -> Address {
    Address::repeat_byte(0xa0 | id)
}

fn open(dir: Option<&Path>) -> Core {
    let genesis = Genesis {
        timestamp: 1,
        ..Genesis::funding(
            7,
            (0..4).map(account),
            U256::from(10u64).pow(U256::from(20)),
        )
    };
    let config = StoreConfig {
        dir: dir.map(Path::to_owned),
        cache: 1 << 20,
        history: 8,
        // So small that checkpoints happen all the time.
        checkpoint_bytes: 5000,
        resident_nodes: 20,
        stages: Arc::new(crate::stages::Stages::new().unwrap()),
    };
    Core::new(
        genesis.rules(),
        Store::open(config, genesis.block(1)).unwrap(),
        8,
    )
}

fn context(core: &Core, parent: B256) -> BlockCtx {
    let parent = core.version(parent).unwrap().head.header.clone();
    let base_fee = next_base_fee(&core.rules, &parent);
    BlockCtx {
        number: parent.number + 1,
        timestamp: parent.timestamp + 1,
        base_fee,
        ..super::core::context_of(&parent)
    }
}

/// Builds a block of transfers on a parent.
fn build(core: &Core, parent: B256, transfers: &[Transfer], salt: u8) -> Arc<SealedBlock> {
    let version = core.version(parent).unwrap();
    let mut nonces = BTreeMap::new();
    let transactions: Vec<_> = transfers
        .iter()
        .map(|(from, to, value)| {
            let sender = account(*from);
            let nonce = nonces
                .entry(*from)
                .or_insert_with(|| version.account(sender).unwrap().unwrap().nonce);
            let tx = TxLegacy {
                chain_id: Some(7),
                nonce: *nonce,
                gas_price: 2_000_000_000,
                gas_limit: 21_000,
                to: TxKind::Call(account(*to)),
                value: U256::from(*value),
                input: Bytes::new(),
            };
            *nonce += 1;
            let signature = Signature::new(U256::from(u16::from(*from) + 1), U256::ONE, false);
            Recovered::new_unchecked(tx.into_signed(signature).into(), sender)
        })
        .collect();
    let mut list = List(transactions.into_iter(), Vec::new());
    let ctx = BlockCtx {
        extra: vec![salt].into(),
        ..context(core, parent)
    };
    let sealed = core
        .build(parent, ctx, &mut list, &Cancel::default())
        .unwrap();
    assert_eq!(list.1, []);
    sealed.block
}

/// Every balance, and a proof that each is in the state root.
fn balances(core: &Core) -> Vec<U256> {
    let head = core.store.head();
    (0..8)
        .map(|id| {
            let snapshot = Snapshot::at(&head, head.head.number()).unwrap();
            let proof = snapshot.prove(account(id), &[]).unwrap();
            let key = alloy_trie::Nibbles::unpack(alloy_primitives::keccak256(account(id)));
            let leaf = proof.account.map(alloy::rlp::encode);
            alloy_trie::proof::verify_proof(head.root, key, leaf, &proof.account_proof).unwrap();
            proof.account.map_or(U256::ZERO, |account| account.balance)
        })
        .collect()
}

#[test]
fn a_block_travels_and_is_checked_by_another() {
    let (ours, theirs) = (open(None), open(None));
    let genesis = ours.head().hash;
    assert_eq!(genesis, theirs.head().hash);
    // Signatures are not real here, so the block is given as it is.
    let block = build(&ours, genesis, &[(0, 1, 5), (1, 5, 7)], 0);
    let check = |block: &SealedBlock| theirs.check(block, &AnyHeader, &Cancel::default()).unwrap();
    let mut wrong = SealedBlock::clone(&block);
    wrong.header.state_root = B256::repeat_byte(1);
    assert!(matches!(check(&wrong), Verdict::Invalid(reason) if reason.contains("state root")));
    let mut early = SealedBlock::clone(&block);
    early.header.parent_hash = B256::repeat_byte(2);
    assert_eq!(
        check(&early),
        Verdict::NotYet(Wait::Parent(B256::repeat_byte(2)))
    );
    assert_eq!(theirs.head().hash, genesis, "nothing of this is durable");
    assert_eq!(check(&block), Verdict::Valid);
    theirs.commit(block.hash, b"votes").unwrap();
    theirs.commit(block.hash, b"votes").unwrap();
    assert_eq!(theirs.head().hash, block.hash);
    assert_eq!(
        theirs.finality(1).unwrap().as_deref(),
        Some(b"votes".as_slice())
    );
}

#[test]
fn a_cancelled_build_leaves_nothing() {
    let core = open(None);
    let cancel = Cancel::default();
    cancel.cancel();
    let genesis = core.head().hash;
    let block = build(&core, genesis, &[(0, 1, 5)], 0);
    let mut list = List(block.transactions.clone().into_iter(), Vec::new());
    let cancelled = core.build(genesis, context(&core, genesis), &mut list, &cancel);
    assert!(matches!(
        cancelled,
        Err(EngineError::Execute(ExecuteError::Cancelled))
    ));
}

#[test]
fn siblings_of_a_committed_block_are_dropped() {
    let core = open(None);
    let genesis = core.head().hash;
    let (a, b) = (
        build(&core, genesis, &[(0, 1, 5)], 0),
        build(&core, genesis, &[(0, 1, 6)], 1),
    );
    let below_b = build(&core, b.hash, &[(0, 1, 7)], 0);
    let below_a = build(&core, a.hash, &[(0, 2, 8)], 0);
    core.commit(a.hash, &[]).unwrap();
    assert!(matches!(
        core.commit(below_b.hash, &[]),
        Err(EngineError::Unknown(_))
    ));
    core.commit(below_a.hash, &[]).unwrap();
    assert_eq!(core.head().number, 2);
}

#[test]
fn a_block_survives_its_bytes() {
    let core = open(None);
    let block = build(&core, core.head().hash, &[], 3);
    let bytes = encode_block(&block);
    assert_eq!(bytes.len(), block.size());
    assert_eq!(decode_block(&bytes, 10_000).unwrap().hash, block.hash);
    assert!(matches!(
        decode_block(&bytes, 10),
        Err(WireError::TooLarge { .. })
    ));
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(
        decode_block(&longer, 10_000).unwrap_err(),
        WireError::NotCanonical
    );
}

/// What may happen to a chain.
#[derive(Clone, Debug)]
enum Act {
    /// A branch of blocks is built beside another, and committed.
    Extend(Vec<Vec<Transfer>>),
    /// Back by some blocks.
    Revert(usize),
    /// A developer changes a balance.
    Patch(u8, u64),
    /// The process dies, and starts again.
    Crash,
    /// It stops well, and starts again.
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let transfers = prop::collection::vec((0u8..4, 0u8..8, 0u64..1000), 0..4);
    prop_oneof![
        6 => prop::collection::vec(transfers, 1..4).prop_map(Act::Extend),
        2 => (1usize..5).prop_map(Act::Revert),
        1 => (4u8..8, 0u64..1000).prop_map(|(id, balance)| Act::Patch(id, balance)),
        2 => Just(Act::Crash),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order: head, root and every balance are those of a model that
    /// only remembers, and past states are what they were.
    #[test]
    fn a_chain_is_what_was_committed(acts in prop::collection::vec(act(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let mut core = open(Some(dir.path()));
        // Per committed block: hash, and the balances after it.
        let mut model = vec![(core.head().hash, balances(&core))];
        let mut patched: Option<Vec<U256>> = None;
        for act in acts {
            match act {
                Act::Extend(blocks) => {
                    let mut parent = core.head().hash;
                    let _sibling = build(&core, parent, &[], 9);
                    for transfers in &blocks {
                        let block = build(&core, parent, transfers, 0);
                        parent = block.hash;
                        core.commit(parent, &[]).unwrap();
                        model.push((parent, balances(&core)));
                        patched = None;
                    }
                }
                Act::Revert(back) => {
                    let to = model.len().saturating_sub(1 + back);
                    match core.revert_to(model[to].0) {
                        Ok(()) => {
                            model.truncate(to + 1);
                            patched = None;
                        }
                        Err(error) => prop_assert!(matches!(error, EngineError::Unknown(_)), "{error}"),
                    }
                }
                Act::Patch(id, balance) => {
                    core.patch(|version| {
                        let mut cache = crate::state::StateCache::new(version);
                        cache.edit(account(id), |info| info.balance = U256::from(balance))?;
                        Ok(cache.into_changes())
                    }).unwrap();
                    patched = Some(balances(&core));
                }
                Act::Crash => {
                    drop(core);
                    core = open(Some(dir.path()));
                }
                Act::Restart => {
                    core.store.close();
                    drop(core);
                    core = open(Some(dir.path()));
                }
            }
            let (hash, expected) = model.last().unwrap();
            prop_assert_eq!(core.head().hash, *hash);
            prop_assert_eq!(core.head().number, model.len() as u64 - 1);
            prop_assert_eq!(&balances(&core), patched.as_ref().unwrap_or(expected));
            let head = core.store.head();
            for (number, (hash, balances)) in model.iter().enumerate() {
                let number = number as u64;
                prop_assert_eq!(head.block(number).unwrap().unwrap().hash, *hash);
                prop_assert_eq!(head.height(hash).unwrap(), Some(number));
                let Some(past) = Snapshot::at(&head, number).filter(|_| number < head.head.number()) else { continue };
                for (id, balance) in (0u8..).zip(balances) {
                    let found = past.account(account(id)).unwrap().map_or(U256::ZERO, |account| account.balance);
                    prop_assert_eq!(found, *balance);
                }
            }
        }
    }
}
