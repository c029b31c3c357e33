import { ABSENT } from '../lib/compare.mjs';
import { asGeth } from './common.mjs';

const gas = (value) => BigInt(value);

export default [
  {
    at: ['*: calls.result.gas', '*: top call.result.gas', '*: with logs.result.gas'],
    when: (anvil, ours) => gas(ours) >= gas(anvil) + 21_000n,
    reason: "geth's top call has the transaction's gas limit; anvil takes off the intrinsic gas",
  },
  {
    at: ['a call traced.result.gas', 'a call traced.result.calls.*.gas'], when: (anvil, ours) => gas(ours) < gas(anvil),
    reason: "a call without a limit gets geth's 50 million; anvil gives it the block's",
  },
  { at: 'unknown transaction.result.*', ours: ABSENT, reason: 'geth says that there is none' },
  { at: 'unknown transaction.error.code', anvil: ABSENT, ours: -32000, reason: 'see above' },
  { at: 'unknown transaction.error.message', anvil: ABSENT, ours: 'transaction not found', reason: 'see above' },
  ...asGeth('unknown tracer', /is not supported/),
];
