//! What the market holds in memory.

use std::{collections::VecDeque, sync::Arc};

use canut_protocol::{Domain, order::OrderKind};

use crate::{
    book::Book,
    chain::{Batch, BlockRef, Mirror, Record, Touched, Update},
    order::Listed,
    prices::History,
    storage::{Loaded, StorageError, Store},
};

/// Blocks remembered to find where the chain forked.
const REMEMBERED: usize = 4_096;

/// The book, and all it follows from.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mirror: Mirror,
    pub(crate) history: History,
    pub(crate) book: Book,
    /// The last blocks, newest first.
    blocks: VecDeque<BlockRef>,
    /// All facts, in the order of the chain: the mirror and the history are folded from them.
    facts: Vec<Record>,
}

impl State {
    /// Builds it from the database.
    pub(crate) async fn load(store: &Store, domain: Domain) -> Result<Self, StorageError> {
        let Loaded {
            orders,
            facts,
            blocks,
        } = store.load(&domain).await?;
        let mut state = Self {
            mirror: Mirror::default(),
            history: History::default(),
            book: Book::new(domain.chain_id),
            blocks: blocks.into(),
            facts,
        };
        state.fold();
        // Requests last: what they look for is there then, and each is judged once.
        let (requests, offers): (Vec<_>, Vec<_>) = orders
            .into_iter()
            .partition(|entry| entry.kind() == OrderKind::Request);
        for entry in offers.into_iter().chain(requests) {
            state.book.insert(entry, &state.mirror);
        }
        Ok(state)
    }

    /// The newest block taken in.
    pub(crate) fn head(&self) -> Option<BlockRef> {
        self.blocks.front().copied()
    }

    /// The last blocks, newest first.
    pub(crate) fn known(&self) -> Vec<BlockRef> {
        self.blocks.iter().copied().collect()
    }

    /// Whether these blocks were taken in, and not taken back since.
    pub(super) fn knows(&self, blocks: &[BlockRef]) -> bool {
        blocks.iter().all(|block| self.blocks.contains(block))
    }

    /// Takes in a step of the chain; returns the orders whose standing changed.
    pub(super) fn apply(&mut self, update: &Update) -> Vec<Arc<Listed>> {
        match update {
            Update::Batch(batch) => self.grow(batch),
            Update::Rollback { to } => {
                self.blocks.retain(|block| block.number <= *to);
                let stand = self.facts.partition_point(|record| record.block <= *to);
                let void = self.facts.split_off(stand);
                if void.is_empty() {
                    return Vec::new();
                }
                // What these facts had changed is what their absence changes.
                let mut touched = Touched::default();
                for record in &void {
                    self.mirror.apply(record, &mut touched);
                }
                self.fold();
                self.book.refresh(&touched, &self.mirror)
            }
        }
    }

    fn grow(&mut self, batch: &Batch) -> Vec<Arc<Listed>> {
        let mut touched = Touched::default();
        for record in batch.events.iter().filter_map(Record::of) {
            self.mirror.apply(&record, &mut touched);
            self.history.apply(&record);
            self.facts.push(record);
        }
        self.blocks.push_front(batch.at);
        self.blocks.truncate(REMEMBERED);
        self.book.refresh(&touched, &self.mirror)
    }

    fn fold(&mut self) {
        (self.mirror, self.history) = (Mirror::default(), History::default());
        let mut ignored = Touched::default();
        for record in &self.facts {
            self.mirror.apply(record, &mut ignored);
            self.history.apply(record);
        }
    }
}
