import { ABSENT } from '../lib/compare.mjs';
import { asGeth, extraData, inGethsWords, refused, totalDifficulty, worded } from './common.mjs';

const unknown = 'the method eth_foo does not exist/is not available';

export default [
  extraData,
  totalDifficulty,
  ...asGeth('unknown method', unknown, -32601),
  ...asGeth('batch.1', unknown, -32601),
  ...worded('no JSON', 'parse error', 'JSON-RPC 2.0 and geth', -32700),
  {
    at: ['size', 'uncles', 'transactions.0', 'withdrawals'].map((field) => `heads: two blocks.*.result.${field}`), ours: ABSENT,
    reason: 'geth sends headers, without what belongs to the body',
  },
  ...refused('heads: the end again', -32000, 'subscription not found', 'geth'),
  ...refused('refused: an unknown subscription', -32000, 'subscription not found', 'geth'),
  ...asGeth('refused: unknown kind', 'no "oldHeads" subscription in eth namespace', -32601),
  ...inGethsWords('refused: no kind', 'missing value for required argument 0'),
  ...inGethsWords('refused: a bad address', /^invalid argument 1: (?!.* at line )/),
  ...inGethsWords('refused: over HTTP', 'notifications not supported'),
];
