//! A block with all that is kept of it.

use crate::codec::{Codec, CodecError, get_rlp, put_rlp};
use alloy::{
    consensus::{
        Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxEnvelope, TxReceipt, TxType,
        transaction::Recovered,
    },
    rlp::{Decodable, Encodable, Header as RlpHeader},
};
use alloy_primitives::{Address, B256, Log};

/// A block, who sent its transactions, and what they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBlock {
    /// keccak256 of the header's RLP.
    pub hash: B256,
    /// The header.
    pub header: Header,
    /// The transactions, with their senders.
    pub transactions: Vec<Recovered<TxEnvelope>>,
    /// One receipt a transaction.
    pub receipts: Vec<Receipt<Log>>,
}

impl SealedBlock {
    /// Seals a header over its content.
    pub fn new(
        header: Header,
        transactions: Vec<Recovered<TxEnvelope>>,
        receipts: Vec<Receipt<Log>>,
    ) -> Self {
        Self {
            hash: header.hash_slow(),
            header,
            transactions,
            receipts,
        }
    }

    /// Height of the block.
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Where the logs of transaction `index` start among those of the block.
    pub fn first_log(&self, index: usize) -> u64 {
        self.receipts
            .iter()
            .take(index)
            .map(|receipt| receipt.logs.len() as u64)
            .sum()
    }

    /// Gas used by transaction `index`.
    pub fn gas_used(&self, index: usize) -> u64 {
        let upto = |i: usize| {
            self.receipts
                .get(i)
                .map_or(0, |receipt| receipt.cumulative_gas_used)
        };
        upto(index) - if index == 0 { 0 } else { upto(index - 1) }
    }

    /// Size of the block as Ethereum counts it: the RLP of header, transactions, no ommers, no
    /// withdrawals. Bytes.
    pub fn size(&self) -> usize {
        let transactions: usize = self.transactions.iter().map(|tx| tx.inner().length()).sum();
        let payload_length = self.header.length()
            + RlpHeader {
                list: true,
                payload_length: transactions,
            }
            .length()
            + transactions
            + 2;
        RlpHeader {
            list: true,
            payload_length,
        }
        .length()
            + payload_length
    }

    /// Reads hash and header only.
    pub(crate) fn read_header(bytes: &mut &[u8]) -> Result<(B256, Header), CodecError> {
        Ok((B256::read(bytes)?, get_rlp(bytes)?))
    }
}

/// The receipt as consensus sees it: typed, with its bloom.
pub fn receipt_envelope(kind: TxType, receipt: Receipt<Log>) -> ReceiptEnvelope<Log> {
    let receipt: ReceiptWithBloom<Receipt<Log>> = receipt.into_with_bloom();
    match kind {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
    }
}

impl Codec for SealedBlock {
    fn write(&self, out: &mut Vec<u8>) {
        self.hash.write(out);
        put_rlp(&self.header, out);
        (self.transactions.len() as u64).write(out);
        for transaction in &self.transactions {
            put_rlp(transaction.inner(), out);
            out.extend_from_slice(transaction.signer_ref().as_slice());
        }
        for receipt in &self.receipts {
            put_rlp(&receipt.status.coerce_status(), out);
            put_rlp(&receipt.cumulative_gas_used, out);
            put_rlp(&receipt.logs, out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let (hash, header) = Self::read_header(bytes)?;
        let count = u64::read(bytes)?;
        let transactions = (0..count)
            .map(|_| {
                let transaction: TxEnvelope = get_rlp(bytes)?;
                let signer = Address::from_slice(crate::codec::take(bytes, 20)?);
                Ok(Recovered::new_unchecked(transaction, signer))
            })
            .collect::<Result<_, CodecError>>()?;
        let receipts = (0..count)
            .map(|_| {
                let status: bool = get_rlp(bytes)?;
                let cumulative_gas_used = get_rlp(bytes)?;
                let logs = Vec::<Log>::decode(bytes).map_err(|_| CodecError)?;
                Ok(Receipt {
                    status: status.into(),
                    cumulative_gas_used,
                    logs,
                })
            })
            .collect::<Result<_, CodecError>>()?;
        Ok(Self {
            hash,
            header,
            transactions,
            receipts,
        })
    }
}
