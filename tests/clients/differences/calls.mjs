import { ABSENT } from '../lib/compare.mjs';
import { asGeth, baseFeeInCalls, estimates, inGethsWords, refused, worded } from './common.mjs';

const reverts = {
  'reverts with an error': 'execution reverted',
  'fails an assertion': 'execution reverted: assert(false)',
  'divides by zero': 'execution reverted: division or modulo by zero',
  underflows: 'execution reverted: arithmetic underflow or overflow',
};
const failing = {
  ...reverts,
  'reverts with a reason': 'execution reverted: probe says no',
  'reverts silently': 'execution reverted',
  'pays a function that takes nothing': 'execution reverted',
  'runs an invalid opcode': 'invalid opcode: INVALID',
  'runs out of gas': 'out of gas',
};
const succeeding = [
  'a value', 'writes', 'emits', 'creates', 'nests', 'clears', 'needs a reserve of gas', 'a transfer to a contract',
  'nothing at all', 'nobody as sender', 'input instead of data', 'input and data alike', 'input and data that differ',
  'a creation', 'a precompile',
];
const bothKinds = 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified';
const funds = 'insufficient funds for gas * price + value: address 0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A have 0 want';
const checks = 'geth checks an estimate as it checks a call; anvil does not';

export default [
  baseFeeInCalls,
  ...estimates(...succeeding.map((step) => `${step}: estimate.result`), 'estimate at a past block.result'),
  ...Object.entries(reverts).flatMap(([step, message]) =>
    ['call', 'estimate'].flatMap((how) => inGethsWords(`${step}: ${how}`, message)),
  ),
  ...Object.entries(failing).flatMap(([step, error]) => [
    { at: `${step}: access list.error.*`, ours: ABSENT, reason: 'geth gives the list of a failed call, and the error beside it' },
    { at: `${step}: access list.result.error`, anvil: ABSENT, ours: error, reason: 'see above' },
    { at: `${step}: access list.result.gasUsed`, anvil: ABSENT, ours: /^0x[0-9a-f]+$/, reason: 'see above' },
    { at: `${step}: access list.result.accessList`, anvil: ABSENT, ours: '[]', reason: 'see above' },
  ]),
  ...['runs an invalid opcode: call', 'runs an invalid opcode: estimate', 'a creation that fails: call', 'a creation that fails: estimate']
    .flatMap((step) => asGeth(step, 'invalid opcode: INVALID')),
  ...asGeth('runs out of gas: call', 'out of gas'),
  ...asGeth('runs out of gas: estimate', 'gas required exceeds allowance (100000)'),
  ...asGeth('gas for the data only: call', 'out of gas'),
  ...asGeth('gas for the data only: estimate', 'gas required exceeds allowance (21300)'),
  ...worded(
    'too little gas: call', 'err: intrinsic gas too low: gas 20000, minimum needed 21000 (supplied gas 20000)', "geth's words",
  ),
  ...asGeth('a transfer beyond the balance: call', `err: ${funds} 1 (supplied gas 50000000)`),
  ...asGeth('a transfer at a price beyond the balance: call', `err: ${funds} 50000000000000000 (supplied gas 50000000)`),
  ...asGeth('another chain: call', "chainId does not match node's (have=1, want=31337)"),
  ...asGeth('a tip above the fee: call', /^err: max priority fee per gas higher than max fee per gas: address 0x7099.* \(supplied gas 50000000\)$/),
  ...refused('both kinds of fee: call', -32000, bothKinds, 'geth refuses an ambiguous price'),
  ...refused('a fee below the base fee: call', -32000, /^err: max fee per gas less than block base fee: .* \(supplied gas 50000000\)$/, 'geth checks the price that a call names'),
  ...refused('both kinds of fee: estimate', -32000, bothKinds, checks),
  ...refused('a transfer beyond the balance: estimate', -32000, new RegExp(`^failed with \\d+ gas: ${funds.replace(/[*+]/g, '\\$&')} 1$`), checks),
  ...refused('a transfer at a price beyond the balance: estimate', -32000, 'gas required exceeds allowance (0)', checks),
  ...refused('a tip above the fee: estimate', -32000, /^failed with \d+ gas: max priority fee per gas higher than max fee per gas/, checks),
  ...refused('a fee below the base fee: estimate', -32000, /^failed with \d+ gas: max fee per gas less than block base fee/, checks),
  ...refused('another chain: estimate', -32000, "chainId does not match node's (have=1, want=31337)", checks),
  ...['at 0xffff: call', 'at 0xffff: environment'].flatMap((step) => asGeth(step, 'header not found')),
  ...asGeth('at an unknown hash: call', 'header for hash not found'),
  ...asGeth('override of state and difference', /^account 0x5FbDB2315678afecb367f032d93F642f64180aa3 has both 'state' and 'stateDiff'$/),
];
