// What the libraries make of the differences that the raw scripts list.
import { ABSENT } from '../lib/compare.mjs';
import { baseFeeInCalls, blobPrice, estimates, extraData, genesis, receiptTime, size, totalDifficulty } from './common.mjs';

const words = "geth's words and codes: see raw calls and raw errors";
const block = [extraData, totalDifficulty, size];
const NONCE = /nonce too low: next nonce \d, tx nonce 0/;
const FUNDS = /insufficient funds for gas \* price \+ value: balance \d+, tx cost \d+, overshot \d+/;
const GAS = /intrinsic gas too low: gas 20000, minimum needed 21000/;
const REVERT = /[Ee]xecution reverted( for an unknown reason\.$|$|( with reason)?: (assert\(false\)|division or modulo by zero|arithmetic underflow or overflow))/;

export const ethers = [
  extraData,
  blobPrice,
  baseFeeInCalls,
  ...estimates('estimate'),
  { at: 'revert with *: estimate.rpc.message', ours: REVERT, reason: words },
  { at: ['nonce used.rpc.code', 'insufficient funds.rpc.code'], anvil: -32003, ours: -32000, reason: words },
  { at: 'nonce used.rpc.message', ours: NONCE, reason: words },
  { at: 'insufficient funds.rpc.message', ours: FUNDS, reason: words },
  { at: 'too little gas.rpc.message', ours: GAS, reason: words },
  { at: 'unknown method.code', anvil: 'UNKNOWN_ERROR', ours: 'UNSUPPORTED_OPERATION', reason: "ethers knows geth's words" },
  { at: 'unknown method.shortMessage', ours: 'unsupported operation', reason: "ethers knows geth's words" },
  { at: 'unknown method.rpc.message', ours: 'the method eth_foo does not exist/is not available', reason: words },
  { at: 'insufficient funds: estimate.result', anvil: '21000n', ours: ABSENT, reason: 'anvil estimates what cannot be paid' },
  { at: 'insufficient funds: estimate.code', anvil: ABSENT, ours: 'INSUFFICIENT_FUNDS', reason: 'see above' },
  { at: 'insufficient funds: estimate.shortMessage', anvil: ABSENT, ours: 'insufficient funds', reason: 'see above' },
  { at: 'insufficient funds: estimate.rpc.code', anvil: ABSENT, ours: -32000, reason: 'see above' },
  { at: 'insufficient funds: estimate.rpc.message', anvil: ABSENT, ours: /insufficient funds for gas \* price \+ value/, reason: 'see above' },
];

export const viem = [
  ...block,
  blobPrice,
  receiptTime,
  genesis[1],
  baseFeeInCalls,
  ...estimates('estimate'),
  { at: 'revert with *: *.*.2', anvil: /custom error|panic: /, ours: REVERT, reason: words },
  { at: ['nonce used.2.*', 'insufficient funds.2.*'], anvil: /Transaction(RejectedRpcError| creation failed)/, ours: /InvalidInputRpcError|Missing or invalid parameters/, reason: words },
  { at: ['nonce used.*.1', 'insufficient funds.*.1'], anvil: -32003, ours: -32000, reason: words },
  { at: 'nonce used.4.2', ours: NONCE, reason: words },
  { at: 'insufficient funds.4.2', ours: FUNDS, reason: words },
  { at: 'too little gas.4.2', ours: GAS, reason: words },
];

export const web3 = [
  ...block,
  blobPrice,
  receiptTime,
  ...genesis,
  baseFeeInCalls,
  ...estimates('estimate', 'built.gas'),
  {
    at: ['prices.*', 'built.maxPriorityFeePerGas', 'built.maxFeePerGas'], when: (anvil, ours) => ours < anvil,
    reason: "our blocks have room: the tip suggested is always 1 gwei; anvil's follows what others paid",
  },
  { at: ['nonce used.rpc.code', 'insufficient funds.rpc.code'], anvil: -32003, ours: -32000, reason: words },
  { at: ['nonce used.message', 'nonce used.rpc.message'], ours: NONCE, reason: words },
  { at: ['insufficient funds.message', 'insufficient funds.rpc.message'], ours: FUNDS, reason: words },
  { at: ['too little gas.message', 'too little gas.rpc.message'], ours: GAS, reason: words },
];

export const cast = [
  ...block,
  blobPrice,
  receiptTime,
  ...estimates('estimate'),
  { at: ['revert with an error.stderr', 'assertion.stderr'], ours: /error code 3: execution reverted(: assert\(false\))?, data: "0x/, reason: words },
  { at: 'nonce used.stderr', ours: NONCE, reason: words },
  { at: 'insufficient funds.stderr', ours: FUNDS, reason: words },
  { at: 'unknown method.stderr', ours: /error code -32601: the method eth_foo does not exist/, reason: words },
];
