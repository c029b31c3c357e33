import { answered, asGeth, inGethsWords, worded } from './common.mjs';

const short = 'geth takes a storage key as a number too';

export default [
  ...['a slot', 'many slots', 'nobody', 'the past', 'before the contract'].flatMap((step) => answered(step, short)),
  ...asGeth('the future', 'header not found'),
  ...worded('a key too long', /32 bytes/, "geth's words"),
  ...inGethsWords('no keys', 'missing value for required argument 1'),
];
