//! Writing steps to the database: many at once, in one transaction.

use super::{
    SealedBlock,
    base::{
        ACCOUNTS, BLOCK_INDEX, BLOCKS, CODES, FINALITY, LOGS, META, NODES, STORAGE, TX_INDEX, UNDO,
        db, short, storage_key,
    },
    layer::{Layer, Step},
    logs::Section,
    version::Version,
};
use crate::{
    codec::Codec,
    state::{ReadError, StateChanges, write_account},
    trie::{NodeKey, NodeUpdates},
};
use redb::{Database, ReadableTable, Table, WriteTransaction};
use std::sync::Arc;

/// Writes `layers`, oldest first, and everything of `version`, the last of them, that the next
/// start needs.
pub(super) fn write(
    database: &Database,
    layers: &[Arc<Layer>],
    version: &Version,
    config: &[u8],
) -> Result<(), ReadError> {
    let mut tx = database.begin_write().map_err(db)?;
    // Without it, opening after a crash would walk the whole database.
    tx.set_quick_repair(true);
    write_blocks(&tx, layers)?;
    write_state(&tx, layers)?;
    write_undo(&tx, layers, version)?;
    {
        let mut meta = tx.open_table(META).map_err(db)?;
        let mut put = |key: &str, value: &[u8]| meta.insert(key, value).map(drop).map_err(db);
        put("step", &version.seq.to_bytes())?;
        put("number", &version.head.number().to_bytes())?;
        put("root", version.root.as_slice())?;
        put("floor", &version.floor.to_bytes())?;
        put("config", config)?;
    }
    tx.commit().map_err(db)?;
    Ok(())
}

/// The tables that blocks are in, and the log section being filled.
struct BlockTables<'t> {
    blocks: Table<'t, u64, &'static [u8]>,
    heights: Table<'t, (u64, u64), ()>,
    places: Table<'t, (u64, u64, u32), ()>,
    logs: Table<'t, u64, &'static [u8]>,
    finality: Table<'t, u64, &'static [u8]>,
    section: Section,
}

fn write_blocks(tx: &WriteTransaction, layers: &[Arc<Layer>]) -> Result<(), ReadError> {
    let logs = tx.open_table(LOGS).map_err(db)?;
    let section = newest_section(&logs)?;
    let mut tables = BlockTables {
        blocks: tx.open_table(BLOCKS).map_err(db)?,
        heights: tx.open_table(BLOCK_INDEX).map_err(db)?,
        places: tx.open_table(TX_INDEX).map_err(db)?,
        logs,
        finality: tx.open_table(FINALITY).map_err(db)?,
        section,
    };
    for layer in layers {
        match &layer.step {
            Step::Block(block) => {
                tables.add(block)?;
                if let Some(finality) = layer.finality.get() {
                    tables
                        .finality
                        .insert(block.number(), finality.as_ref())
                        .map_err(db)?;
                }
            }
            Step::Patch => {}
            Step::Revert { number, .. } => tables.truncate(*number)?,
        }
    }
    tables
        .logs
        .insert(tables.section.first, tables.section.to_bytes().as_slice())
        .map_err(db)?;
    Ok(())
}

fn newest_section(logs: &Table<'_, u64, &'static [u8]>) -> Result<Section, ReadError> {
    match logs.last().map_err(db)? {
        Some((first, bytes)) => Ok(Section::from_bytes(first.value(), bytes.value())?),
        None => Ok(Section::new(0)),
    }
}

impl BlockTables<'_> {
    fn add(&mut self, block: &SealedBlock) -> Result<(), ReadError> {
        let number = block.number();
        self.blocks
            .insert(number, block.to_bytes().as_slice())
            .map_err(db)?;
        self.heights
            .insert((short(&block.hash), number), ())
            .map_err(db)?;
        for (index, tx) in (0u32..).zip(&block.transactions) {
            self.places
                .insert((short(tx.inner().hash()), number, index), ())
                .map_err(db)?;
        }
        if self.section.is_full(number) {
            self.logs
                .insert(self.section.first, self.section.to_bytes().as_slice())
                .map_err(db)?;
            self.section = Section::new(number);
        }
        self.section.add(block);
        Ok(())
    }

    /// Removes the blocks above a height.
    fn truncate(&mut self, number: u64) -> Result<(), ReadError> {
        for entry in self
            .blocks
            .extract_from_if(number.saturating_add(1).., |_, _| true)
            .map_err(db)?
        {
            let block = SealedBlock::from_bytes(entry.map_err(db)?.1.value())?;
            self.heights
                .remove((short(&block.hash), block.number()))
                .map_err(db)?;
            for (index, tx) in (0u32..).zip(&block.transactions) {
                self.places
                    .remove((short(tx.inner().hash()), block.number(), index))
                    .map_err(db)?;
            }
        }
        self.logs
            .retain_in(number.saturating_add(1).., |_, _| false)
            .map_err(db)?;
        self.finality
            .retain_in(number.saturating_add(1).., |_, _| false)
            .map_err(db)?;
        if self.section.first > number {
            self.section = newest_section(&self.logs)?;
        }
        self.section.truncate(number);
        Ok(())
    }
}

fn write_state(tx: &WriteTransaction, layers: &[Arc<Layer>]) -> Result<(), ReadError> {
    let mut changes = StateChanges::default();
    let mut nodes = NodeUpdates::new();
    for layer in layers {
        changes.merge(&layer.changes);
        nodes.extend(
            layer
                .nodes
                .iter()
                .map(|(key, record): (&NodeKey, _)| (key.clone(), record.clone())),
        );
    }
    let mut accounts = tx.open_table(ACCOUNTS).map_err(db)?;
    for (owner, account) in &changes.accounts {
        match account {
            Some(account) => accounts.insert(&owner.0, write_account(account).as_slice()),
            None => accounts.remove(&owner.0),
        }
        .map_err(db)?;
    }
    let mut storage = tx.open_table(STORAGE).map_err(db)?;
    for (owner, slots) in &changes.storage {
        for (slot, value) in slots {
            let key = storage_key(owner, slot);
            if value.is_zero() {
                storage.remove(&key).map_err(db)?;
            } else {
                storage
                    .insert(&key, value.to_be_bytes_trimmed_vec().as_slice())
                    .map_err(db)?;
            }
        }
    }
    let mut codes = tx.open_table(CODES).map_err(db)?;
    for (hash, code) in &changes.codes {
        codes.insert(&hash.0, code.as_ref()).map_err(db)?;
    }
    let mut table = tx.open_table(NODES).map_err(db)?;
    for (key, record) in &nodes {
        match record {
            Some(record) => table.insert(key.as_bytes(), record.as_slice()),
            None => table.remove(key.as_bytes()),
        }
        .map_err(db)?;
    }
    Ok(())
}

fn write_undo(
    tx: &WriteTransaction,
    layers: &[Arc<Layer>],
    version: &Version,
) -> Result<(), ReadError> {
    let mut undo = tx.open_table(UNDO).map_err(db)?;
    let lowest = layers.iter().filter_map(|layer| match layer.step {
        Step::Revert { to, .. } => Some(to),
        _ => None,
    });
    if let Some(to) = lowest.min() {
        undo.retain_in(to.saturating_add(1).., |_, _| false)
            .map_err(db)?;
    }
    undo.retain_in(..=version.floor, |_, _| false).map_err(db)?;
    let first = layers.first().map_or(u64::MAX, |layer| layer.seq);
    for entry in version.history.iter().filter(|entry| entry.seq >= first) {
        undo.insert(entry.seq, entry.to_bytes().as_slice())
            .map_err(db)?;
    }
    Ok(())
}
