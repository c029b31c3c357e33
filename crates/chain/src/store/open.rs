//! Opening a store: a new chain from its genesis, or what is there, with the journal replayed.

use super::{
    Base, Draft, Retention, SealedBlock, Shared, Store, StoreConfig, StoreError, Version, Wake,
    Writer,
    base::{
        ACCOUNTS, BLOCK_INDEX, BLOCKS, CODES, FINALITY, LOGS, META, NODES, STORAGE, TX_INDEX, UNDO,
        db,
    },
    checkpoint,
    history::GENESIS,
    journal::Journal,
    layer::{Record, Step, Undo},
};
use crate::{
    codec::{Codec, CodecError},
    state::{ReadError, StateChanges},
};
use alloy::consensus::Header;
use alloy_primitives::{B256, keccak256};
use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use redb::{Database, ReadableDatabase, ReadableTable, backends::InMemoryBackend};
use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// The database's file, in the folder of a chain.
pub(crate) const DATABASE: &str = "chain.redb";

/// The first block and the state in it; the header lacks its state root.
#[derive(Clone, Debug)]
pub(crate) struct GenesisBlock {
    pub(crate) chain_id: u64,
    pub(crate) header: Header,
    pub(crate) state: StateChanges,
}

impl Store {
    /// Opens the chain in the folder of `config`, or starts one with `genesis`.
    pub(crate) fn open(config: StoreConfig, genesis: GenesisBlock) -> Result<Self, StoreError> {
        let identity = identity(&genesis);
        let database = open_database(&config)?;
        if is_new(&database)? {
            write_genesis(&database, genesis, &identity)?;
        }
        let base = Arc::new(Base::open(&database, false)?);
        let version = load(&database, &base, &identity)?;
        let (version, journal) = replay(&config, version)?;
        let shared = Arc::new(Shared {
            head: ArcSwap::from_pointee(version),
            base: ArcSwap::new(base),
            writer: Mutex::new(Writer {
                journal,
                pending: 0,
            }),
            pinned: AtomicU64::new(u64::MAX),
            failed: AtomicBool::new(false),
            wake: Mutex::new(Wake::No),
            woken: Condvar::new(),
            caught_up: Condvar::new(),
            config,
            identity,
            database,
        });
        let runner = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || runner.run())?;
        Ok(Self {
            shared,
            checkpointer: Mutex::new(Some(thread)),
        })
    }
}

/// What tells one chain from another: chain id, and all of the genesis but its time.
fn identity(genesis: &GenesisBlock) -> Vec<u8> {
    let header = Header {
        timestamp: 0,
        ..genesis.header.clone()
    };
    let mut bytes = alloy::rlp::encode(&header);
    genesis.state.write(&mut bytes);
    format!(
        "chain id {}, genesis {}",
        genesis.chain_id,
        keccak256(&bytes)
    )
    .into_bytes()
}

fn open_database(config: &StoreConfig) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(config.cache);
    let database = match &config.dir {
        Some(dir) => {
            fs::create_dir_all(dir)?;
            builder.create(dir.join(DATABASE))
        }
        None => builder.create_with_backend(InMemoryBackend::new()),
    };
    Ok(database.map_err(|error| ReadError::Database(db(error)))?)
}

fn is_new(database: &Database) -> Result<bool, ReadError> {
    let tx = database.begin_read().map_err(db)?;
    match tx.open_table(META) {
        // The last thing that a new chain writes.
        Ok(meta) => Ok(meta.get("config").map_err(db)?.is_none()),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(true),
        Err(error) => Err(db(error).into()),
    }
}

/// Steps start at 1: the genesis block.
fn write_genesis(
    database: &Database,
    genesis: GenesisBlock,
    identity: &[u8],
) -> Result<(), StoreError> {
    let tx = database
        .begin_write()
        .map_err(|error| ReadError::from(db(error)))?;
    create_tables(&tx)?;
    tx.commit().map_err(|error| ReadError::from(db(error)))?;
    let void = SealedBlock::new(Header::default(), Vec::new(), Vec::new());
    let base = Arc::new(Base::open(database, false)?);
    let void = Version::of_base(
        base,
        void,
        alloy_trie::EMPTY_ROOT_HASH,
        imbl::Vector::new(),
        GENESIS,
    );
    let draft = Draft::new(&void, genesis.state)?;
    let header = Header {
        state_root: draft.root,
        ..genesis.header
    };
    let block = Arc::new(SealedBlock::new(header, Vec::new(), Vec::new()));
    let mut version = draft.seal(
        &void,
        block,
        Retention {
            steps: 1,
            pinned: u64::MAX,
        },
    );
    version.history.clear();
    Ok(checkpoint::write(
        database,
        &version.layers_above(0),
        &version,
        identity,
    )?)
}

