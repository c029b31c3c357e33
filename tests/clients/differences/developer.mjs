import { worded } from './common.mjs';

const hardhat = "Hardhat's answer, whose network these methods come from";
const setters = ['set balance', 'set nonce', 'set code', 'impersonate', 'stop', 'mine', 'mine with an interval'];

export default [
  { at: setters.flatMap((what) => [`hardhat: ${what}.result`, `anvil: ${what}.result`]), anvil: null, ours: true, reason: hardhat },
  { at: 'reset.result', anvil: null, ours: true, reason: hardhat },
  { at: 'increase the time.result', anvil: 86_400, ours: '86400', reason: hardhat },
  { at: ['first snapshot.result', 'second snapshot.result'], when: (anvil, ours) => Number(ours) === Number(anvil) + 1, reason: hardhat },
  { at: 'time does not run backwards.code', anvil: -32602, ours: -32000, reason: hardhat },
  ...worded('a balance that is no number', /^invalid argument 1: (?!.* at line )/, 'which argument it is'),
  ...worded('storage of the wrong size', /^invalid argument 2: (?!.* at line )/, 'which argument it is'),
];
