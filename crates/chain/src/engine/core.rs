//! The engine: the executor over the store, with the blocks not yet durable.

use super::{Engine, EngineError, Head, HeaderRules, Sealed, TxSource, Verdict, Wait};
use crate::{
    executor::{
        BlockCtx, Cancel, ExecuteError, Execution, Rejection, Rules, assemble, execute,
        next_base_fee,
    },
    stages::Stage,
    state::{ReadError, StateChanges},
    store::{Draft, SealedBlock, Store, Version},
};
use alloy::consensus::{Header, TxEnvelope, transaction::Recovered};
use alloy_primitives::{B256, map::B256Map};
use parking_lot::Mutex;
use std::sync::Arc;

/// The engine: the executor over the store, with the blocks not yet durable.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) rules: Rules,
    pub(crate) store: Store,
    overlays: Mutex<B256Map<Arc<Version>>>,
    max_unfinalized: usize,
}

impl Core {
    pub(crate) fn new(rules: Rules, store: Store, max_unfinalized: usize) -> Self {
        Self {
            rules,
            store,
            overlays: Mutex::default(),
            max_unfinalized,
        }
    }

    /// The version after a block: durable, or waiting.
    pub(crate) fn version(&self, hash: B256) -> Result<Arc<Version>, EngineError> {
        let head = self.store.head();
        if head.head.hash == hash {
            return Ok(head);
        }
        self.overlays
            .lock()
            .get(&hash)
            .cloned()
            .ok_or(EngineError::Unknown(hash))
    }

    /// Seals an executed block over `parent` and keeps it.
    fn keep(
        &self,
        parent: &Version,
        ctx: &BlockCtx,
        mut execution: Execution,
        expected: Option<&Header>,
    ) -> Result<Result<Arc<SealedBlock>, String>, EngineError> {
        let stages = self.store.stages();
        let changes = std::mem::take(&mut execution.changes);
        let draft = stages.time(Stage::StateRoot, || Draft::new(parent, changes))?;
        let header = stages.time(Stage::Header, || {
            assemble(parent.head.hash, ctx, &execution, draft.root)
        });
        if let Some(expected) = expected.filter(|expected| **expected != header) {
            return Ok(Err(difference(expected, &header)));
        }
        let block = Arc::new(SealedBlock::new(
            header,
            execution.transactions,
            execution.receipts,
        ));
        let version = stages.time(Stage::Keep, || {
            draft.seal(parent, Arc::clone(&block), self.store.retention())
        });
        self.overlays.lock().insert(block.hash, Arc::new(version));
        Ok(Ok(block))
    }

    /// Forgets a block that will not be committed.
    pub(crate) fn discard(&self, hash: B256) {
        self.overlays.lock().remove(&hash);
    }

    /// Changes the durable state between two blocks.
    pub(crate) fn patch(
        &self,
        change: impl FnOnce(&Version) -> Result<StateChanges, ReadError>,
    ) -> Result<(), EngineError> {
        let head = self.store.fresh(&self.store.head());
        let draft = Draft::new(&head, change(&head)?)?;
        Ok(self
            .store
            .commit(&[Arc::new(draft.patch(&head, self.store.retention()))])?)
    }

    /// Goes back to a mark of the store.
    pub(crate) fn revert_to_mark(&self, mark: u64) -> Result<(), EngineError> {
        let head = self.store.fresh(&self.store.head());
        self.overlays.lock().clear();
        Ok(self
            .store
            .commit(&[Arc::new(head.revert_to(mark, self.store.retention())?)])?)
    }
}

/// The first field in which two headers differ.
fn difference(claimed: &Header, found: &Header) -> String {
    let fields = [
        ("state root", claimed.state_root, found.state_root),
        (
            "transactions root",
            claimed.transactions_root,
            found.transactions_root,
        ),
        ("receipts root", claimed.receipts_root, found.receipts_root),
    ];
    for (name, claimed, found) in fields {
        if claimed != found {
            return format!("its {name} is {found}, not {claimed}");
        }
    }
    if claimed.gas_used != found.gas_used {
        return format!("it uses {} gas, not {}", found.gas_used, claimed.gas_used);
    }
    if claimed.logs_bloom != found.logs_bloom {
        return "its logs bloom differs".into();
    }
    "its header has fields that the rules do not give".into()
}

/// A list given beforehand: what a received block has.
struct Given {
    rest: std::vec::IntoIter<Recovered<TxEnvelope>>,
    refused: Option<Rejection>,
}

impl TxSource for Given {
    fn next(&mut self) -> Option<Arc<Recovered<TxEnvelope>>> {
        if self.refused.is_some() {
            None
        } else {
            self.rest.next().map(Arc::new)
        }
    }
    fn reject(&mut self, _: &Recovered<TxEnvelope>, reason: Rejection) {
        self.refused = Some(reason);
    }
}

