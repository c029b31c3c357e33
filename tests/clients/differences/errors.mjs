import { asGeth, inGethsWords, refused, worded } from './common.mjs';

const argument = (n) => new RegExp(`^invalid argument ${n}: (?!.* at line )`);
const checks = 'geth checks it before it takes the transaction';
const decoding = "geth: the bytes are no transaction, so the code is not that of wrong params";

const sending = [
  ...asGeth('nonce too low', 'nonce too low: next nonce 1, tx nonce 0'),
  ...asGeth('insufficient funds', /^insufficient funds for gas \* price \+ value: balance 10{22}, tx cost 20000000210000000000000, overshot \d+$/),
  ...inGethsWords('too little gas', 'intrinsic gas too low: gas 20000, minimum needed 21000'),
  ...refused('too little gas for the data', -32000, 'intrinsic gas too low: gas 21100, minimum needed 22600', checks),
  ...refused('below the data floor', -32000, 'insufficient gas for floor data gas cost: gas 40000, minimum needed 61000', checks),
  ...inGethsWords('beyond the block', 'exceeds block gas limit'),
  ...inGethsWords('beyond a transaction', 'transaction gas limit too high (cap: 16777216, tx: 16777217)'),
  ...asGeth('a fee below the base fee', /^max fee per gas less than block base fee: address 0x\w{40}, maxFeePerGas: 1, baseFee: \d+$/),
  ...asGeth('another chain', 'invalid chain id for signer: have 1 want 31337'),
  ...refused('another chain, legacy', -32000, 'invalid chain id for signer: have 1 want 31337', checks),
  ...asGeth('too much initialisation code', 'max initcode size exceeded: code size 49153, limit 49152'),
  ...asGeth('a pauper', /^insufficient funds for gas \* price \+ value: balance 0, tx cost 210000000000001, overshot/),
  ...asGeth('a tip above the fee', /^max priority fee per gas higher than max fee per gas: /),
  ...asGeth('from an unlocked account', 'unknown account'),
];

const raw = [
  ...worded('raw: nothing', 'typed transaction too short', decoding, -32000),
  ...worded('raw: one byte', 'typed transaction too short', decoding, -32000),
  ...inGethsWords('raw: no hex', argument(0)),
  ...inGethsWords('raw: odd hex', argument(0)),
  ...worded('raw: an unknown type', 'transaction type not supported', decoding, -32000),
  ...worded('raw: a broken list', /^rlp: /, decoding, -32000),
  ...refused('raw: a byte too many', -32000, /^rlp: /, 'geth takes exactly one transaction'),
  ...worded('raw: random bytes', /^rlp: /, decoding, -32000),
  ...worded('raw: a signature beyond the curve', 'invalid sender', decoding, -32000),
];

const params = [
  ...['no params', 'a call without a call'].flatMap((step) => inGethsWords(`params: ${step}`, 'missing value for required argument 0')),
  ...inGethsWords('params: too many', 'too many arguments, want at most 2'),
  ...inGethsWords('params: params where none belong', 'too many arguments, want at most 0'),
  ...inGethsWords('params: a missing flag', 'missing value for required argument 1'),
  ...inGethsWords('params: params that are an object', 'non-array args'),
  ...[
    'an address too short', 'an address too long', 'an address that is a number', 'a hash too short', 'a call that is text',
    'a raw transaction that is a number',
  ].flatMap((step) => inGethsWords(`params: ${step}`, argument(0))),
  ...[
    'an unknown tag', 'a number beyond 64 bits', 'a decimal number', 'a block object of both kinds', 'a flag that is text',
    'a storage key too long', 'a storage key that is no hex',
  ].flatMap((step) => inGethsWords(`params: ${step}`, argument(1))),
  ...asGeth('params: a future block', 'header not found'),
  ...asGeth('params: an unknown block hash', 'header for hash not found'),
  ...inGethsWords('params: a call with a bad gas', 'err: intrinsic gas too low: gas 0, minimum needed 21000 (supplied gas 0)'),
];

const methods = [
  ...['eth_foo', 'nonsense', 'admin_peers', 'personal_listAccounts', ''].flatMap((method) =>
    inGethsWords(`method "${method}"`, `the method ${method} does not exist/is not available`),
  ),
  ...asGeth('method "eth_getWork"', 'the method eth_getWork does not exist/is not available', -32601),
];

export default [...sending, ...raw, ...params, ...methods];
