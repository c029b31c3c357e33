import { ABSENT } from '../lib/compare.mjs';
import { answered, asGeth, refused } from './common.mjs';

const funds = 'insufficient funds for gas * price + value: balance 0, tx cost 210000000000001, overshot 210000000000001';
const dearer = 'geth asks for a tenth more of both fee and tip';

export default [
  ...asGeth('the same again', 'already known'),
  {
    at: 'waiting transaction.result.gasPrice', anvil: '0x6fc23ac0', ours: '0x2540be400',
    reason: 'geth: the most a waiting transaction would pay',
  },
  {
    at: ['waiting: content.result.queued.*.**', 'waiting: inspection.result.queued.**'],
    when: (anvil, ours) => anvil === ABSENT || ours === ABSENT,
    reason: 'geth gives senders with a checksum; the rest is compared in the content of one sender and in pool.test.mjs',
  },
  ...answered('waiting: content of one', 'a method of geth that anvil lacks'),
  ...asGeth('mined again', 'nonce too low: next nonce 3, tx nonce 0'),
  ...asGeth('a nonce used', 'nonce too low: next nonce 3, tx nonce 1'),
  ...asGeth('from a pauper beyond a gap', funds),
  ...['at the same price', 'with a dearer tip only'].map((what) => ({
    at: `replacement ${what}.error.code`, anvil: -32003, ours: -32000, reason: "geth's code",
  })),
  ...['a little dearer', 'with a dearer fee only'].flatMap((what) =>
    refused(`replacement ${what}`, -32000, 'replacement transaction underpriced', dearer),
  ),
  ...answered('replacement a tenth dearer', `${dearer}; anvil compares it with the ones it took before`),
  { at: 'replaced transaction', anvil: true, ours: false, reason: 'what was replaced is gone; anvil keeps both' },
];
