import { answered, blobPrice, receiptTime, refused } from './common.mjs';

export default [
  blobPrice,
  receiptTime,
  ...answered('count out of range', 'geth answers null for a block that does not exist', null),
  ...refused(
    'legacy without a chain id', -32000, 'only replay-protected (EIP-155) transactions allowed over RPC',
    'geth takes none that could be replayed on another chain',
  ),
];
