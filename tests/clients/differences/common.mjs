// Differences that many scripts meet, and short ways to write the usual kinds.
import { ABSENT } from '../lib/compare.mjs';

/** Ours refuses what anvil answers. */
export const refused = (step, code, message, reason) => [
  { at: `${step}.error.code`, anvil: ABSENT, ours: code, reason },
  { at: `${step}.error.message`, anvil: ABSENT, ours: message, reason },
  { at: [`${step}.result`, `${step}.result.**`], ours: ABSENT, reason },
];

/** Ours answers what anvil refuses; `result` pins a plain answer. */
export const answered = (step, reason, result) => [
  { at: `${step}.error.**`, ours: ABSENT, reason },
  { at: [`${step}.result`, `${step}.result.**`], anvil: ABSENT, ours: result, reason },
];

/** Both refuse, in other words, and with another code if one is given. */
export const worded = (step, message, reason, code) => [
  { at: `${step}.error.message`, ours: message, reason },
  ...(code === undefined ? [] : [{ at: `${step}.error.code`, ours: code, reason }]),
];

const GETH_WORDS = "geth's words and code, which libraries parse";
/** Both refuse; ours as geth does. */
export const asGeth = (step, message, code = -32000) => worded(step, message, GETH_WORDS, code);
/** The same where anvil's code is geth's. */
export const inGethsWords = (step, message) => worded(step, message, GETH_WORDS);

/** geth's search ends when the interval left is less than 1.5 % of its upper end. */
export const estimates = (...at) => [
  {
    at,
    when: (least, ours) => amount(ours) >= amount(least) && amount(ours) * 985n <= amount(least) * 1000n,
    reason: "geth stops searching within 1.5 % of the least gas; anvil's search goes to the end",
  },
];
const amount = (value) => BigInt(String(value).replace(/n$/, ''));

export const blobPrice = {
  at: '**.blobGasPrice', when: (anvil, ours) => /^(0x)?1n?$/.test(anvil) && (ours === ABSENT || ours === null),
  reason: 'geth gives a blob price only for blob transactions',
};
export const receiptTime = {
  at: '**.blockTimestamp', anvil: /^<time as (number|#)/, ours: ABSENT,
  reason: "geth's receipts have no time; anvil's is a number where JSON-RPC has hex",
};
export const extraData = {
  at: '**.extraData', anvil: '0x', ours: '0x63616e7574',
  reason: '"canut": our blocks name their maker',
};
export const totalDifficulty = {
  at: '**.totalDifficulty', when: (anvil, ours) => /^(0x)?0n?$/.test(anvil) && (ours === ABSENT || ours === null),
  reason: 'geth dropped it with proof of work',
};
export const size = {
  at: '**.size', when: (anvil, ours) => [1n, 6n].includes(amount(ours) - amount(anvil)),
  reason: 'anvil forgets the list of withdrawals (a byte); ours has 5 bytes of extra data; blocks.test.mjs checks ours',
};
export const genesis = [
  { at: '**.stateRoot', anvil: /^0x56e81f17/, ours: '<state 0>', reason: "anvil's genesis has no accounts in its root" },
  {
    at: ['**.baseFeePerGas', '**.baseFeePerGas.0'], anvil: /^(0x342770c0|875000000n?)$/, ours: /^(0x3b9aca00|1000000000n?)$/,
    reason: "anvil gives its first block the fee of its genesis; its genesis is started with our first block's fee",
  },
];
export const baseFeeInCalls = {
  at: '**.fee', anvil: /^[1-9]\d+n?$/, ours: /^0n?$/,
  reason: 'geth runs a call that names no price at a base fee of zero',
};