impl Engine for Core {
    fn head(&self) -> Head {
        let version = self.store.head();
        Head {
            number: version.head.number(),
            hash: version.head.hash,
            state_root: version.root,
        }
    }

    fn build(
        &self,
        parent: B256,
        ctx: BlockCtx,
        txs: &mut dyn TxSource,
        cancel: &Cancel,
    ) -> Result<Sealed, EngineError> {
        let waiting = self.overlays.lock().len();
        if waiting >= self.max_unfinalized {
            return Err(EngineError::TooMany(waiting));
        }
        let parent = self.store.fresh(&self.version(parent)?);
        let before = &parent.head.header;
        if ctx.number != before.number + 1
            || ctx.timestamp < before.timestamp
            || ctx.extra.len() > 32
        {
            return Err(EngineError::Context {
                number: ctx.number,
                timestamp: ctx.timestamp,
            });
        }
        let execution = self.store.stages().time(Stage::Execute, || {
            execute(&self.rules, &*parent, parent.head.hash, &ctx, txs, cancel)
        })?;
        let block = self.keep(&parent, &ctx, execution, None)?;
        // Nothing is expected of a header of our own, so nothing can differ.
        block
            .map(|block| Sealed { block })
            .map_err(|reason| ExecuteError::System(ctx.beneficiary, reason).into())
    }

    fn check(
        &self,
        block: &SealedBlock,
        rules: &dyn HeaderRules,
        cancel: &Cancel,
    ) -> Result<Verdict, EngineError> {
        let header = &block.header;
        let Ok(parent) = self.version(header.parent_hash) else {
            return Ok(Verdict::NotYet(Wait::Parent(header.parent_hash)));
        };
        let parent = self.store.fresh(&parent);
        let before = &parent.head.header;
        if header.number != before.number + 1
            || header.timestamp < before.timestamp
            || header.extra_data.len() > 32
        {
            return Ok(Verdict::Invalid(
                "its header does not follow its parent's".into(),
            ));
        }
        if header.base_fee_per_gas != Some(next_base_fee(&self.rules, before)) {
            return Ok(Verdict::Invalid(
                "its base fee does not follow from its parent".into(),
            ));
        }
        let verdict = rules.check(before, header);
        if verdict != Verdict::Valid {
            return Ok(verdict);
        }
        let mut given = Given {
            rest: block.transactions.clone().into_iter(),
            refused: None,
        };
        let ctx = context_of(header);
        let execution = self.store.stages().time(Stage::Execute, || {
            let hash = header.parent_hash;
            execute(&self.rules, &*parent, hash, &ctx, &mut given, cancel)
        })?;
        if let Some(reason) = given.refused {
            return Ok(Verdict::Invalid(format!(
                "one of its transactions is refused: {reason}"
            )));
        }
        Ok(match self.keep(&parent, &ctx, execution, Some(header))? {
            Ok(_) => Verdict::Valid,
            Err(reason) => Verdict::Invalid(reason),
        })
    }

    fn commit(&self, hash: B256, finality: &[u8]) -> Result<(), EngineError> {
        let head = self.store.head();
        if head.height(&hash)?.is_some() {
            return Ok(());
        }
        let mut branch = Vec::new();
        let mut next = hash;
        while next != head.head.hash {
            let version = self
                .overlays
                .lock()
                .get(&next)
                .cloned()
                .ok_or(EngineError::Unknown(next))?;
            next = version.head.header.parent_hash;
            branch.push(version);
        }
        branch.reverse();
        if let Some(last) = branch.last() {
            last.set_finality(finality);
        }
        self.store.commit(&branch)?;
        retain_descendants(&mut self.overlays.lock(), hash);
        Ok(())
    }

    fn finality(&self, number: u64) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.store.head().finality(number)?)
    }

    fn revert_to(&self, hash: B256) -> Result<(), EngineError> {
        let mark = self
            .store
            .head()
            .mark_of(hash)
            .ok_or(EngineError::Unknown(hash))?;
        self.revert_to_mark(mark)
    }
}

/// Drops every block that does not descend from the new head: it can never be committed.
fn retain_descendants(overlays: &mut B256Map<Arc<Version>>, head: B256) {
    let mut kept = vec![head];
    let mut waiting: Vec<_> = overlays.values().cloned().collect();
    waiting.sort_by_key(|version| version.head.number());
    for version in waiting {
        if kept.contains(&version.head.header.parent_hash) {
            kept.push(version.head.hash);
        } else {
            overlays.remove(&version.head.hash);
        }
    }
}

/// The context that a header was made with.
pub(crate) fn context_of(header: &Header) -> BlockCtx {
    BlockCtx {
        number: header.number,
        timestamp: header.timestamp,
        beneficiary: header.beneficiary,
        prev_randao: header.mix_hash,
        gas_limit: header.gas_limit,
        base_fee: header.base_fee_per_gas.unwrap_or_default(),
        parent_beacon_root: header.parent_beacon_block_root.unwrap_or_default(),
        extra: header.extra_data.clone(),
    }
}