fn create_tables(tx: &redb::WriteTransaction) -> Result<(), ReadError> {
    let zero = 0u64.to_bytes();
    let mut meta = tx.open_table(META).map_err(db)?;
    meta.insert("step", zero.as_slice()).map_err(db)?;
    meta.insert("number", zero.as_slice()).map_err(db)?;
    tx.open_table(BLOCKS).map_err(db)?;
    tx.open_table(BLOCK_INDEX).map_err(db)?;
    tx.open_table(TX_INDEX).map_err(db)?;
    tx.open_table(ACCOUNTS).map_err(db)?;
    tx.open_table(STORAGE).map_err(db)?;
    tx.open_table(CODES).map_err(db)?;
    tx.open_table(NODES).map_err(db)?;
    tx.open_table(UNDO).map_err(db)?;
    tx.open_table(LOGS).map_err(db)?;
    tx.open_table(FINALITY).map_err(db)?;
    Ok(())
}

/// The version that the database holds.
fn load(database: &Database, base: &Arc<Base>, identity: &[u8]) -> Result<Version, StoreError> {
    let tx = database
        .begin_read()
        .map_err(|error| ReadError::from(db(error)))?;
    let read = || -> Result<_, ReadError> {
        let meta = tx.open_table(META).map_err(db)?;
        let get = |key: &str| -> Result<Vec<u8>, ReadError> {
            Ok(meta
                .get(key)
                .map_err(db)?
                .ok_or(CodecError)?
                .value()
                .to_vec())
        };
        let undo = tx.open_table(UNDO).map_err(db)?;
        let mut history = imbl::Vector::new();
        for entry in undo.iter().map_err(db)? {
            history.push_back(Arc::new(Undo::from_bytes(entry.map_err(db)?.1.value())?));
        }
        Ok((
            get("config")?,
            B256::from_bytes(&get("root")?)?,
            u64::from_bytes(&get("floor")?)?,
            history,
        ))
    };
    let (config, root, floor, history) = read()?;
    if config != identity {
        return Err(StoreError::OtherChain(
            String::from_utf8_lossy(&config).into_owned(),
        ));
    }
    let head = base.block(base.number)?.ok_or(CodecError)?;
    Ok(Version::of_base(
        Arc::clone(base),
        head,
        root,
        history,
        floor,
    ))
}

/// Lays the steps of the journal over the database, and checks the state root of every block.
fn replay(
    config: &StoreConfig,
    mut version: Version,
) -> Result<(Version, Option<Journal>), StoreError> {
    let Some(dir) = &config.dir else {
        return Ok((version, None));
    };
    let retention = Retention {
        steps: config.history,
        pinned: u64::MAX,
    };
    let next = version.seq + 1;
    let journal = Journal::open::<StoreError>(&dir.join("journal"), next, |bytes| {
        let record = Record::from_bytes(bytes)?;
        if record.seq <= version.seq {
            return Ok(version.seq + 1);
        }
        if record.seq != version.seq + 1 {
            let text = format!(
                "the journal jumps from step {} to {}",
                version.seq, record.seq
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
        }
        version = match record.step {
            Step::Revert { to, .. } => version.revert_to(to, retention)?,
            Step::Patch => Draft::new(&version, record.changes)?.patch(&version, retention),
            Step::Block(block) => {
                let draft = Draft::new(&version, record.changes)?;
                if draft.root != block.header.state_root {
                    let text = format!(
                        "replaying block {} gives another state root",
                        block.number()
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
                }
                draft.seal(&version, block, retention)
            }
        };
        version.set_finality(&record.finality);
        Ok(version.seq + 1)
    })?;
    Ok((version, Some(journal)))
}
