import { ABSENT } from '../lib/compare.mjs';
import { answered, blobPrice, extraData, genesis, receiptTime, refused, size, totalDifficulty } from './common.mjs';

const percentile = 'geth refuses percentiles that are out of range or order';

export default [
  extraData,
  totalDifficulty,
  size,
  blobPrice,
  receiptTime,
  ...genesis,
  { at: ['pending block.hash', 'pending block.nonce', 'pending block.miner'], ours: null, reason: 'geth: a block that is not sealed has none' },
  { at: 'fees: *.result.reward', anvil: '[]', ours: ABSENT, reason: 'geth leaves out what was not asked for' },
  {
    at: 'fees: of one past block.result.baseFeePerGas.1', anvil: '0x1eb126d8', ours: '0x28145256',
    reason: "the last fee is that of the block after the range; anvil always gives the next block's",
  },
  ...answered('fees: without rewards', 'geth takes null for no percentiles'),
  ...refused('fees: of the future', -32000, 'request beyond head block: requested 65535, head 4', 'geth refuses it'),
  ...refused('fees: percentiles that fall', -32000, 'invalid reward percentile: #0:50.000000 >= #1:10.000000', percentile),
  ...refused('fees: percentiles beyond a hundred', -32000, 'invalid reward percentile: 101.000000', percentile),
  { at: 'fees: too many percentiles.accepted', anvil: true, ours: false, reason: 'geth allows a hundred' },
  ...refused('fees: too many percentiles', -32000, 'over the query limit 100', 'geth allows a hundred').slice(0, 2),
];
