import { ABSENT } from '../lib/compare.mjs';
import { answered, blobPrice, receiptTime, refused } from './common.mjs';

export default [
  blobPrice,
  receiptTime,
  ...answered('count out of range', 'geth answers null for a block that does not exist', null),
  ...refused(
    'legacy without a chain id', -32000, 'only replay-protected (EIP-155) transactions allowed over RPC',
    'geth takes none that could be replayed on another chain',
  ),
  {
    at: ['from', 'blockHash', 'blockNumber', 'transactionIndex', 'gasPrice'].map((field) => `filled: *.result.tx.${field}`), ours: ABSENT,
    reason: 'geth gives the transaction alone: its sender, its block and what it pays there are not part of it',
  },
  { at: 'unknown transaction, raw.result', anvil: null, ours: '0x', reason: 'geth: no bytes' },
  ...refused(
    'filled: both kinds of fee', -32000, 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified', 'geth refuses an ambiguous price',
  ),
  ...refused('filled: for another chain', -32000, "chainId does not match node's (have=1, want=31337)", 'geth'),
  ...refused('filled: a creation of nothing', -32000, 'contract creation without any data provided', 'geth'),
];
