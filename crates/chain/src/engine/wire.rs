//! Blocks between machines: the RLP of an ordinary Ethereum block.

use crate::store::SealedBlock;
use alloy::{
    consensus::{
        Block, BlockBody, TxEnvelope, TxType,
        transaction::{Recovered, SignerRecoverable},
    },
    rlp::{Decodable, Encodable},
};

/// Bytes that are no block that this chain could have made.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum WireError {
    /// More bytes than a block may have.
    #[error("a block of {size} bytes, where {limit} are allowed")]
    TooLarge {
        /// Bytes received.
        size: usize,
        /// Most bytes.
        limit: usize,
    },
    /// Not the RLP of a block.
    #[error("not the RLP of a block: {0}")]
    Rlp(String),
    /// A block with a second encoding would have two sets of bytes for one hash.
    #[error("not the canonical RLP of the block")]
    NotCanonical,
    /// Ommers, withdrawals or blob transactions, which no block here has.
    #[error("a block with ommers, withdrawals or blob transactions")]
    Foreign,
    /// A signature that recovers to nobody.
    #[error("transaction {0} of the block has an invalid signature")]
    Signature(usize),
}

/// The RLP of a block.
pub fn encode_block(block: &SealedBlock) -> Vec<u8> {
    let transactions = block
        .transactions
        .iter()
        .map(|tx| tx.inner().clone())
        .collect();
    let withdrawals = Some(Default::default());
    let body = BlockBody {
        transactions,
        ommers: Vec::new(),
        withdrawals,
    };
    let mut bytes = Vec::new();
    Block {
        header: block.header.clone(),
        body,
    }
    .encode(&mut bytes);
    bytes
}

/// Reads a block of at most `limit` bytes and finds who sent its transactions, on all cores. It has
/// no receipts yet.
pub fn decode_block(bytes: &[u8], limit: usize) -> Result<SealedBlock, WireError> {
    if bytes.len() > limit {
        return Err(WireError::TooLarge {
            size: bytes.len(),
            limit,
        });
    }
    let mut rest = bytes;
    let block = Block::<TxEnvelope>::decode(&mut rest)
        .map_err(|error| WireError::Rlp(error.to_string()))?;
    let body = &block.body;
    let blobs = body
        .transactions
        .iter()
        .any(|tx| tx.tx_type() == TxType::Eip4844);
    if blobs
        || !body.ommers.is_empty()
        || body
            .withdrawals
            .as_ref()
            .is_none_or(|list| !list.is_empty())
    {
        return Err(WireError::Foreign);
    }
    let mut again = Vec::with_capacity(bytes.len());
    block.encode(&mut again);
    if again != bytes {
        return Err(WireError::NotCanonical);
    }
    let transactions = recover(block.body.transactions)?;
    Ok(SealedBlock::new(block.header, transactions, Vec::new()))
}

/// Finds the senders, on all cores.
fn recover(transactions: Vec<TxEnvelope>) -> Result<Vec<Recovered<TxEnvelope>>, WireError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = transactions.len().div_ceil(cores).max(16);
    let senders = std::thread::scope(|scope| {
        let work: Vec<_> = transactions
            .chunks(share)
            .map(|chunk| {
                scope.spawn(|| {
                    chunk
                        .iter()
                        .map(|tx| tx.recover_signer().ok())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        // A thread that panicked found nobody.
        work.into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect::<Vec<_>>()
    });
    let found = transactions.into_iter().enumerate().map(|(index, tx)| {
        let sender = senders
            .get(index)
            .copied()
            .flatten()
            .ok_or(WireError::Signature(index))?;
        Ok(Recovered::new_unchecked(tx, sender))
    });
    found.collect()
}
